import { expect, test } from '@jest/globals'
import { readProtobuf } from '../../../playground/apiserver/protobuf.ts'

const bytes = (number: number, content: Uint8Array | string) => {
  const value = Buffer.from(content)
  expect(value.length).toBeLessThan(128)
  return Buffer.concat([Buffer.from([(number << 3) | 2, value.length]), value])
}
const whole = (number: number, value: number) => Buffer.from([number << 3, value])
const entry = (key: string, value: string) => Buffer.concat([bytes(1, key), bytes(2, value)])

function envelope(apiVersion: string, kind: string, ...fields: Buffer[]): Buffer {
  const typeMeta = Buffer.concat([bytes(1, apiVersion), bytes(2, kind)])
  return Buffer.concat([Buffer.from('k8s\0'), bytes(1, typeMeta), bytes(2, Buffer.concat(fields))])
}

test('a secret is read with its data in base64 and without what was never set', () => {
  const metadata = Buffer.concat([
    bytes(1, 's'),
    bytes(2, ''),
    bytes(3, 'dev'),
    whole(7, 0),
    bytes(8, ''),
    bytes(11, entry('app', 'web')),
  ])
  const secret = envelope(
    'v1',
    'Secret',
    bytes(1, metadata),
    bytes(2, entry('k', 'v')),
    bytes(3, ''),
  )
  expect(readProtobuf(secret)).toEqual({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's', namespace: 'dev', labels: { app: 'web' } },
    data: { k: Buffer.from('v').toString('base64') },
  })
})

test('a 0 that says something is kept', () => {
  const spec = whole(1, 0)
  expect(readProtobuf(envelope('apps/v1', 'Deployment', bytes(2, spec)))).toMatchObject({
    spec: { replicas: 0 },
  })
})

test('options belong to every group', () => {
  const options = envelope('apps/v1', 'DeleteOptions', whole(1, 5), bytes(4, 'Foreground'))
  expect(readProtobuf(options)).toMatchObject({
    kind: 'DeleteOptions',
    gracePeriodSeconds: 5,
    propagationPolicy: 'Foreground',
  })
})

test.each([
  ['no envelope', Buffer.from('{"kind": "Pod"}'), 'does not begin'],
  ['an unknown kind', envelope('example.com/v1', 'Widget'), 'Widget'],
  ['a cut message', envelope('v1', 'Secret', Buffer.from([10, 99, 1])), 'cut off'],
])('%s is refused with a sentence', (_, body, message) => {
  expect(() => readProtobuf(body)).toThrow(message)
})

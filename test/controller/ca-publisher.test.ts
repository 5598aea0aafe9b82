/** Where the certificates are to be, and where they are not. */
import { expect, test } from '@jest/globals'
import { type ConfigMap, planOf } from '../../controller/ca-publisher.ts'
import { namesOf } from '../../controller/identity.ts'

const OURS = { 'app.kubernetes.io/part-of': 'azds' }
const map = (
  namespace: string,
  text: string,
  labels: Record<string, string> = OURS,
): ConfigMap => ({
  metadata: { name: 'azds-ca', namespace, labels },
  data: { 'ca.crt': text },
})

test.each([
  ['nothing is there', ['dev'], [], ['dev'], []],
  ['all is right', ['dev'], [map('dev', 'A')], [], []],
  ['it was edited', ['dev'], [map('dev', 'junk')], ['dev'], []],
  ['its data is gone', ['dev'], [{ metadata: map('dev', '').metadata }], ['dev'], []],
  ['its label is gone', ['dev'], [map('dev', 'A', {})], ['dev'], []],
  ['the namespace is a space no more', [], [map('dev', 'A')], [], ['dev']],
  ['somebody else has one of that name', [], [map('dev', 'A', {})], [], []],
] as [string, string[], ConfigMap[], string[], string[]][])(
  '%s',
  (_, wanted, found, apply, remove) => {
    const byNamespace = new Map(found.map((one) => [one.metadata.namespace ?? '', one]))
    expect(planOf(new Set(wanted), byNamespace, 'A')).toEqual({ apply, remove })
  },
)

test('a certificate is good for every name by which the Service is called', () => {
  expect(namesOf('azds-api', 'tools', 'example.org')).toEqual([
    'azds-api.tools.svc',
    'azds-api.tools.svc.example.org',
    'azds-api.tools',
    'azds-api',
  ])
})

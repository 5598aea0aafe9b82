/** What a sidecar tells of itself, from its own header to what the controller reads. */
import { expect, test } from '@jest/globals'
import { readSidecarReport } from '../../../controller/feed/sidecar-report.ts'
import { createSidecarReporter, inheritedName } from '../../../proxy/sidecar-report.ts'
import { feedService, snapshot, tableOf } from '../../core/feed-fixture.ts'
import { eventually } from '../../proxy/fake-controller.ts'

const TREE = { alice: 'dev', dev: null }
const table = tableOf(
  snapshot(TREE, [
    feedService('alice/web', ['10.96.0.1']),
    feedService('dev/web', ['10.96.0.2']),
    feedService('dev/headless', []),
    feedService('dev/orders', ['10.96.0.3']),
  ]),
)

function reporter(resolve: (name: string, family: 4 | 6) => Promise<string[]>) {
  const said = { times: 0 }
  const it = createSidecarReporter({
    table,
    space: 'alice',
    resolve,
    random: () => 0,
    tell: () => {
      said.times++
    },
    readResolvConf: () => 'search old\nnameserver 10.96.0.10\nsearch alice.svc.a  dev.svc.a a\n',
  })
  return { it, said, read: () => readSidecarReport(it.report()) }
}

test('a name is looked up that only an ancestor has, and that has an address', () => {
  expect(inheritedName(table, 'alice')).toBe('orders')
  expect(inheritedName(table, 'dev')).toBeNull()
  expect(inheritedName(table, 'elsewhere')).toBeNull()
})

test('before its first table a sidecar tells its version and its search list', () => {
  const { read } = reporter(async () => [])
  expect(read()).toEqual({
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    search: ['alice.svc.a', 'dev.svc.a', 'a'],
    parentLookup: null,
  })
})

test.each([
  ['is found', async () => ['10.96.0.3'], { ok: true }],
  ['has no address', async () => [], { ok: false, message: 'it has no address' }],
  [
    'is not found',
    () => Promise.reject(new Error('getaddrinfo ENOTFOUND örders\n')),
    { ok: false, message: 'Error: getaddrinfo ENOTFOUND örders\n' },
  ],
])('that the name %s is told once', async (_, resolve, outcome) => {
  const { it, said, read } = reporter(resolve)
  it.tableTaken()
  it.tableTaken()
  await eventually('the report', () => said.times > 0)
  it.tableTaken()
  expect(said.times).toBe(1)
  expect(it.report()).toMatch(/^[\x20-\x7e]+$/)
  expect(read()?.parentLookup).toEqual({ name: 'orders', ...outcome })
  it.stop()
})

test.each([
  ['nothing', undefined],
  ['no JSON', '{'],
  ['no object', '"x"'],
  ['no version', '{"search":[]}'],
  ['far too much', JSON.stringify({ version: 'x'.repeat(9000) })],
])('%s is no report', (_, header) => {
  expect(readSidecarReport(header)).toBeNull()
})

test('what of a report cannot be read is left out, the rest counts', () => {
  const header = JSON.stringify({ version: '1.0.0', search: 'x', parentLookup: { name: 1 } })
  expect(readSidecarReport(header)).toEqual({ version: '1.0.0', search: null, parentLookup: null })
})

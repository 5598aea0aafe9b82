/** The query of a list: what is taken, and what is refused by name. */
import { expect, test } from '@jest/globals'
import {
  continueTokenOf,
  cursorOf,
  listQueryOf,
  traceParametersOf,
} from '../../../controller/resources/list-query.ts'
import { StatusError } from '../../../controller/resources/status.ts'
import { traceIdOf } from '../../core/sample-records.ts'

const PLAIN = {
  watch: false,
  limit: 100,
  continue: null,
  name: null,
  namespace: null,
  since: null,
  bookmarks: false,
  timeoutSeconds: null,
}

test.each([
  [{}, {}],
  [{ limit: '500' }, { limit: 500 }],
  [{ limit: '100000' }, { limit: 500 }],
  [{ limit: '0' }, { limit: 100 }],
  [{ watch: 'true' }, { watch: true }],
  [
    { watch: '1', allowWatchBookmarks: 'true' },
    { watch: true, bookmarks: true },
  ],
  [{ watch: 'false' }, {}],
  [{ resourceVersion: '1793158413000012' }, { since: 1793158413000012 }],
  [{ resourceVersion: '0' }, {}],
  [{ timeoutSeconds: '30' }, { timeoutSeconds: 30 }],
  [{ fieldSelector: 'metadata.name=a' }, { name: 'a' }],
  [{ fieldSelector: 'metadata.namespace==b,metadata.name=a' }, { name: 'a', namespace: 'b' }],
  [{ continue: 'x' }, { continue: 'x' }],
  [{ labelSelector: '', includeObject: 'Metadata', pretty: 'true' }, {}],
])('%j is understood', (parameters: Record<string, string>, expected) => {
  expect(listQueryOf(parameters)).toEqual({ ...PLAIN, ...expected })
})

const messageOf = (act: () => unknown): string => {
  try {
    act()
  } catch (error) {
    if (error instanceof StatusError) {
      expect(error.status).toMatchObject({ kind: 'Status', code: 400, reason: 'BadRequest' })
      return error.message
    }
  }
  throw new Error('it was not refused')
}

test.each([
  [{ labelSelector: 'app=web' }, 'labelSelector="app=web"'],
  [{ limit: '-1' }, 'limit="-1"'],
  [{ limit: 'many' }, 'limit="many"'],
  [{ resourceVersion: 'abc' }, 'resourceVersion="abc"'],
  [{ fieldSelector: 'status.phase=Running' }, 'fieldSelector='],
  [{ fieldSelector: 'metadata.name!=a' }, 'fieldSelector='],
])('%j is refused', (parameters: Record<string, string>, named) => {
  expect(messageOf(() => listQueryOf(parameters))).toContain(named)
})

test('filters are read, empty ones count as not set', () => {
  expect(
    traceParametersOf({
      service: 'web',
      status: '5xx',
      q: 'x',
      pod: '',
      records: 'true',
      since: '12.5',
    }),
  ).toEqual({ filter: { service: 'web', status: '5xx', q: 'x' }, since: 12.5, records: true })
  expect(traceParametersOf({})).toEqual({ filter: {}, since: undefined, records: false })
})

test.each([
  [{ status: 'teapot' }, 'status="teapot"'],
  [{ status: '600' }, 'status="600"'],
  [{ q: 'x'.repeat(1001) }, '1000 characters'],
  [{ since: 'yesterday' }, 'since="yesterday"'],
  [{ records: 'all' }, 'records="all"'],
])('%j is refused as filter', (parameters: Record<string, string>, named) => {
  expect(messageOf(() => traceParametersOf(parameters))).toContain(named)
})

test('the end of a page comes back as it was', () => {
  const cursor = { startedAt: 1772366400000.25, traceId: traceIdOf(7) }
  expect(cursorOf(continueTokenOf(cursor))).toEqual(cursor)
})

test.each([
  '',
  'x',
  Buffer.from('1,2').toString('base64url'),
  Buffer.from("1,'--").toString('base64url'),
])('a made-up "%s" is no end of a page', (token) => {
  expect(messageOf(() => cursorOf(token))).toContain('continue=')
})

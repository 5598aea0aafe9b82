import { expect, test } from '@jest/globals'
import { decideLoss, type LostUpstream } from '../../../proxy/http1/upstream-loss.ts'
import { settle } from '../memory-stream.ts'
import { type Harness, type Peer, startRelay } from './relay-harness.ts'

const CASE: LostUpstream = {
  error: null,
  bytes: 0,
  answering: false,
  mayRetry: false,
  known: false,
  finSent: false,
  cutShort: false,
}

const failure = (code: string, syscall: string): NodeJS.ErrnoException =>
  Object.assign(new Error(code), { code, syscall })
const reset = failure('ECONNRESET', 'read')
const refused = failure('ECONNREFUSED', 'connect')

test.each<[Partial<LostUpstream>, string, string | null]>([
  [{ error: refused }, 'fail', 'connect-refused'],
  [{ error: refused, mayRetry: true, cutShort: true }, 'fail', 'connect-refused'],
  [{ error: failure('ETIMEDOUT', 'connect') }, 'fail', 'connect-timeout'],
  [{ error: failure('EHOSTUNREACH', 'connect') }, 'fail', 'connect-failed'],
  [{ answering: true, bytes: 1 }, 'likewise', 'upstream-reset'],
  [{ answering: true, bytes: 1, known: true, cutShort: true }, 'likewise', 'upstream-reset'],
  [{ mayRetry: true }, 'retry', null],
  [{ mayRetry: true, error: reset, known: true }, 'retry', null],
  [{ mayRetry: true, bytes: 1 }, 'fail', 'upstream-closed'],
  [{ cutShort: true, finSent: true }, 'likewise', 'client-closed'],
  [{ cutShort: true, finSent: true, error: reset }, 'likewise', 'client-closed'],
  [{ finSent: true }, 'likewise', 'client-closed'],
  [{ finSent: true, error: reset }, 'fail', 'upstream-closed'],
  [{ known: true }, 'likewise', 'upstream-left'],
  [{ known: true, error: reset }, 'likewise', 'upstream-left'],
  [{ known: true, bytes: 1 }, 'fail', 'upstream-closed'],
  [{}, 'fail', 'upstream-closed'],
  [{ error: reset }, 'fail', 'upstream-closed'],
])('a server that is lost when %j: %s, %s', (given, kind, code) => {
  const loss = decideLoss({ ...CASE, ...given })
  expect(loss.kind).toBe(kind)
  expect('code' in loss ? loss.code : null).toBe(code)
})

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'

const WAYS = [
  { how: 'FIN', leave: (server: Peer) => server.stream.end() },
  { how: 'RST', leave: (server: Peer) => server.stream.reset() },
]

/** The error codes of all exchanges, in order; every exchange has ended exactly once. */
function codes({ recorded }: Harness): (string | null)[] {
  return recorded.map(({ ends }) => {
    expect(ends).toHaveLength(1)
    return ends[0]?.error?.code ?? null
  })
}

/** Sends a request, lets the server say a part of its answer and leave. */
async function lose(harness: Harness, request: string, part: string, how: string): Promise<void> {
  harness.client.send(request)
  await settle()
  const server = harness.servers[0]
  server?.send(part)
  await settle()
  if (server) WAYS.find((way) => way.how === how)?.leave(server)
  await settle()
}

const NO_ANSWER = ['', CONTINUE, 'H', 'HTTP/1.1 200 OK\r\nContent-']

test.each(
  WAYS.flatMap(({ how }) =>
    [GET, POST].flatMap((request) => NO_ANSWER.map((part) => ({ how, request, part }))),
  ),
)(
  'a server that leaves by $how after $part gives 502: $request',
  async ({ how, request, part }) => {
    const harness = startRelay()
    await lose(harness, request, part, how)
    const interim = part.startsWith(CONTINUE) ? CONTINUE : ''
    const { client } = harness
    expect(client.received).toMatch(
      new RegExp(`^${interim}HTTP/1\\.1 502 Bad Gateway\r\nazds-proxy-error: upstream-closed\r\n`),
    )
    expect(client.received).toContain(
      `10.9.9.9:80: ${how === 'RST' ? 'ECONNRESET' : 'closed'} before it had answered`,
    )
    expect(client).toMatchObject({ ended: true, error: null })
    expect(codes(harness)).toEqual(['upstream-closed'])
    expect(harness.recorded[0]?.status).toBe(502)
  },
)

test.each(WAYS.flatMap(({ how }) => NO_ANSWER.slice(1).map((part) => ({ how, part }))))(
  'so it does on a connection that has answered, if it leaves by $how after $part',
  async (row) => {
    const harness = startRelay()
    await lose(harness, GET, OK, 'no')
    await lose(harness, POST, row.part, row.how)
    expect(harness.client.received).toContain('azds-proxy-error: upstream-closed\r\n')
    expect(codes(harness)).toEqual([null, 'upstream-closed'])
  },
)

test.each(WAYS)(
  'a server that leaves a kept connection by $how shows a POST the same',
  async ({ how }) => {
    const harness = startRelay()
    await lose(harness, GET, OK, 'no')
    await lose(harness, POST, '', how)
    const { client, servers } = harness
    expect(client).toMatchObject({
      received: OK,
      ended: how === 'FIN',
      error: how === 'RST' ? 'ECONNRESET' : null,
    })
    expect(servers).toHaveLength(1)
    expect(codes(harness)).toEqual([null, 'upstream-left'])
    expect(harness.recorded[1]?.ends[0]?.error?.message).toContain('10.9.9.9:80: ')
  },
)

const LENGTH = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n'
const CHUNKS = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
const UNTIL_CLOSE = 'HTTP/1.1 200 OK\r\n\r\n'

test.each([
  ...[LENGTH, `${LENGTH}012345678`, CHUNKS, `${CHUNKS}5`, `${CHUNKS}5\r\nabc`],
  ...[`${CHUNKS}1\r\na\r\n`, `${CHUNKS}1\r\na\r\n0\r\n`, `${CHUNKS}0\r\nX: y\r\n`],
  `${CONTINUE}${LENGTH}0`,
])(
  'a server that leaves in mid-answer shows the client the same, never a made-up end: %j',
  async (part) => {
    for (const { how } of WAYS) {
      const harness = startRelay()
      await lose(harness, GET, part, how)
      const ended = how === 'FIN'
      const error = ended ? null : 'ECONNRESET'
      expect(harness.client).toMatchObject({ received: part, ended, error })
      expect(codes(harness)).toEqual(['upstream-reset'])
      expect(harness.recorded[0]?.status).toBe(200)
    }
  },
)

test('an answer until close ends with FIN, and is reset by RST', async () => {
  for (const { how } of WAYS) {
    const harness = startRelay()
    await lose(harness, GET, `${UNTIL_CLOSE}abc`, how)
    const ended = how === 'FIN'
    const error = ended ? null : 'ECONNRESET'
    expect(harness.client).toMatchObject({ received: `${UNTIL_CLOSE}abc`, ended, error })
    expect(codes(harness)).toEqual([ended ? null : 'upstream-reset'])
  }
})

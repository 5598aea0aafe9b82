/** Cases of streams and flow control: RFC 9113 5.1 to 5.4, 6.5.2, 6.9. */
import { FLAG, SETTING } from '../../../../proxy/http2/frame.ts'
import {
  continuation,
  data,
  frame,
  headers,
  priority,
  rstStream,
  settings,
  uint32,
  windowUpdate,
} from '../frames.ts'
import { ALIVE, answer, type Case, connectionError, type Outcome, streamError } from './outcome.ts'
import { ask, askAndWait, GET, OPEN, POST, received, settle, WHOLE } from './requests.ts'

const PROTOCOL_ERROR = connectionError('protocolError')

/** Frames on a stream that nobody has opened (5.1 idle). */
const ON_IDLE: [name: string, bytes: Buffer][] = [
  ['DATA', data(1, 'x', true)],
  ['RST_STREAM', rstStream(1)],
  ['WINDOW_UPDATE', windowUpdate(1, 100)],
  ['CONTINUATION', continuation(1, Buffer.of(0x82))],
]

const IDLE: Case[] = ON_IDLE.map(([name, bytes]) => ({
  section: '5.1',
  name: `${name} on an idle stream ends the connection`,
  act: (client) => client.send(bytes),
  outcome: PROTOCOL_ERROR,
}))

/** Half-closed (remote): the client has ended its side of a request that is not answered. */
const HALF_CLOSED: Case[] = [
  {
    section: '5.1',
    name: 'DATA behind END_STREAM is an error of its stream',
    act: (client) => {
      ask(client, 1, SILENT)
      client.send(data(1, 'x', true))
    },
    outcome: streamError(1, 'streamClosed'),
  },
  {
    section: '5.1',
    name: 'HEADERS behind END_STREAM are an error of their stream',
    act: (client) => {
      ask(client, 1, SILENT)
      ask(client, 1, [['x-late', '1']])
    },
    outcome: streamError(1, 'streamClosed'),
  },
  {
    section: '5.1',
    name: 'CONTINUATION behind END_STREAM ends the connection',
    act: (client) => {
      ask(client, 1, SILENT)
      client.send(continuation(1, Buffer.of(0x82)))
    },
    outcome: connectionError('streamClosed', 'protocolError'),
  },
  {
    section: '5.1',
    name: 'WINDOW_UPDATE, PRIORITY and RST_STREAM behind END_STREAM are taken',
    act: (client) => {
      ask(client, 1, SILENT)
      client.send(windowUpdate(1, 10), priority(1, 0), rstStream(1))
      ask(client, 3)
    },
    outcome: answer(3),
  },
]

/** A path that the server never answers. */
const SILENT = GET.map(([name, value]) => [name, name === ':path' ? '/silent' : value] as const)

/** Closed: by the client's reset, or by both sides' ends. */
const CLOSED: Case[] = [
  ['DATA', data(1, 'x', true)] as const,
  ['HEADERS', null] as const,
  ['CONTINUATION', continuation(1, Buffer.of(0x82))] as const,
].flatMap(([name, bytes]): Case[] => {
  const send = (client: Parameters<Case['act']>[0]) =>
    client.send(bytes ?? headers(1, client.block(GET)))
  const outcome: Outcome =
    name === 'CONTINUATION'
      ? connectionError('streamClosed', 'protocolError')
      : streamError(1, 'streamClosed')
  return [
    {
      section: '5.1',
      name: `${name} behind the client’s RST_STREAM is an error`,
      act: async (client) => {
        ask(client, 1, POST, OPEN)
        await settle(client)
        client.send(rstStream(1))
        await settle(client)
        send(client)
      },
      outcome,
    },
    {
      section: '5.1',
      name: `${name} on a stream that both sides have ended is an error`,
      act: async (client) => {
        await askAndWait(client)
        send(client)
      },
      outcome: name === 'HEADERS' ? streamError(1, 'streamClosed', 'protocolError') : outcome,
    },
  ]
})

const CLOSED_HARMLESS: Case[] = [
  {
    section: '5.1',
    name: 'WINDOW_UPDATE and RST_STREAM on a closed stream are ignored',
    act: async (client) => {
      await askAndWait(client)
      client.send(windowUpdate(1, 10), rstStream(1))
    },
    outcome: ALIVE,
  },
]

const IDENTIFIERS: Case[] = [
  {
    section: '5.1.1',
    name: 'an even stream identifier of a client ends the connection',
    act: (client) => ask(client, 2),
    outcome: PROTOCOL_ERROR,
  },
  {
    section: '5.1.1',
    name: 'an identifier below one that was used ends the connection',
    act: async (client) => {
      ask(client, 5)
      await settle(client)
      ask(client, 3)
    },
    outcome: connectionError('protocolError', 'streamClosed'),
  },
  {
    section: '5.1.1',
    name: 'identifiers may be left out',
    act: (client) => ask(client, 101),
    outcome: answer(101),
  },
  {
    section: '5.1.1',
    name: 'the highest identifier is a stream like any other',
    act: (client) => ask(client, 0x7fff_ffff),
    outcome: answer(0x7fff_ffff),
  },
  {
    section: '5.1.2',
    name: 'streams beyond the announced number are refused',
    act: (client) => {
      const limit = announced(client, SETTING.maxConcurrentStreams)
      if (limit === null) return
      const parts: Buffer[] = []
      for (let i = 0; i <= limit; i++) {
        parts.push(headers(2 * i + 1, client.block(SILENT), WHOLE))
      }
      client.send(...parts)
    },
    outcome: {
      kind: 'heard',
      what: 'RST_STREAM, REFUSED_STREAM or PROTOCOL_ERROR',
      fits: (event) =>
        (event.kind === 'rst-stream' && [1, 7].includes(event.code)) || event.kind === 'goaway',
    },
  },
]

function announced(client: Parameters<Case['act']>[0], id: number): number | null {
  for (const event of client.heard) {
    if (event.kind !== 'settings') continue
    for (const [setting, value] of event.settings) if (setting === id) return value
  }
  return null
}

const PRIORITIES: Case[] = [
  {
    section: 'RFC 7540 5.3.1',
    name: 'HEADERS that depend on themselves are an error of their stream',
    act: (client) => {
      const block = Buffer.concat([uint32(1), Buffer.of(16), client.block(GET)])
      client.send(headers(1, block, WHOLE | FLAG.priority))
    },
    outcome: streamError(1, 'protocolError'),
  },
  {
    section: 'RFC 7540 5.3.1',
    name: 'PRIORITY that depends on itself is an error of its stream',
    act: (client) => {
      ask(client, 1, POST, OPEN)
      client.send(priority(1, 1))
    },
    outcome: streamError(1, 'protocolError'),
  },
]

const ERRORS: Case[] = [
  {
    section: '5.4.1',
    name: 'an error of the connection closes it',
    act: (client) => client.send(frame(6, 0, 3, Buffer.alloc(8))),
    outcome: { kind: 'heard', what: 'the end', fits: ({ kind }) => kind === 'closed' },
  },
  {
    section: '5.4.1',
    name: 'GOAWAY names the last stream that was taken',
    act: async (client) => {
      await askAndWait(client, 7)
      client.send(frame(6, 0, 3, Buffer.alloc(8)))
    },
    outcome: {
      kind: 'heard',
      what: 'GOAWAY 7',
      fits: (event) => event.kind === 'goaway' && event.lastStreamId === 7,
    },
  },
  {
    section: '5.4.2',
    name: 'an error of one stream leaves the others alone',
    act: async (client) => {
      ask(client, 1, [...POST, ['X-A', 'b']], OPEN)
      ask(client, 3, POST, OPEN)
      await client.until((event) => event.kind === 'rst-stream' && event.streamId === 1)
      client.send(data(3, 'abc', true))
    },
    outcome: answer(3, '200', 'POST / 3'),
  },
]

const END: Case = {
  section: '9.1',
  name: 'the client’s FIN ends streams that wait for its window',
  settings: [[SETTING.initialWindowSize, 1]],
  act: async (client) => {
    ask(client, 1)
    await client.until((event) => event.kind === 'data')
    client.socket.end()
  },
  outcome: { kind: 'heard', what: 'the end', fits: ({ kind }) => kind === 'closed' },
}

const WINDOWS: Case[] = [
  {
    section: '6.9',
    name: 'windows of streams and of the connection may grow',
    act: (client) => {
      ask(client, 1, POST, OPEN)
      client.send(windowUpdate(0, 1), windowUpdate(1, 1), data(1, 'x', true))
    },
    outcome: answer(),
  },
  {
    section: '6.9.1',
    name: 'no more is sent than the initial window allows',
    settings: [[SETTING.initialWindowSize, 1]],
    act: async (client) => {
      ask(client, 1)
      await client.until((event) => event.kind === 'data')
    },
    outcome: ALIVE,
    check: (client) => (received(client, 1) === 1 ? null : `${received(client, 1)} bytes`),
  },
  {
    section: '6.9.1',
    name: 'a stream goes on when its window grows',
    settings: [[SETTING.initialWindowSize, 1]],
    act: async (client) => {
      ask(client, 1)
      await client.until((event) => event.kind === 'data')
      client.send(windowUpdate(1, 100))
    },
    outcome: answer(1, '200', 'GET / 0'),
  },
  {
    section: '6.9.1',
    name: 'a window of the connection above 2^31 - 1 ends it',
    act: (client) => client.send(windowUpdate(0, 0x7fff_ffff), windowUpdate(0, 0x7fff_ffff)),
    outcome: connectionError('flowControlError'),
  },
  {
    section: '6.9.1',
    name: 'a window of a stream above 2^31 - 1 is an error of the stream',
    act: (client) => {
      ask(client, 1, POST, OPEN)
      client.send(windowUpdate(1, 0x7fff_ffff), windowUpdate(1, 0x7fff_ffff))
    },
    outcome: streamError(1, 'flowControlError'),
  },
  {
    section: '6.9.2',
    name: 'a new initial window counts for streams that are open',
    settings: [[SETTING.initialWindowSize, 0]],
    act: async (client) => {
      ask(client, 1)
      await client.until((event) => event.kind === 'headers')
      client.send(settings([SETTING.initialWindowSize, 1]))
      await client.until((event) => event.kind === 'data' && event.text.length > 0)
    },
    outcome: ALIVE,
    check: (client) => (received(client, 1) === 1 ? null : `${received(client, 1)} bytes`),
  },
  {
    section: '6.9.2',
    name: 'a window may become negative, and is filled up from there',
    settings: [[SETTING.initialWindowSize, 3]],
    act: async (client) => {
      ask(client, 1)
      await client.until(() => received(client, 1) === 3)
      client.send(settings([SETTING.initialWindowSize, 2]), windowUpdate(1, 2))
      await client.until(() => received(client, 1) === 4)
    },
    outcome: ALIVE,
    check: (client) => (received(client, 1) === 4 ? null : `${received(client, 1)} bytes`),
  },
  {
    section: '6.9.2',
    name: 'an initial window that makes one exceed 2^31 - 1 ends the connection',
    act: async (client) => {
      ask(client, 1, POST, OPEN)
      client.send(windowUpdate(1, 0x7fff_0000))
      client.send(settings([SETTING.initialWindowSize, 0x7fff_ffff]))
    },
    outcome: connectionError('flowControlError'),
  },
  {
    section: '6.5.3',
    name: 'of two values of a setting the second counts',
    settings: [
      [SETTING.initialWindowSize, 100],
      [SETTING.initialWindowSize, 1],
    ],
    act: async (client) => {
      ask(client, 1)
      await client.until((event) => event.kind === 'data')
    },
    outcome: ALIVE,
    check: (client) => (received(client, 1) === 1 ? null : `${received(client, 1)} bytes`),
  },
  {
    section: '6.9',
    name: 'a body longer than all windows arrives as these are filled up',
    act: async (client) => {
      ask(client, 1, POST, OPEN)
      await sendBody(client, 1, 2_000_000)
    },
    outcome: answer(1, '200', 'POST / 2000000'),
  },
  {
    section: '6.9.1',
    name: 'DATA beyond the window of a stream is an error',
    act: (client) => {
      ask(
        client,
        1,
        POST.map(([n, v]) => [n, n === ':path' ? '/silent' : v] as const),
        OPEN,
      )
      const window = (announced(client, SETTING.initialWindowSize) ?? 65_535) + 16_384
      for (let sent = 0; sent < window; sent += 16_384) client.send(data(1, Buffer.alloc(16_384)))
    },
    outcome: streamError(1, 'flowControlError'),
  },
]

/** Sends a body as the windows that were heard of allow. */
async function sendBody(
  client: Parameters<Case['act']>[0],
  streamId: number,
  bytes: number,
): Promise<void> {
  const initial = announced(client, SETTING.initialWindowSize) ?? 65_535
  let left = bytes
  while (left > 0) {
    const sent = bytes - left
    const room = Math.min(initial + credit(client, streamId), 65_535 + credit(client, 0)) - sent
    const size = Math.min(room, left, 16_384)
    if (size > 0) {
      left -= size
      client.send(data(streamId, Buffer.alloc(size), left === 0))
      continue
    }
    const count = client.heard.length
    if (!(await client.until(() => client.heard.length > count))) return
  }
}

function credit(client: Parameters<Case['act']>[0], streamId: number): number {
  return client.heard.reduce(
    (sum, event) =>
      event.kind === 'window-update' && event.streamId === streamId ? sum + event.increment : sum,
    0,
  )
}

export const STREAM_CASES: readonly Case[] = [
  ...IDLE,
  ...HALF_CLOSED,
  ...CLOSED,
  ...CLOSED_HARMLESS,
  ...IDENTIFIERS,
  ...PRIORITIES,
  ...ERRORS,
  END,
  ...WINDOWS,
]

/** Cases of streams: RFC 9113 5.1 to 5.4, 9.1. */
import { FLAG, SETTING } from '../../../../proxy/http2/frame.ts'
import {
  continuation,
  data,
  frame,
  headers,
  priority,
  rstStream,
  uint32,
  windowUpdate,
} from '../frames.ts'
import { ALIVE, answer, type Case, connectionError, type Outcome, streamError } from './outcome.ts'
import { announced, ask, askAndWait, GET, OPEN, POST, settle, WHOLE } from './requests.ts'

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

export const STREAM_CASES: readonly Case[] = [
  ...IDLE,
  ...HALF_CLOSED,
  ...CLOSED,
  ...CLOSED_HARMLESS,
  ...IDENTIFIERS,
  ...PRIORITIES,
  ...ERRORS,
  END,
]

/** Cases of the frame layer: RFC 9113 3.4, 4, 5.5, and each frame of 6. */
import { FLAG, FRAME, SETTING } from '../../../../proxy/http2/frame.ts'
import {
  CLIENT_PREFACE,
  continuation,
  data,
  frame,
  goaway,
  headers,
  padded,
  ping,
  priority,
  rstStream,
  settings,
  uint32,
} from '../frames.ts'
import { ALIVE, answer, type Case, connectionError, isPong, streamError } from './outcome.ts'
import { ask, GET, OPEN, POST, settle, WHOLE } from './requests.ts'

const SIZE_ERROR = connectionError('frameSizeError')
const PROTOCOL_ERROR = connectionError('protocolError')

const START: Case[] = [
  {
    section: '3.4',
    name: 'a client preface is answered with SETTINGS and an acknowledgement',
    act: () => {},
    outcome: { kind: 'heard', what: 'SETTINGS', fits: ({ kind }) => kind === 'settings' },
  },
  {
    section: '3.4',
    name: 'a preface that is none ends the connection',
    handshake: false,
    act: (client) => client.send(Buffer.from('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n')),
    outcome: PROTOCOL_ERROR,
  },
  {
    section: '3.4',
    name: 'a first frame other than SETTINGS ends the connection',
    handshake: false,
    act: (client) => client.send(CLIENT_PREFACE, ping(), ping()),
    outcome: PROTOCOL_ERROR,
  },
  {
    section: '3.4',
    name: 'a request may follow the preface at once',
    handshake: false,
    act: (client) => {
      client.send(CLIENT_PREFACE, settings())
      ask(client, 1)
    },
    outcome: answer(),
  },
]

const FORMAT: Case[] = [
  {
    section: '4.1',
    name: 'a frame of an unknown type is ignored',
    act: (client) => client.send(frame(0x16, 0, 0, Buffer.alloc(8))),
    outcome: ALIVE,
  },
  {
    section: '4.1',
    name: 'undefined flags are ignored',
    act: (client) => client.send(ping('flagged!', 0x16)),
    outcome: { kind: 'heard', what: 'PING ACK', fits: (event) => isPong(event, 'flagged!') },
  },
  {
    section: '4.1',
    name: 'the reserved bit of the stream identifier is ignored',
    act: (client) => client.send(frame(FRAME.ping, 0, 0x8000_0000, Buffer.from('reserved'))),
    outcome: { kind: 'heard', what: 'PING ACK', fits: (event) => isPong(event, 'reserved') },
  },
  {
    section: '4.2',
    name: 'DATA of 16384 bytes is taken',
    act: (client) => {
      ask(client, 1, POST, OPEN)
      client.send(data(1, Buffer.alloc(16_384), true))
    },
    outcome: answer(),
  },
  {
    section: '4.2',
    name: 'DATA above 16384 bytes is an error',
    act: (client) => {
      ask(client, 1, POST, OPEN)
      client.send(data(1, Buffer.alloc(16_385), true))
    },
    outcome: streamError(1, 'frameSizeError'),
  },
  {
    section: '4.2',
    name: 'HEADERS above 16384 bytes end the connection',
    act: (client) => client.send(headers(1, Buffer.alloc(16_385, 0x82))),
    outcome: SIZE_ERROR,
  },
  {
    section: '4.2',
    name: 'a frame of an unknown type above 16384 bytes is an error',
    act: (client) => client.send(frame(0x16, 0, 0, Buffer.alloc(16_385))),
    outcome: SIZE_ERROR,
  },
  {
    section: '4.3',
    name: 'a block that cannot be decoded ends the connection',
    act: (client) => client.send(headers(1, Buffer.of(0x82, 0x40))),
    outcome: connectionError('compressionError'),
  },
  {
    section: '4.3',
    name: 'PRIORITY within a block ends the connection',
    act: (client) => client.send(headers(1, client.block(GET), FLAG.endStream), priority(1, 0)),
    outcome: PROTOCOL_ERROR,
  },
  {
    section: '4.3',
    name: 'HEADERS of another stream within a block end the connection',
    act: (client) =>
      client.send(headers(1, client.block(GET), FLAG.endStream), headers(3, client.block(GET))),
    outcome: PROTOCOL_ERROR,
  },
  {
    section: '4.3',
    name: 'a block in nine parts is put together',
    act: (client) => {
      const block = client.block([...GET, ['x-a', 'value']])
      const parts = [...block].map((byte) => Buffer.of(byte)).slice(1, 8)
      client.send(headers(1, block.subarray(0, 1), FLAG.endStream))
      client.send(...parts.map((part) => continuation(1, part, false)))
      client.send(continuation(1, block.subarray(8)))
    },
    outcome: answer(),
  },
]

const EXTENSIONS: Case[] = [
  {
    section: '5.5',
    name: 'an unknown frame on a stream is ignored',
    act: (client) => {
      ask(client, 1, POST, OPEN)
      client.send(frame(0x99, 0xff, 1, Buffer.alloc(10)), data(1, 'x', true))
    },
    outcome: answer(),
  },
  {
    section: '5.5',
    name: 'an unknown frame within a block ends the connection',
    act: (client) => client.send(headers(1, client.block(GET), FLAG.endStream), frame(0x99, 0, 1)),
    outcome: PROTOCOL_ERROR,
  },
  {
    section: '5.5',
    name: 'unknown settings are ignored',
    act: (client) => client.send(settings([0xfefe, 1])),
    outcome: ALIVE,
  },
]

const RIGHT: Case[] = [
  {
    section: '6.1',
    name: 'padding of DATA is no body',
    act: (client) => {
      ask(client, 1, POST, OPEN)
      client.send(frame(FRAME.data, FLAG.padded | FLAG.endStream, 1, padded('body', 100)))
    },
    outcome: answer(1, '200', 'POST / 4'),
  },
  {
    section: '6.2',
    name: 'HEADERS with padding and priority are a request',
    act: (client) => {
      const block = Buffer.concat([uint32(0x8000_0000), Buffer.of(255), client.block(GET)])
      client.send(headers(1, padded(block, 9), WHOLE | FLAG.padded | FLAG.priority))
    },
    outcome: answer(),
  },
  {
    section: '6.3',
    name: 'PRIORITY of idle, open and closed streams changes nothing',
    act: async (client) => {
      client.send(priority(1, 0), priority(7, 1))
      ask(client, 1, POST, OPEN)
      client.send(priority(1, 3), data(1, 'x', true))
      await client.until((event) => 'endStream' in event && event.endStream)
      client.send(priority(1, 0))
    },
    outcome: ALIVE,
  },
  {
    section: '6.5.3',
    name: 'SETTINGS are acknowledged each time',
    act: (client) => client.send(settings(), settings([SETTING.maxConcurrentStreams, 5])),
    outcome: ALIVE,
    check: ({ heard }) => {
      const count = heard.filter(({ kind }) => kind === 'settings-ack').length
      return count === 3 ? null : `${count} acknowledgements`
    },
  },
  {
    section: '6.7',
    name: 'PING is answered with its payload',
    act: (client) => client.send(ping('\0\u0001\u0002\u00ff\u00fe\0ok')),
    outcome: {
      kind: 'heard',
      what: 'PING ACK',
      fits: (event) => isPong(event, '\0\u0001\u0002\u00ff\u00fe\0ok'),
    },
  },
  {
    section: '6.7',
    name: 'PING ACK is not answered',
    act: (client) => client.send(ping('ackedack', FLAG.ack)),
    outcome: ALIVE,
    check: ({ heard }) => {
      const pongs = heard.filter((event) => isPong(event, 'ackedack')).length
      return pongs === 0 ? null : 'it was answered'
    },
  },
  {
    section: '6.8',
    name: 'requests go on after the client’s GOAWAY',
    act: (client) => {
      ask(client, 1, POST, OPEN)
      client.send(goaway(0, 0), data(1, 'x', true))
    },
    outcome: answer(),
  },
  {
    section: '6.10',
    name: 'a block in HEADERS and two CONTINUATION frames is a request',
    act: (client) => {
      const block = client.block([...GET, ['x-a', 'value']])
      client.send(headers(1, block.subarray(0, 3), FLAG.endStream))
      client.send(continuation(1, block.subarray(3, 5), false), continuation(1, block.subarray(5)))
    },
    outcome: answer(),
  },
  {
    section: '7',
    name: 'unknown error codes have no effect of their own',
    act: async (client) => {
      ask(client, 1, POST, OPEN)
      await settle(client)
      client.send(rstStream(1, 0xff))
      ask(client, 3)
    },
    outcome: answer(3),
  },
]

export const FRAME_CASES: readonly Case[] = [...START, ...FORMAT, ...EXTENSIONS, ...RIGHT]

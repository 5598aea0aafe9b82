/** Cases of frames that must not come: RFC 9113 6. */
import { FLAG, FRAME, SETTING } from '../../../../proxy/http2/frame.ts'
import {
  continuation,
  data,
  frame,
  headers,
  padded,
  priority,
  rstStream,
  settings,
  uint32,
  windowUpdate,
} from '../frames.ts'
import { type Case, connectionError, streamError } from './outcome.ts'
import { ask, OPEN, POST, settle, WHOLE } from './requests.ts'

const SIZE_ERROR = connectionError('frameSizeError')
const PROTOCOL_ERROR = connectionError('protocolError')

/** Wrong frames: each is sent while stream 1 is open. */
const WRONG: [section: string, name: string, bytes: Buffer, outcome: Case['outcome']][] = [
  ['6.1', 'DATA on stream 0 ends the connection', data(0, 'x'), PROTOCOL_ERROR],
  [
    '6.1',
    'DATA with padding as long as itself ends the connection',
    frame(FRAME.data, FLAG.padded, 1, padded('test', 0, 6)),
    PROTOCOL_ERROR,
  ],
  ['6.2', 'HEADERS on stream 0 end the connection', headers(0, Buffer.of(0x82)), PROTOCOL_ERROR],
  [
    '6.2',
    'HEADERS with padding as long as themselves end the connection',
    headers(3, padded(Buffer.of(0x82), 0, 8), WHOLE | FLAG.padded),
    PROTOCOL_ERROR,
  ],
  ['6.3', 'PRIORITY on stream 0 ends the connection', priority(0, 1), PROTOCOL_ERROR],
  [
    '6.3',
    'PRIORITY of 4 bytes is an error of its stream',
    frame(FRAME.priority, 0, 1, Buffer.alloc(4)),
    streamError(1, 'frameSizeError'),
  ],
  ['6.4', 'RST_STREAM on stream 0 ends the connection', rstStream(0), PROTOCOL_ERROR],
  ['6.4', 'RST_STREAM of an idle stream ends the connection', rstStream(9), PROTOCOL_ERROR],
  [
    '6.4',
    'RST_STREAM of 3 bytes ends the connection',
    frame(FRAME.rstStream, 0, 1, Buffer.alloc(3)),
    SIZE_ERROR,
  ],
  [
    '6.5',
    'an acknowledgement with a payload ends the connection',
    frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(6)),
    SIZE_ERROR,
  ],
  ['6.5', 'SETTINGS on a stream end the connection', frame(FRAME.settings, 0, 1), PROTOCOL_ERROR],
  [
    '6.5',
    'SETTINGS of 3 bytes end the connection',
    frame(FRAME.settings, 0, 0, Buffer.alloc(3)),
    SIZE_ERROR,
  ],
  [
    '6.5.2',
    'ENABLE_PUSH of 2 ends the connection',
    settings([SETTING.enablePush, 2]),
    PROTOCOL_ERROR,
  ],
  [
    '6.5.2',
    'INITIAL_WINDOW_SIZE above its most ends the connection',
    settings([SETTING.initialWindowSize, 0x8000_0000]),
    connectionError('flowControlError'),
  ],
  [
    '6.5.2',
    'MAX_FRAME_SIZE below its least ends the connection',
    settings([SETTING.maxFrameSize, 16_383]),
    PROTOCOL_ERROR,
  ],
  [
    '6.5.2',
    'MAX_FRAME_SIZE above its most ends the connection',
    settings([SETTING.maxFrameSize, 16_777_216]),
    PROTOCOL_ERROR,
  ],
  [
    '6.6',
    'PUSH_PROMISE of a client ends the connection',
    frame(FRAME.pushPromise, FLAG.endHeaders, 1, Buffer.concat([uint32(2), Buffer.of(0x82)])),
    PROTOCOL_ERROR,
  ],
  [
    '6.7',
    'PING on a stream ends the connection',
    frame(FRAME.ping, 0, 1, Buffer.alloc(8)),
    PROTOCOL_ERROR,
  ],
  [
    '6.7',
    'PING of 6 bytes ends the connection',
    frame(FRAME.ping, 0, 0, Buffer.alloc(6)),
    SIZE_ERROR,
  ],
  [
    '6.8',
    'GOAWAY on a stream ends the connection',
    frame(FRAME.goaway, 0, 1, Buffer.alloc(8)),
    PROTOCOL_ERROR,
  ],
  [
    '6.8',
    'GOAWAY of 7 bytes ends the connection',
    frame(FRAME.goaway, 0, 0, Buffer.alloc(7)),
    SIZE_ERROR,
  ],
  ['6.9', 'WINDOW_UPDATE of 0 ends the connection', windowUpdate(0, 0), PROTOCOL_ERROR],
  [
    '6.9',
    'WINDOW_UPDATE of 0 is an error of its stream',
    windowUpdate(1, 0),
    streamError(1, 'protocolError'),
  ],
  [
    '6.9',
    'WINDOW_UPDATE of 3 bytes ends the connection',
    frame(FRAME.windowUpdate, 0, 0, Buffer.alloc(3)),
    SIZE_ERROR,
  ],
  [
    '6.10',
    'CONTINUATION on stream 0 ends the connection',
    continuation(0, Buffer.of(0x82)),
    PROTOCOL_ERROR,
  ],
  [
    '6.10',
    'CONTINUATION behind a whole block ends the connection',
    continuation(1, Buffer.of(0x82)),
    PROTOCOL_ERROR,
  ],
  [
    '6.10',
    'CONTINUATION behind DATA ends the connection',
    Buffer.concat([data(1, 'x'), continuation(1, Buffer.of(0x82))]),
    PROTOCOL_ERROR,
  ],
]

export const WRONG_FRAME_CASES: readonly Case[] = WRONG.map(([section, name, bytes, outcome]) => ({
  section,
  name,
  act: async (client) => {
    ask(client, 1, POST, OPEN)
    await settle(client)
    client.send(bytes)
  },
  outcome,
}))

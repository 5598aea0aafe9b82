/** Frames as they may and may not come, and what a reader is to say of them. */
import {
  ERROR_CODE,
  FLAG,
  FRAME,
  MAX_CONTINUATIONS,
  MAX_HEADER_BLOCK_BYTES,
  SETTING,
} from '../../../proxy/http2/frame.ts'
import {
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
  settingsAck,
  uint32,
  windowUpdate,
} from './frames.ts'

/** What each frame says, for a reader that has seen SETTINGS. */
export const GOOD: [name: string, bytes: Buffer, events: Record<string, unknown>[]][] = [
  ['nothing', Buffer.alloc(0), []],
  ['an acknowledgement', settingsAck(), [{ kind: 'settings-ack' }]],
  [
    'SETTINGS, known and unknown',
    settings([SETTING.maxFrameSize, 20_000], [0xaaaa, 7]),
    [
      {
        kind: 'settings',
        settings: [
          [5, 20_000],
          [0xaaaa, 7],
        ],
      },
    ],
  ],
  ['PING', ping(), [{ kind: 'ping', ack: false, payload: 'pingpong' }]],
  ['PING ACK', ping('pingpong', FLAG.ack), [{ kind: 'ping', ack: true, payload: 'pingpong' }]],
  ['GOAWAY', goaway(7, 11, 'calm'), [{ kind: 'goaway', lastStreamId: 7, code: 11, debug: 'calm' }]],
  ['RST_STREAM', rstStream(3, 8), [{ kind: 'rst-stream', streamId: 3, code: 8 }]],
  ['PRIORITY', priority(3, 1), [{ kind: 'priority', streamId: 3, dependsOnItself: false }]],
  [
    'PRIORITY on itself',
    priority(3, 3),
    [{ kind: 'priority', streamId: 3, dependsOnItself: true }],
  ],
  [
    'WINDOW_UPDATE, the reserved bit set',
    windowUpdate(3, 0x8000_0005),
    [{ kind: 'window-update', streamId: 3, increment: 5 }],
  ],
  [
    'a stream identifier with the reserved bit set',
    rstStream(0x8000_0003, 0),
    [{ kind: 'rst-stream', streamId: 3, code: 0 }],
  ],
  [
    'an unknown type, then another frame',
    Buffer.concat([frame(0xf0, 0xff, 3, Buffer.from('whatever')), rstStream(3, 0)]),
    [
      { kind: 'ignored', type: 0xf0 },
      { kind: 'rst-stream', streamId: 3, code: 0 },
    ],
  ],
  [
    'HEADERS',
    headers(1, Buffer.from('block')),
    [{ kind: 'headers', streamId: 1, block: 'block', endStream: true, dependsOnItself: false }],
  ],
  [
    'HEADERS with padding and priority',
    headers(
      1,
      padded(Buffer.concat([uint32(1), Buffer.from('\u0010block')]), 7),
      FLAG.endHeaders | FLAG.padded | FLAG.priority,
    ),
    [{ kind: 'headers', streamId: 1, block: 'block', endStream: false, dependsOnItself: true }],
  ],
  [
    'HEADERS that are padding alone',
    headers(1, padded('', 3), FLAG.endHeaders | FLAG.padded),
    [{ kind: 'headers', streamId: 1, block: '', endStream: false, dependsOnItself: false }],
  ],
  [
    'HEADERS and CONTINUATION, the stream ending with the first',
    Buffer.concat([
      headers(1, Buffer.from('bl'), FLAG.endStream),
      continuation(1, Buffer.from('o'), false),
      continuation(1, Buffer.alloc(0), false),
      continuation(1, Buffer.from('ck')),
    ]),
    [{ kind: 'headers', streamId: 1, block: 'block', endStream: true, dependsOnItself: false }],
  ],
  ['DATA', data(1, 'payload', true), [{ kind: 'data', streamId: 1, text: 'payload', flow: 7 }]],
  ['empty DATA', data(1, '', true), [{ kind: 'data', streamId: 1, text: '', flow: 0 }]],
  [
    'padded DATA',
    frame(FRAME.data, FLAG.padded | FLAG.endStream, 1, padded('payload', 5)),
    [{ kind: 'data', streamId: 1, text: 'payload', flow: 13 }],
  ],
  [
    'DATA that is padding alone',
    frame(FRAME.data, FLAG.padded | FLAG.endStream, 1, padded('', 255)),
    [{ kind: 'data', streamId: 1, text: '', flow: 256 }],
  ],
  [
    'two DATA frames',
    Buffer.concat([data(1, 'one'), data(1, 'two', true)]),
    [{ kind: 'data', streamId: 1, text: 'onetwo', flow: 6 }],
  ],
]

const { protocolError, frameSizeError, flowControlError, enhanceYourCalm } = ERROR_CODE

/** Faults: bytes after SETTINGS, scope, stream, code, and the section that the message names. */
// biome-ignore format: a table of one row each
export const BAD: [string, Buffer, 'connection' | 'stream', number, number, string][] = [
  ['a frame above 16384 bytes', frame(0, 0, 1, Buffer.alloc(0), 16_385), 'connection', 1, frameSizeError, '4.2'],
  ['an unknown frame above it', frame(99, 0, 1, Buffer.alloc(0), 16_385), 'connection', 1, frameSizeError, '4.2'],
  ['DATA on stream 0', data(0, 'x'), 'connection', 0, protocolError, '6.1'],
  ['DATA padded to its end', frame(0, FLAG.padded, 1, padded('', 0, 1)), 'connection', 1, protocolError, '6.1'],
  ['DATA padded beyond it', frame(0, FLAG.padded, 1, padded('ab', 3, 200)), 'connection', 1, protocolError, '6.1'],
  ['padded DATA without the length', frame(0, FLAG.padded, 1), 'connection', 1, frameSizeError, '6.1'],
  ['HEADERS on stream 0', headers(0, Buffer.alloc(1)), 'connection', 0, protocolError, '6.2'],
  ['HEADERS padded beyond', headers(1, padded('a', 0, 9), FLAG.padded), 'connection', 1, protocolError, '6.1'],
  ['HEADERS without room for priority', headers(1, Buffer.alloc(4), FLAG.priority), 'connection', 1, frameSizeError, '6.2'],
  ['HEADERS whose priority reaches into padding', headers(1, padded('abcde', 1, 3), FLAG.priority | FLAG.padded), 'connection', 1, protocolError, '6.1'],
  ['PRIORITY on stream 0', priority(0, 1), 'connection', 0, protocolError, '6.3'],
  ['PRIORITY of 4 bytes', frame(FRAME.priority, 0, 3, Buffer.alloc(4)), 'stream', 3, frameSizeError, '6.3'],
  ['RST_STREAM on stream 0', rstStream(0), 'connection', 0, protocolError, '6.4'],
  ['RST_STREAM of 3 bytes', frame(FRAME.rstStream, 0, 3, Buffer.alloc(3)), 'connection', 3, frameSizeError, '6.4'],
  ['SETTINGS on a stream', frame(FRAME.settings, 0, 1), 'connection', 1, protocolError, '6.5'],
  ['SETTINGS of 65 entries', frame(FRAME.settings, 0, 0, Buffer.alloc(65 * 6)), 'connection', 0, enhanceYourCalm, '10.5'],
  ['SETTINGS of 5 bytes', frame(FRAME.settings, 0, 0, Buffer.alloc(5)), 'connection', 0, frameSizeError, '6.5'],
  ['an acknowledgement with payload', frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(6)), 'connection', 0, frameSizeError, '6.5'],
  ['ENABLE_PUSH of 2', settings([SETTING.enablePush, 2]), 'connection', 0, protocolError, '6.5.2'],
  ['ENABLE_PUSH of 1 from a server', settings([SETTING.enablePush, 1]), 'connection', 0, protocolError, '6.5.2'],
  ['INITIAL_WINDOW_SIZE above 2^31 - 1', settings([SETTING.initialWindowSize, 0x8000_0000]), 'connection', 0, flowControlError, '6.5.2'],
  ['MAX_FRAME_SIZE below its least', settings([SETTING.maxFrameSize, 16_383]), 'connection', 0, protocolError, '6.5.2'],
  ['MAX_FRAME_SIZE above its most', settings([SETTING.maxFrameSize, 16_777_216]), 'connection', 0, protocolError, '6.5.2'],
  ['ENABLE_CONNECT_PROTOCOL of 2', settings([SETTING.enableConnectProtocol, 2]), 'connection', 0, protocolError, 'RFC 8441'],
  ['PUSH_PROMISE', frame(FRAME.pushPromise, FLAG.endHeaders, 1, uint32(2)), 'connection', 1, protocolError, '8.4'],
  ['PING on a stream', frame(FRAME.ping, 0, 1, Buffer.alloc(8)), 'connection', 1, protocolError, '6.7'],
  ['PING of 6 bytes', frame(FRAME.ping, 0, 0, Buffer.alloc(6)), 'connection', 0, frameSizeError, '6.7'],
  ['GOAWAY on a stream', frame(FRAME.goaway, 0, 1, Buffer.alloc(8)), 'connection', 1, protocolError, '6.8'],
  ['GOAWAY of 7 bytes', frame(FRAME.goaway, 0, 0, Buffer.alloc(7)), 'connection', 0, frameSizeError, '6.8'],
  ['WINDOW_UPDATE of 0 on a stream', windowUpdate(3, 0), 'stream', 3, protocolError, '6.9'],
  ['WINDOW_UPDATE of 0 on the connection', windowUpdate(0, 0), 'connection', 0, protocolError, '6.9'],
  ['WINDOW_UPDATE of 3 bytes', frame(FRAME.windowUpdate, 0, 3, Buffer.alloc(3)), 'connection', 3, frameSizeError, '6.9'],
  ['CONTINUATION alone', continuation(1, Buffer.alloc(1)), 'connection', 1, protocolError, '6.10'],
  ['CONTINUATION on stream 0', continuation(0, Buffer.alloc(1)), 'connection', 0, protocolError, '6.10'],
  ['CONTINUATION behind a whole block', Buffer.concat([headers(1, Buffer.alloc(1)), continuation(1, Buffer.alloc(1))]), 'connection', 1, protocolError, '6.10'],
  ['CONTINUATION of another stream', Buffer.concat([headers(1, Buffer.alloc(1), 0), continuation(3, Buffer.alloc(1))]), 'connection', 3, protocolError, '6.10'],
  ['DATA within a block', Buffer.concat([headers(1, Buffer.alloc(1), 0), data(1, 'x')]), 'connection', 1, protocolError, '6.10'],
  ['PING within a block', Buffer.concat([headers(1, Buffer.alloc(1), 0), ping()]), 'connection', 0, protocolError, '6.10'],
  ['an unknown frame within a block', Buffer.concat([headers(1, Buffer.alloc(1), 0), frame(99, 0, 1)]), 'connection', 1, protocolError, '6.10'],
  ['too many CONTINUATION frames', Buffer.concat([ headers(1, Buffer.alloc(1), 0), ...Array(MAX_CONTINUATIONS + 1).fill(continuation(1, Buffer.alloc(0), false)), ]), 'connection', 1, enhanceYourCalm, '10.5'],
  ['a block that is too long', Buffer.concat([ headers(1, Buffer.alloc(16_384), 0), ...Array(MAX_HEADER_BLOCK_BYTES / 16_384).fill(continuation(1, Buffer.alloc(16_384), false)), ]), 'connection', 1, enhanceYourCalm, '10.5.1'],
]

/** Numbers of the HTTP/2 frame layer (RFC 9113 4, 6, 7, 11) and what a frame tells its reader. */

/** What a client sends before its first frame (RFC 9113 3.4). */
export const CLIENT_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** Length, type, flags and stream identifier, in bytes (RFC 9113 4.1). */
export const FRAME_HEADER_BYTES = 9

export const FRAME = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goaway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const

export const FLAG = {
  /** SETTINGS and PING. */
  ack: 0x1,
  /** DATA and HEADERS. */
  endStream: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const

/** RFC 9113 section 7. */
export const ERROR_CODE = {
  noError: 0x0,
  protocolError: 0x1,
  internalError: 0x2,
  flowControlError: 0x3,
  settingsTimeout: 0x4,
  streamClosed: 0x5,
  frameSizeError: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compressionError: 0x9,
  connectError: 0xa,
  enhanceYourCalm: 0xb,
  inadequateSecurity: 0xc,
  http11Required: 0xd,
} as const

/** RFC 9113 section 6.5.2, and the one of RFC 8441. */
export const SETTING = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
  enableConnectProtocol: 0x8,
} as const

/** Largest flow-control window, and largest initial one (RFC 9113 6.9.1). */
export const MAX_WINDOW = 0x7fff_ffff
/** Window of a connection, and of a stream until SETTINGS say otherwise, bytes (RFC 9113 6.9.2). */
export const DEFAULT_WINDOW = 65_535
/** Bounds of SETTINGS_MAX_FRAME_SIZE, payload bytes; the least is also the default (RFC 9113 6.5.2). */
export const MIN_MAX_FRAME_BYTES = 16_384
export const MAX_MAX_FRAME_BYTES = 16_777_215
/** Default of SETTINGS_HEADER_TABLE_SIZE, bytes (RFC 9113 6.5.2). */
export const DEFAULT_TABLE_BYTES = 4_096
export const MAX_STREAM_ID = 0x7fff_ffff

/**
 * Longest header list, bytes as RFC 9113 10.5.1 counts them (32 for each field besides name and
 * value): what an HTTP/1 head may have here, and Node's own limit. Sent as
 * SETTINGS_MAX_HEADER_LIST_SIZE.
 */
export const MAX_HEADER_LIST_BYTES = 65_536

/**
 * Longest encoded header block, bytes: twice the longest list, so that a list which is a little too
 * long costs its stream only. It bounds what CONTINUATION frames can make us collect.
 */
export const MAX_HEADER_BLOCK_BYTES = 131_072

/**
 * Most CONTINUATION frames for one block. A block of the longest kind needs 8 at the smallest frame
 * size that a peer may be held to; without a limit, empty frames cost work for ever
 * (CVE-2024-27316, CVE-2024-27983 and their kin).
 */
export const MAX_CONTINUATIONS = 32

/** A rule that a peer has broken: what ends because of it, and what to tell the peer. */
export interface FrameProblem {
  kind: 'problem'
  /** `connection`: GOAWAY with the code, then close. `stream`: RST_STREAM with the code. */
  scope: 'connection' | 'stream'
  /** The stream concerned; 0 for none. */
  streamId: number
  code: number
  /** What is wrong, and the rule, for GOAWAY's debug data, log and trace. */
  message: string
}

export interface DataEvent {
  kind: 'data'
  streamId: number
  /** A view of the chunk that was pushed: a whole payload or the next piece of one; may be empty. */
  bytes: Buffer
  /**
   * Bytes that this piece takes from the flow-control windows: padding counts too. Over all pieces
   * they add up to the frame's length (RFC 9113 6.1).
   */
  flowBytes: number
  /** This is the last piece of a frame with END_STREAM. */
  endStream: boolean
}

export interface HeadersEvent {
  kind: 'headers'
  streamId: number
  /** The whole block, CONTINUATION frames included, without padding and priority. */
  block: Buffer
  endStream: boolean
  /** The priority section, which RFC 9113 5.3.2 says to ignore, names the stream as its own parent. */
  dependsOnItself: boolean
}

export interface PriorityEvent {
  kind: 'priority'
  streamId: number
  dependsOnItself: boolean
}

export interface RstStreamEvent {
  kind: 'rst-stream'
  streamId: number
  code: number
}

export interface SettingsEvent {
  kind: 'settings'
  /** Identifier and value, in the order of the frame; values are checked, identifiers may be unknown. */
  settings: [id: number, value: number][]
}

export interface PingEvent {
  kind: 'ping'
  ack: boolean
  /** Eight bytes. */
  payload: Buffer
}

export interface GoawayEvent {
  kind: 'goaway'
  lastStreamId: number
  code: number
  debug: Buffer
}

export interface WindowUpdateEvent {
  kind: 'window-update'
  /** 0 for the connection. */
  streamId: number
  /** From 1 to 2^31 - 1. */
  increment: number
}

/** What a frame says, or what is wrong with it. */
export type FrameEvent =
  | DataEvent
  | HeadersEvent
  | PriorityEvent
  | RstStreamEvent
  | SettingsEvent
  | { kind: 'settings-ack' }
  | PingEvent
  | GoawayEvent
  | WindowUpdateEvent
  /** A frame of an unknown type, already skipped (RFC 9113 5.5). Told so that floods can be counted. */
  | { kind: 'ignored'; type: number }
  | FrameProblem

/** What a frame's nine header bytes may say, by type (RFC 9113 4.1, 4.2 and 6). */
import {
  ERROR_CODE,
  FLAG,
  FRAME,
  type FrameProblem,
  MAX_CONTINUATIONS,
  MAX_HEADER_BLOCK_BYTES,
} from './frame.ts'

/** A frame's header; one object is reused for all frames of a connection. */
export interface FrameHeader {
  /** Payload bytes. */
  length: number
  type: number
  flags: number
  streamId: number
}

/** Which stream a type of frame belongs to, and how long its payload may be. */
interface TypeRule {
  name: string
  section: string
  /** `any` for WINDOW_UPDATE, which may concern either. */
  belongsTo: 'stream' | 'connection' | 'any'
  /** Exact length where there is one, bytes. */
  length?: number
  /** Least length where there is one, bytes. */
  least?: number
}

const RULES: readonly TypeRule[] = [
  { name: 'DATA', section: '6.1', belongsTo: 'stream' },
  { name: 'HEADERS', section: '6.2', belongsTo: 'stream' },
  { name: 'PRIORITY', section: '6.3', belongsTo: 'stream', length: 5 },
  { name: 'RST_STREAM', section: '6.4', belongsTo: 'stream', length: 4 },
  { name: 'SETTINGS', section: '6.5', belongsTo: 'connection' },
  { name: 'PUSH_PROMISE', section: '6.6', belongsTo: 'stream' },
  { name: 'PING', section: '6.7', belongsTo: 'connection', length: 8 },
  { name: 'GOAWAY', section: '6.8', belongsTo: 'connection', least: 8 },
  { name: 'WINDOW_UPDATE', section: '6.9', belongsTo: 'any', length: 4 },
  { name: 'CONTINUATION', section: '6.10', belongsTo: 'stream' },
]

/**
 * Entries of one SETTINGS frame: twice what nghttp2 takes. There are ten settings, and each change of the initial
 * window walks over all streams: a frame may hold 2,700.
 */
export const MAX_SETTINGS = 64

/** Whether frames of this type are known; others are skipped (RFC 9113 4.1). */
export function isKnownType(type: number): boolean {
  return type < RULES.length
}

/** The first frame of either side is SETTINGS (RFC 9113 3.4). */
export function firstFrameProblem({ type, flags }: FrameHeader): FrameProblem | null {
  if (type === FRAME.settings && (flags & FLAG.ack) === 0) return null
  return connectionProblem('protocolError', 'the first frame is not SETTINGS (RFC 9113 3.4)')
}

/**
 * What is wrong with a frame as its header alone tells.
 *
 * | rule broken                                   | code              | scope      |
 * |-----------------------------------------------|-------------------|------------|
 * | longer than our SETTINGS_MAX_FRAME_SIZE (4.2) | FRAME_SIZE_ERROR  | connection |
 * | stream 0 where there must be one, or reverse  | PROTOCOL_ERROR    | connection |
 * | PUSH_PROMISE, which nobody may send us (8.4)  | PROTOCOL_ERROR    | connection |
 * | PRIORITY of another length than 5 (6.3)       | FRAME_SIZE_ERROR  | stream     |
 * | any other wrong length                        | FRAME_SIZE_ERROR  | connection |
 */
export function frameHeaderProblem(frame: FrameHeader, maxFrameBytes: number): FrameProblem | null {
  if (frame.length > maxFrameBytes) {
    const text = `a frame of ${frame.length} bytes where ${maxFrameBytes} are allowed (RFC 9113 4.2)`
    return connectionProblem('frameSizeError', text, frame.streamId)
  }
  const rule = RULES[frame.type]
  if (rule === undefined) return null
  return streamProblemOf(frame, rule) ?? lengthProblemOf(frame, rule)
}

function streamProblemOf({ type, streamId }: FrameHeader, rule: TypeRule): FrameProblem | null {
  const { name, section, belongsTo } = rule
  if (belongsTo === 'stream' && streamId === 0) {
    return connectionProblem('protocolError', `${name} on stream 0 (RFC 9113 ${section})`)
  }
  if (belongsTo === 'connection' && streamId !== 0) {
    const text = `${name} on a stream (RFC 9113 ${section})`
    return connectionProblem('protocolError', text, streamId)
  }
  if (type !== FRAME.pushPromise) return null
  const text = 'PUSH_PROMISE, which a client may not send and we have not allowed (RFC 9113 8.4)'
  return connectionProblem('protocolError', text, streamId)
}

function lengthProblemOf(frame: FrameHeader, rule: TypeRule): FrameProblem | null {
  const { type, length, streamId } = frame
  const { name, section } = rule
  const isRight = (rule.length ?? length) === length && length >= (rule.least ?? leastOf(frame))
  if (isRight) return type === FRAME.settings ? settingsLengthProblem(frame) : null
  const text = `${name} of ${length} bytes (RFC 9113 ${section})`
  const problem = connectionProblem('frameSizeError', text, streamId)
  return type === FRAME.priority ? { ...problem, scope: 'stream' } : problem
}

/** What padding and priority take at least. */
function leastOf({ type, flags }: FrameHeader): number {
  if (type !== FRAME.data && type !== FRAME.headers) return 0
  const padding = (flags & FLAG.padded) === 0 ? 0 : 1
  return type === FRAME.headers && (flags & FLAG.priority) !== 0 ? padding + 5 : padding
}

function settingsLengthProblem({ flags, length }: FrameHeader): FrameProblem | null {
  if ((flags & FLAG.ack) !== 0 && length > 0) {
    return connectionProblem('frameSizeError', 'an acknowledgement with SETTINGS (RFC 9113 6.5)')
  }
  if (length > MAX_SETTINGS * 6) {
    const text = `SETTINGS of more than ${MAX_SETTINGS} entries (RFC 9113 10.5)`
    return connectionProblem('enhanceYourCalm', text)
  }
  if (length % 6 === 0) return null
  const text = `SETTINGS of ${length} bytes, no multiple of 6 (RFC 9113 6.5)`
  return connectionProblem('frameSizeError', text)
}

/** A header block that is being collected from several frames. */
export interface OpenBlock {
  streamId: number
  bytes: number
  continuations: number
}

/** Between HEADERS and the end of its block, only CONTINUATION of that stream may come (6.10). */
export function continuationProblem(
  { type, streamId, length }: FrameHeader,
  open: OpenBlock | null,
): FrameProblem | null {
  if (open === null) {
    if (type !== FRAME.continuation) return null
    const text = 'CONTINUATION without HEADERS before it (RFC 9113 6.10)'
    return connectionProblem('protocolError', text, streamId)
  }
  if (type !== FRAME.continuation || streamId !== open.streamId) {
    const text = 'a header block that another frame breaks into (RFC 9113 6.10)'
    return connectionProblem('protocolError', text, streamId)
  }
  if (open.continuations >= MAX_CONTINUATIONS) {
    const text = `a header block of more than ${MAX_CONTINUATIONS} CONTINUATION frames (RFC 9113 10.5)`
    return connectionProblem('enhanceYourCalm', text, streamId)
  }
  if (open.bytes + length <= MAX_HEADER_BLOCK_BYTES) return null
  const text = `a header block longer than ${MAX_HEADER_BLOCK_BYTES} bytes (RFC 9113 10.5.1)`
  return connectionProblem('enhanceYourCalm', text, streamId)
}

export function connectionProblem(
  code: keyof typeof ERROR_CODE,
  message: string,
  streamId = 0,
): FrameProblem {
  return { kind: 'problem', scope: 'connection', streamId, code: ERROR_CODE[code], message }
}

export function streamProblem(
  code: keyof typeof ERROR_CODE,
  message: string,
  streamId: number,
): FrameProblem {
  return { kind: 'problem', scope: 'stream', streamId, code: ERROR_CODE[code], message }
}

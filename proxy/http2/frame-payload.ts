/** Reads the whole payloads of control frames (RFC 9113 6) whose lengths are already known good. */
import {
  FLAG,
  FRAME,
  type FrameEvent,
  type FrameProblem,
  MAX_MAX_FRAME_BYTES,
  MAX_WINDOW,
  MIN_MAX_FRAME_BYTES,
  SETTING,
} from './frame.ts'
import { connectionProblem, type FrameHeader, streamProblem } from './frame-rules.ts'

/** Which end of the connection we are. */
export type Role = 'server' | 'client'

/** What a frame other than DATA, HEADERS and CONTINUATION says. */
export function readControlFrame(frame: FrameHeader, payload: Buffer, role: Role): FrameEvent {
  const { type, flags, streamId } = frame
  switch (type) {
    case FRAME.priority:
      return { kind: 'priority', streamId, dependsOnItself: parentOf(payload, 0) === streamId }
    case FRAME.rstStream:
      return { kind: 'rst-stream', streamId, code: payload.readUInt32BE(0) }
    case FRAME.settings:
      return (flags & FLAG.ack) === 0 ? readSettings(payload, role) : { kind: 'settings-ack' }
    case FRAME.ping:
      return { kind: 'ping', ack: (flags & FLAG.ack) !== 0, payload }
    case FRAME.goaway:
      return {
        kind: 'goaway',
        lastStreamId: payload.readUInt32BE(0) & 0x7fff_ffff,
        code: payload.readUInt32BE(4),
        debug: payload.subarray(8),
      }
    default:
      return readWindowUpdate(streamId, payload)
  }
}

/** The part of a HEADERS payload that belongs to the block, or what is wrong with the rest. */
export function headersBlock(
  { flags, streamId }: FrameHeader,
  payload: Buffer,
): { kind: 'block'; block: Buffer; dependsOnItself: boolean } | FrameProblem {
  let from = 0
  let to = payload.length
  if ((flags & FLAG.padded) !== 0) {
    from = 1
    to -= payload[0] as number
  }
  let dependsOnItself = false
  if ((flags & FLAG.priority) !== 0) {
    dependsOnItself = parentOf(payload, from) === streamId
    from += 5
  }
  if (from > to) return paddingProblem(streamId)
  return { kind: 'block', block: payload.subarray(from, to), dependsOnItself }
}

export function paddingProblem(streamId: number): FrameProblem {
  const text = 'padding that is as long as the payload or longer (RFC 9113 6.1)'
  return connectionProblem('protocolError', text, streamId)
}

function parentOf(payload: Buffer, at: number): number {
  return payload.readUInt32BE(at) & 0x7fff_ffff
}

function readWindowUpdate(streamId: number, payload: Buffer): FrameEvent {
  const increment = payload.readUInt32BE(0) & 0x7fff_ffff
  if (increment > 0) return { kind: 'window-update', streamId, increment }
  const text = 'a WINDOW_UPDATE of 0 bytes (RFC 9113 6.9)'
  if (streamId === 0) return connectionProblem('protocolError', text)
  return streamProblem('protocolError', text, streamId)
}

function readSettings(payload: Buffer, role: Role): FrameEvent {
  const settings: [number, number][] = []
  for (let at = 0; at < payload.length; at += 6) {
    const id = payload.readUInt16BE(at)
    const value = payload.readUInt32BE(at + 2)
    const problem = settingProblem(id, value, role)
    if (problem !== null) return problem
    settings.push([id, value])
  }
  return { kind: 'settings', settings }
}

/** RFC 9113 6.5.2; RFC 8441 3 for the last. */
function settingProblem(id: number, value: number, role: Role): FrameProblem | null {
  switch (id) {
    case SETTING.enablePush: {
      if (value === 0 || (value === 1 && role === 'server')) return null
      const text = `SETTINGS_ENABLE_PUSH of ${value} from a ${role === 'server' ? 'client' : 'server'} (RFC 9113 6.5.2)`
      return connectionProblem('protocolError', text)
    }
    case SETTING.initialWindowSize: {
      if (value <= MAX_WINDOW) return null
      const text = `SETTINGS_INITIAL_WINDOW_SIZE of ${value} (RFC 9113 6.5.2)`
      return connectionProblem('flowControlError', text)
    }
    case SETTING.maxFrameSize: {
      if (value >= MIN_MAX_FRAME_BYTES && value <= MAX_MAX_FRAME_BYTES) return null
      const text = `SETTINGS_MAX_FRAME_SIZE of ${value} (RFC 9113 6.5.2)`
      return connectionProblem('protocolError', text)
    }
    case SETTING.enableConnectProtocol: {
      if (value <= 1) return null
      const text = `SETTINGS_ENABLE_CONNECT_PROTOCOL of ${value} (RFC 8441 3)`
      return connectionProblem('protocolError', text)
    }
    default:
      return null
  }
}

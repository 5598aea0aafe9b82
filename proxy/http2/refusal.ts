/** Answers a stream for which there is no plan, because its request could not be read. */
import type { ErrorCode } from '../../core/errors.ts'
import type { HeaderField } from './field.ts'
import { ownAnswer } from './own-answer.ts'
import type { Wire } from './wire.ts'

/** Characters of method and path in a report. */
const START_LINE_LENGTH = 200

/** Sends the whole answer; returns its bytes. Where the windows have no room for its text, the head has to do. */
export function sendRefusal(
  wire: Wire,
  streamId: number,
  { code, message }: { code: ErrorCode; message: string },
): number {
  const { head, body } = ownAnswer(code, message, null)
  const room = Math.min(wire.peerInitialWindow, wire.room)
  if (body !== null && body.length <= room) {
    return wire.sendHeaders(streamId, head.fields, false) + wire.sendData(streamId, body, true)
  }
  const bodiless = head.fields.filter(({ name }) => name !== 'content-length')
  return wire.sendHeaders(streamId, bodiless, true)
}

/** Method and path, as far as there are any, in the place of a request line. */
export function startOf(fields: readonly HeaderField[]): string {
  const value = (name: string) => fields.find((field) => field.name === name)?.value ?? ''
  return `${value(':method')} ${value(':path')}`.trim().slice(0, START_LINE_LENGTH)
}

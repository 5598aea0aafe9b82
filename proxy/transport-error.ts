/** Names what went wrong with a spliced connection by the closed list of errors. */
import type { ErrorCode } from '../core/errors.ts'
import { type Address, formatAddress } from '../core/routing-table.ts'
import type { SpliceEnd } from './splice.ts'

/** @param target the server, side `b` of the splice */
export function spliceError(
  { error, side }: SpliceEnd,
  target: Address,
): { code: ErrorCode; message: string } | null {
  if (error === null) return null
  const errno = error.code ?? 'unknown error'
  if (side === 'a') return { code: 'client-closed', message: `the client’s connection: ${errno}` }
  const where = formatAddress(target)
  if (error.syscall !== 'connect') {
    return { code: 'upstream-reset', message: `${where} broke the connection: ${errno}` }
  }
  if (errno === 'ECONNREFUSED') {
    return { code: 'connect-refused', message: `nothing listens at ${where}` }
  }
  if (errno === 'ETIMEDOUT') {
    return { code: 'connect-timeout', message: `${where} did not accept in time` }
  }
  return { code: 'connect-failed', message: `${where} could not be reached: ${errno}` }
}

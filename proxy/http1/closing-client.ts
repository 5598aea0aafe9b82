/**
 * What is made of a client that closes its connection after the answer: its server need not, since
 * `Connection` is said to the next hop alone (RFC 9110 7.6.1).
 */
import type { HeaderList } from '../../core/trace-record.ts'

/** What the server reads in place of `close`. */
const KEEP_ALIVE: HeaderList[number] = ['Connection', 'keep-alive']

/** The headers to set, so that the server keeps its connection. */
export function keepingUpstream(setHeaders: HeaderList): HeaderList {
  return [...setHeaders, KEEP_ALIVE]
}

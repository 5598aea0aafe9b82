/**
 * What is made of a client that closes its connection after the answer: its server need not, since
 * `Connection` is said to the next hop alone (RFC 9110 7.6.1).
 */
import type { HeaderList } from '../../core/trace-record.ts'
import type { ParsedRequestHead } from './head.ts'

/** What the server reads in place of `close`. */
const KEEP_ALIVE: HeaderList[number] = ['Connection', 'keep-alive']

/** HTTP/1.1 and `Connection: close`, once and without another option. */
export function saysOnlyClose(head: ParsedRequestHead): boolean {
  const field = head.find('connection')
  if (field < 0 || head.version !== '1.1' || head.find('connection', field + 4) >= 0) return false
  return head.value(field).toLowerCase() === 'close'
}

/** The headers to set, so that the server keeps its connection. */
export function keepingUpstream(setHeaders: HeaderList): HeaderList {
  return [...setHeaders, KEEP_ALIVE]
}

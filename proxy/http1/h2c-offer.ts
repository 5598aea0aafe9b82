/**
 * Takes the offer to go on in HTTP/2 out of a request. After `101 Switching Protocols` to h2c the sidecar
 * would see one tunnel, and every further request on it, whichever space it is of, would go where the
 * first one went. Java's HTTP client makes this offer with its first request to every server. An offer
 * may be ignored by anybody (RFC 9110 7.8), and RFC 9113 has done away with this one; HTTP/2 with prior
 * knowledge is routed stream by stream.
 */
import { withoutBlanks } from './characters.ts'
import { ParsedRequestHead } from './head.ts'
import { HeadReader } from './head-reader.ts'

/** The request without h2c among its upgrades; all other bytes are as they came. */
export function withoutH2cOffer(head: ParsedRequestHead): ParsedRequestHead {
  const { fields, base, buffer } = head
  const others = head.values('upgrade').some((value) => optionsBut(value, ['h2c']) !== '')
  const gone = others ? ['http2-settings'] : ['http2-settings', 'upgrade']
  const firstField = base + (fields[0] ?? head.length)
  let text = buffer.toString('latin1', head.from, firstField)
  for (let i = 0; i < fields.length; i += 4) {
    const line = buffer.toString(
      'latin1',
      base + (fields[i] as number),
      i + 4 < fields.length ? base + (fields[i + 4] as number) : head.to - 2,
    )
    if (head.nameIs(i, 'http2-settings')) continue
    if (head.nameIs(i, 'upgrade')) text += rewritten(line, head.value(i), ['h2c'])
    else if (head.nameIs(i, 'connection')) text += rewritten(line, head.value(i), gone)
    else text += line
  }
  const reader = new HeadReader('request')
  const bytes = Buffer.from(`${text}\r\n`, 'latin1')
  // A head without some of its fields is as sound as it was with them.
  if (reader.read(bytes, 0) !== 'done') return head
  return new ParsedRequestHead(reader.buffer, reader.base, reader.scanner)
}

/** True if h2c is among the protocols that an Upgrade field names. */
export function offersH2c(upgrade: string): boolean {
  return optionsBut(upgrade, ['h2c']) !== upgrade
}

/** The line with what is left of its list; nothing if that is nothing. */
function rewritten(line: string, value: string, without: readonly string[]): string {
  const left = optionsBut(value, without)
  if (left === value) return line
  if (left === '') return ''
  return `${line.slice(0, line.indexOf(':'))}: ${left}\r\n`
}

/** The list as it is if none of the options is in it. */
function optionsBut(value: string, without: readonly string[]): string {
  const options = value.split(',').map(withoutBlanks)
  const left = options.filter((option) => !without.includes(option.toLowerCase()))
  return left.length === options.length ? value : left.filter((option) => option !== '').join(', ')
}

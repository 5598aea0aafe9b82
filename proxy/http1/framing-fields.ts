/** What the fields of a head say that frame its message, or decide about its connection (RFC 9112 6 and 9). */
import { CR, HTAB, withoutBlanks } from './characters.ts'
import { offersH2c } from './h2c-offer.ts'
import type { Head } from './head.ts'

const PROBLEM = {
  twoLengths: 'two Content-Length fields (RFC 9112 6.3)',
  length: 'a Content-Length that is no plain number of bytes (RFC 9112 6.3)',
  both: 'Content-Length and Transfer-Encoding in one message (RFC 9112 6.3)',
  coding: 'a Transfer-Encoding that is no list of codings, or has chunked not last (RFC 9112 6.1)',
  twoCodings: 'two Transfer-Encoding fields, of which some parsers read one (RFC 9112 6.1)',
  tab: 'a tab in a field that frames the message, which parsers treat differently (RFC 9112 6)',
} as const

/** What the fields that matter for framing say; `problem` if they contradict each other. */
export interface FieldFacts {
  problem: string | null
  length: number | null
  /** Null without Transfer-Encoding, else if its last coding is chunked. */
  chunked: boolean | null
  hosts: number
  /** Index of the last Host field. */
  host: number
  close: boolean
  /** There is one Connection field, which says nothing else. */
  onlyClose: boolean
  /** Connection fields. */
  connections: number
  keepAlive: boolean
  connectionUpgrade: boolean
  /** `Connection: content-length`. */
  dropsLength: boolean
  upgrade: boolean
  /** `Upgrade: h2c`. */
  h2c: boolean
  bindsConnection: boolean
}

/** Read once for all heads with the same fields. */
export function factsOf(head: Head): FieldFacts {
  head.fieldSet.facts ??= readFields(head)
  return head.fieldSet.facts
}

function readFields(head: Head): FieldFacts {
  const facts: FieldFacts = {
    problem: null,
    length: null,
    chunked: null,
    hosts: 0,
    host: -1,
    close: false,
    onlyClose: false,
    connections: 0,
    keepAlive: false,
    connectionUpgrade: false,
    dropsLength: false,
    upgrade: false,
    h2c: false,
    bindsConnection: false,
  }
  const { fields } = head
  for (let i = 0; i < fields.length && facts.problem === null; i += 4) {
    // The length alone sorts out nearly all fields.
    switch ((fields[i + 1] as number) - (fields[i] as number)) {
      case 4:
        if (!head.nameIs(i, 'host')) break
        facts.hosts++
        facts.host = i
        break
      case 7:
        if (!head.nameIs(i, 'upgrade')) break
        facts.upgrade = true
        facts.h2c ||= offersH2c(head.value(i))
        break
      case 10:
        if (head.nameIs(i, 'connection')) readConnection(head.value(i), facts)
        break
      case 13:
        if (head.nameIs(i, 'authorization')) facts.bindsConnection ||= isLogin(head.value(i))
        break
      case 14:
        if (head.nameIs(i, 'content-length')) facts.problem = readLength(head, i, facts)
        break
      case 17:
        if (head.nameIs(i, 'transfer-encoding')) facts.problem = readCoding(head, i, facts)
        break
      case 19:
        if (head.nameIs(i, 'proxy-authorization')) facts.bindsConnection ||= isLogin(head.value(i))
    }
  }
  const both = facts.chunked !== null && facts.length !== null
  if (both) facts.problem ??= PROBLEM.both
  return facts
}

/** Schemes that log in a connection, not a request (RFC 4559 6). */
function isLogin(credentials: string): boolean {
  return /^(?:ntlm|negotiate)\b/i.test(credentials)
}

function readConnection(value: string, facts: FieldFacts): void {
  facts.connections++
  facts.onlyClose = facts.connections === 1 && value.toLowerCase() === 'close'
  for (const option of value.split(',')) {
    switch (withoutBlanks(option).toLowerCase()) {
      case 'close':
        facts.close = true
        break
      case 'keep-alive':
        facts.keepAlive = true
        break
      case 'upgrade':
        facts.connectionUpgrade = true
        break
      case 'content-length':
        facts.dropsLength = true
    }
  }
}

/** Even two equal lengths are refused: parsers differ on them, and no honest client sends them. */
function readLength(head: Head, field: number, facts: FieldFacts): string | null {
  if (hasTab(head, field)) return PROBLEM.tab
  if (facts.length !== null) return PROBLEM.twoLengths
  const from = head.base + (head.fields[field + 2] as number)
  const to = head.base + (head.fields[field + 3] as number)
  if (from === to) return PROBLEM.length
  let length = 0
  for (let at = from; at < to; at++) {
    const digit = (head.buffer[at] as number) - 0x30
    if (digit < 0 || digit > 9) return PROBLEM.length
    length = length * 10 + digit
    if (length > Number.MAX_SAFE_INTEGER) return PROBLEM.length
  }
  facts.length = length
  return null
}

/** Looks at the whole line behind the colon: blanks around the value count, too. */
function hasTab(head: Head, field: number): boolean {
  let at = head.base + (head.fields[field + 1] as number) + 1
  while (head.buffer[at] !== CR && head.buffer[at] !== HTAB) at++
  return head.buffer[at] === HTAB
}

/** Chunked may only be the last member of the list, once and without parameters. */
function readCoding(head: Head, field: number, facts: FieldFacts): string | null {
  if (hasTab(head, field)) return PROBLEM.tab
  if (facts.chunked !== null) return PROBLEM.twoCodings
  for (const member of head.value(field).split(',')) {
    const coding = CODING.exec(member)?.[1]
    if (facts.chunked === true || coding === undefined) return PROBLEM.coding
    facts.chunked = coding.toLowerCase() === 'chunked'
  }
  return null
}

/** Blanks are spaces here and nothing else: `trim` would take off a no-break space too (byte 0xA0). */
const CODING = /^ *([!#$%&'*+\-.^_`|~0-9a-z]+) *$/i

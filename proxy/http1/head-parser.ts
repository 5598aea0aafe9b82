/**
 * Finds the parts of an HTTP/1 head as byte offsets (RFC 9112 2 to 5), strictly: a byte on which two
 * parsers could disagree is refused. It stops and goes on at any byte, and looks at none twice.
 */
import { COLON, CR, HTAB, isBlank, LF, SP, TARGET, TOKEN, VALUE } from './characters.ts'
import { FieldSet, NO_FIELDS } from './field-set.ts'
import { MAX_HEAD_BYTES, OWN_FIELDS_BYTES } from './head-limit.ts'
import { type HeadParts, readWholeRequest, readWholeResponse } from './whole-head.ts'

/** What is longer in any case; `isTooLong` looks at the rest. */
const LIMIT = MAX_HEAD_BYTES + OWN_FIELDS_BYTES

export type ScanResult = 'more' | 'done' | 'refused' | 'too-large'

// States. Plain numbers, because the scanner of a connection lives as long as the connection.
const START = 0
const EMPTY_LINE_LF = 1
const METHOD = 2
const TARGET_PART = 3
const REQUEST_VERSION = 4
const RESPONSE_VERSION = 5
const STATUS = 6
const AFTER_STATUS = 7
const REASON = 8
const START_LINE_CR = 9
const START_LINE_LF = 10
const FIELD = 11
const NAME = 12
const OWS = 13
const FIELD_VALUE = 14
const FIELD_LF = 15
const END_LF = 16

const VERSION_PREFIX = Buffer.from('HTTP/1.', 'latin1')

const PROBLEM = {
  method: 'a byte that no method may have (RFC 9110 9.1)',
  leading: 'whitespace or a second empty line before the request line (RFC 9112 2.2)',
  target: 'a byte that no request target may have (RFC 9112 3.2)',
  noVersion: 'a line end in place of the version, as in HTTP/0.9 (RFC 9112 3)',
  version: 'the version is neither HTTP/1.1 nor HTTP/1.0 (RFC 9112 2.3)',
  status: 'the status code is not three digits from 100 up (RFC 9112 4)',
  reason: 'a byte that no reason phrase may have (RFC 9112 4)',
  bareCr: 'a CR that no LF follows (RFC 9112 2.2)',
  bareLf: 'a LF with no CR before it (RFC 9112 2.2)',
  fold: 'a header line that begins with whitespace (RFC 9112 5.2)',
  name: 'a byte that no field name may have (RFC 9110 5.1)',
  emptyName: 'a header line without a name (RFC 9112 5)',
  space: 'whitespace between field name and colon (RFC 9112 5.1)',
  value: 'a control character in a field value (RFC 9110 5.5)',
} as const

export class HeadScanner implements HeadParts {
  /** Where the head proper starts: 2 after a tolerated empty line, else 0. All offsets are from there on relative to `base`. */
  start = 0
  methodEnd = 0
  targetEnd = 0
  /** `HTTP/1.<minor>`. */
  minor = 0
  status = 0
  /** After `done`. */
  fields: FieldSet = NO_FIELDS
  fieldsFrom = 0
  /** What was refused, and the rule. */
  problem = ''
  /** Bytes looked at; after `done` the length of the head, blank line included. */
  position = 0
  readonly #first: number
  #state: number
  #mark = 0
  #count = 0
  #offsets: number[] = []

  constructor(kind: 'request' | 'response') {
    this.#first = kind === 'request' ? START : RESPONSE_VERSION
    this.#state = this.#first
  }

  /** Makes ready for the next head; the `fields` of the last one stay with whoever took them. */
  reset(): void {
    this.start = 0
    this.status = 0
    this.fields = NO_FIELDS
    this.fieldsFrom = 0
    this.#offsets = []
    this.problem = ''
    this.position = 0
    this.#state = this.#first
    this.#count = 0
  }

  /**
   * Goes on with a head that begins at `base` of `buffer`, where bytes up to `end` are there. Bytes
   * already seen must still stand at the same distance from `base`.
   */
  scan(buffer: Buffer, base: number, end: number): ScanResult {
    const stop = Math.min(end, base + LIMIT)
    if (this.position === 0 && this.#readWhole(buffer, base, stop)) return 'done'
    let i = base + this.position
    let state = this.#state
    let fieldsFrom = base + this.fieldsFrom
    while (i < stop) {
      const byte = buffer[i] as number
      switch (state) {
        case START:
          if (byte === CR && this.start === 0) state = EMPTY_LINE_LF
          else if (TOKEN[byte] === 1) state = METHOD
          else return this.#refuse(byte > SP ? PROBLEM.method : PROBLEM.leading)
          i++
          break
        case EMPTY_LINE_LF:
          // RFC 9112 2.2: one empty line before a request line SHOULD be ignored.
          if (byte !== LF) return this.#refuse(PROBLEM.bareCr)
          i++
          this.start = i - base
          state = START
          break
        case METHOD:
          while (i < stop && TOKEN[buffer[i] as number] === 1) i++
          if (i === stop) break
          if (buffer[i] !== SP) return this.#refuse(PROBLEM.method)
          this.methodEnd = i - base
          i++
          state = TARGET_PART
          break
        case TARGET_PART:
          while (i < stop && TARGET[buffer[i] as number] === 1) i++
          if (i === stop) break
          if (buffer[i] !== SP || i - base === this.methodEnd + 1) {
            return this.#refuse(targetProblem(buffer[i] as number))
          }
          this.targetEnd = i - base
          i++
          state = REQUEST_VERSION
          break
        case REQUEST_VERSION:
          if (!this.#version(byte)) return this.#refuse(PROBLEM.version)
          if (this.#count === 8) state = START_LINE_CR
          i++
          break
        case RESPONSE_VERSION:
          if (this.#count === 8) {
            if (byte !== SP) return this.#refuse(PROBLEM.version)
            this.#count = 0
            state = STATUS
          } else if (!this.#version(byte)) return this.#refuse(PROBLEM.version)
          i++
          break
        case STATUS:
          if (byte < 0x30 || byte > 0x39) return this.#refuse(PROBLEM.status)
          this.status = this.status * 10 + byte - 0x30
          this.#count++
          i++
          if (this.#count < 3) break
          if (this.status < 100) return this.#refuse(PROBLEM.status)
          state = AFTER_STATUS
          break
        case AFTER_STATUS:
          // Servers that leave out the space before an empty reason are common and harmless.
          if (byte === CR) state = START_LINE_LF
          else if (byte === SP) state = REASON
          else return this.#refuse(PROBLEM.status)
          i++
          break
        case REASON:
          while (i < stop && VALUE[buffer[i] as number] === 1) i++
          if (i === stop) break
          if (buffer[i] !== CR) {
            return this.#refuse(buffer[i] === LF ? PROBLEM.bareLf : PROBLEM.reason)
          }
          i++
          state = START_LINE_LF
          break
        case START_LINE_CR:
          if (byte !== CR) return this.#refuse(byte === LF ? PROBLEM.bareLf : PROBLEM.version)
          i++
          state = START_LINE_LF
          break
        case START_LINE_LF:
          if (byte !== LF) return this.#refuse(PROBLEM.bareCr)
          i++
          fieldsFrom = i
          this.fieldsFrom = i - base
          state = FIELD
          break
        case FIELD_LF:
          if (byte !== LF) return this.#refuse(PROBLEM.bareCr)
          i++
          state = FIELD
          break
        case FIELD:
          if (byte === CR) {
            i++
            state = END_LF
            break
          }
          if (TOKEN[byte] !== 1) return this.#refuse(fieldProblem(byte))
          this.#mark = i - fieldsFrom
          i++
          state = NAME
          break
        case NAME: {
          while (i < stop && TOKEN[buffer[i] as number] === 1) i++
          if (i === stop) break
          const after = buffer[i] as number
          if (after !== COLON) {
            return this.#refuse(after === SP || after === HTAB ? PROBLEM.space : PROBLEM.name)
          }
          this.#offsets.push(this.#mark, i - fieldsFrom)
          i++
          state = OWS
          break
        }
        case OWS:
          while (i < stop && (buffer[i] === SP || buffer[i] === HTAB)) i++
          if (i === stop) break
          this.#mark = i - fieldsFrom
          state = FIELD_VALUE
          break
        case FIELD_VALUE: {
          while (i < stop && VALUE[buffer[i] as number] === 1) i++
          if (i === stop) break
          if (buffer[i] !== CR) {
            return this.#refuse(buffer[i] === LF ? PROBLEM.bareLf : PROBLEM.value)
          }
          let last = i - fieldsFrom
          while (last > this.#mark && isBlank(buffer[fieldsFrom + last - 1] as number)) last--
          this.#offsets.push(this.#mark, last)
          i++
          state = FIELD_LF
          break
        }
        default:
          if (byte !== LF) return this.#refuse(PROBLEM.bareCr)
          this.position = i + 1 - base
          this.fields = new FieldSet(this.#offsets)
          return 'done'
      }
    }
    this.position = i - base
    this.#state = state
    return this.position >= LIMIT ? 'too-large' : 'more'
  }

  /** Most heads come in one piece and are as they should be. */
  #readWhole(buffer: Buffer, base: number, stop: number): boolean {
    const read = this.#first === START ? readWholeRequest : readWholeResponse
    this.position = read(buffer, base, stop, this)
    if (this.position > 0) return true
    this.status = 0
    return false
  }

  #version(byte: number): boolean {
    const at = this.#count++
    if (at < 7) return byte === VERSION_PREFIX[at]
    this.minor = byte - 0x30
    return byte === 0x30 || byte === 0x31
  }

  #refuse(problem: string): 'refused' {
    this.problem = problem
    return 'refused'
  }
}

function targetProblem(byte: number): string {
  return byte === CR || byte === LF ? PROBLEM.noVersion : PROBLEM.target
}

function fieldProblem(byte: number): string {
  if (isBlank(byte)) return PROBLEM.fold
  if (byte === LF) return PROBLEM.bareLf
  return byte === COLON ? PROBLEM.emptyName : PROBLEM.name
}

/**
 * Where a redirected connection meant to go: `getsockopt(SO_ORIGINAL_DST)`, which conntrack answers
 * from its entry of the connection. Node has no door to it, so libc is called through koffi.
 */
import type { Address } from '../core/routing-table.ts'
import type { GetSockOpt } from './getsockopt.ts'

export type OriginalDestination =
  | { kind: 'redirected'; destination: Address }
  /** Nobody redirected it: somebody dialled this port itself. */
  | { kind: 'direct' }
  | { kind: 'failed'; message: string }

/**
 * How the proxy asks about a connection, by its descriptor (-1 once it is closed) and its client; tests
 * pass their own.
 */
export type FindOriginalDestination = (fd: number, client: Address) => OriginalDestination

/** Values of Linux' headers, the same on every architecture that Node runs on. */
const SOL_IP = 0
const SOL_IPV6 = 41
/** `SO_ORIGINAL_DST` and `IP6T_SO_ORIGINAL_DST`. */
const ORIGINAL_DST = 80
const ENOENT = 2
/** Also "not redirected": a kernel without the conntrack module for the family knows no option 80. */
const ENOPROTOOPT = 92

const SOCKADDR_IN_BYTES = 16
const SOCKADDR_IN6_BYTES = 28

/**
 * Most destinations of each family whose answers are kept: more than a pod calls, 200 bytes each. All
 * connections to one destination then share one object, and whatever is remembered of it is found by that.
 */
const MOST_KNOWN = 1024

/**
 * Makes the function that asks the kernel.
 * @param getSockOpt libc's, from `loadGetSockOpt`
 */
export function createOriginalDestination(getSockOpt: GetSockOpt): FindOriginalDestination {
  const v4 = new Answers(SOCKADDR_IN_BYTES, keyOfIn, readSockaddrIn)
  const v6 = new Answers(SOCKADDR_IN6_BYTES, keyOfIn6, readSockaddrIn6)
  return (fd, client) => {
    if (fd < 0) return { kind: 'failed', message: 'the connection is closed already' }
    // Conntrack knows an IPv4 client of a dual-stack listener as IPv4, and so do the streams.
    const isV6 = client.ip.includes(':')
    const answers = isV6 ? v6 : v4
    const errno = getSockOpt(fd, isV6 ? SOL_IPV6 : SOL_IP, ORIGINAL_DST, answers.value)
    if (errno === 0) return answers.read()
    if (errno === ENOENT || errno === ENOPROTOOPT) return DIRECT
    return { kind: 'failed', message: `getsockopt(SO_ORIGINAL_DST) failed with errno ${errno}` }
  }
}

const DIRECT: OriginalDestination = { kind: 'direct' }

/** The kernel's answers for one family of addresses. */
class Answers {
  /** What the kernel fills. */
  readonly value: Buffer
  readonly #keyOf: (value: Buffer) => number | string
  readonly #addressOf: (value: Buffer) => Address
  readonly #known = new Map<number | string, OriginalDestination>()

  constructor(
    bytes: number,
    keyOf: (value: Buffer) => number | string,
    addressOf: (value: Buffer) => Address,
  ) {
    this.value = Buffer.alloc(bytes)
    this.#keyOf = keyOf
    this.#addressOf = addressOf
  }

  read(): OriginalDestination {
    const key = this.#keyOf(this.value)
    let answer = this.#known.get(key)
    if (answer === undefined) {
      if (this.#known.size >= MOST_KNOWN) this.#known.clear()
      answer = { kind: 'redirected', destination: this.#addressOf(this.value) }
      this.#known.set(key, answer)
    }
    return answer
  }
}

/** Address and port, which a number has room for. */
function keyOfIn(value: Buffer): number {
  return value.readUInt32BE(4) * 65_536 + value.readUInt16BE(2)
}

function keyOfIn6(value: Buffer): string {
  return value.toString('latin1', 2, 24)
}

/** `struct sockaddr_in`: family 2, port 2 (big-endian), address 4, padding 8. */
export function readSockaddrIn(value: Buffer): Address {
  return { ip: value.subarray(4, 8).join('.'), port: value.readUInt16BE(2) }
}

/** `struct sockaddr_in6`: family 2, port 2 (big-endian), flow 4, address 16, scope 4. */
export function readSockaddrIn6(value: Buffer): Address {
  const groups = Array.from({ length: 8 }, (_, i) => value.readUInt16BE(8 + 2 * i).toString(16))
  return { ip: compressIPv6(groups), port: value.readUInt16BE(2) }
}

/** RFC 5952: the longest run of two or more zero groups becomes `::`, the first of equal ones. */
function compressIPv6(groups: string[]): string {
  const runs = [...groups.join(':').matchAll(/(?:^|:)(0(?::0)+)(?=:|$)/g)]
  const longest = runs
    .map((run) => run[1] ?? '')
    .reduce((a, b) => (b.length > a.length ? b : a), '')
  if (longest === '') return groups.join(':')
  const at = runs.find((run) => run[1] === longest)
  const start = (at?.index ?? 0) + (at?.[0].startsWith(':') ? 1 : 0)
  const text = groups.join(':')
  const before = text.slice(0, start).replace(/:$/, '')
  const after = text.slice(start + longest.length).replace(/^:/, '')
  return `${before}::${after}`
}

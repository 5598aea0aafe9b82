/** Remembers which destinations have spoken HTTP, so that they are not dialled in vain. */
import { type Address, formatAddress, type ServicePort } from '../core/routing-table.ts'

/** Most destinations remembered: more than a pod calls; 100 bytes each. */
const MAX_DESTINATIONS = 1000

export class HttpExperience {
  readonly #seen = new Set<string>()

  note(destination: Address): void {
    const key = formatAddress(destination)
    // Deleting first makes the set's order that of the last use.
    this.#seen.delete(key)
    this.#seen.add(key)
    if (this.#seen.size <= MAX_DESTINATIONS) return
    for (const oldest of this.#seen) {
      this.#seen.delete(oldest)
      return
    }
  }

  has(destination: Address): boolean {
    return this.#seen.has(formatAddress(destination))
  }
}

/** Values of a Service port's `appProtocol` for which the client speaks first, in HTTP/1. */
const HTTP_PROTOCOLS = new Set(['http', 'kubernetes.io/ws'])

export function isDeclaredHttp(found: ServicePort | null): boolean {
  return found !== null && HTTP_PROTOCOLS.has(found.port.appProtocol.toLowerCase())
}

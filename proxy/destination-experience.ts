/**
 * Remembers who speaks first at a destination, so that those of HTTP are not dialled in vain, and those
 * whose server greets are dialled without delay.
 */
import { type Address, formatAddress, type ServicePort } from '../core/routing-table.ts'

/** Most destinations remembered: more than a pod calls; 100 bytes each. */
const MAX_DESTINATIONS = 1000

/** `http`: the client spoke first, in HTTP. `greeting`: the server did. */
export type Experience = 'http' | 'greeting'

export class DestinationExperience {
  readonly #seen = new Map<string, Experience>()
  /** The latest, by its object: connections to one destination share that, and to make its key takes longer than to look. */
  #last: { destination: Address; experience: Experience } | null = null

  note(destination: Address, experience: Experience): void {
    if (this.#last?.destination === destination && this.#last.experience === experience) return
    this.#last = { destination, experience }
    const key = formatAddress(destination)
    // While there is room for all, their order is of no use.
    if (this.#seen.size < MAX_DESTINATIONS && this.#seen.get(key) === experience) return
    // Deleting first makes the map's order that of the last use.
    this.#seen.delete(key)
    this.#seen.set(key, experience)
    if (this.#seen.size <= MAX_DESTINATIONS) return
    for (const oldest of this.#seen.keys()) {
      this.#seen.delete(oldest)
      return
    }
  }

  /** What the last connection showed; null if it showed nothing, or is forgotten. */
  of(destination: Address): Experience | null {
    if (this.#last?.destination === destination) return this.#last.experience
    return this.#seen.get(formatAddress(destination)) ?? null
  }
}

/** Values of a Service port's `appProtocol` for which the client speaks first, in HTTP. */
const HTTP_PROTOCOLS = new Set([
  'http',
  'kubernetes.io/ws',
  'kubernetes.io/h2c',
  'h2c',
  'http2',
  'grpc',
])

export function isDeclaredHttp(found: ServicePort | null): boolean {
  return found !== null && HTTP_PROTOCOLS.has(found.port.appProtocol.toLowerCase())
}

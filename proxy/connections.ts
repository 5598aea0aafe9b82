/** The connections that are open, for the drain and for metrics. */

export interface OpenConnection {
  readonly direction: 'inbound' | 'outbound' | 'gateway'
  /** Where it stands in the registry, which is the only one to change it; -1 if it does not. */
  place: number
  /** HTTP: finishes what is in flight, then closes. Others: nothing. */
  drain(): void
  /** HTTP: the next answer is the last. Others: nothing. */
  retire(): void
  /** Ends the connection at once. */
  reset(): void
}

export class Connections {
  /** In no order: the last one takes the place of one that goes. */
  readonly #open: OpenConnection[] = []
  readonly #draining = new Set<OpenConnection['direction']>()
  readonly #retiring = new Set<OpenConnection['direction']>()
  #busy = 0

  add(connection: OpenConnection): void {
    connection.place = this.#open.push(connection) - 1
  }

  remove(connection: OpenConnection): void {
    const { place } = connection
    if (this.#open[place] !== connection) return
    connection.place = -1
    const last = this.#open.pop() as OpenConnection
    if (last === connection) return
    this.#open[place] = last
    last.place = place
  }

  /** Exchanges in flight, tunnels and opaque connections: what a drain waits for. */
  get busy(): number {
    return this.#busy
  }

  begin(): void {
    this.#busy++
  }

  end(): void {
    this.#busy--
  }

  count(direction: OpenConnection['direction']): number {
    let count = 0
    for (const connection of this.#open) if (connection.direction === direction) count++
    return count
  }

  /**
   * Lets a direction's HTTP connections go as soon as they are idle. For good: those that come later,
   * or have not spoken yet, have to ask `isDraining`.
   */
  drain(direction: OpenConnection['direction']): void {
    this.#draining.add(direction)
    for (const connection of [...this.#open]) {
      if (connection.direction === direction) connection.drain()
    }
  }

  isDraining(direction: OpenConnection['direction']): boolean {
    return this.#draining.has(direction)
  }

  /**
   * Lets a direction's HTTP connections go with their next answer, so that their clients come back on
   * new ones. Idle connections stay: to close one is to race with the request that may be on its way.
   */
  retire(direction: OpenConnection['direction']): void {
    if (this.#retiring.has(direction)) return
    this.#retiring.add(direction)
    for (const connection of [...this.#open]) {
      if (connection.direction === direction) connection.retire()
    }
  }

  isRetiring(direction: OpenConnection['direction']): boolean {
    return this.#retiring.has(direction)
  }

  reset(): void {
    for (const connection of [...this.#open]) connection.reset()
  }
}

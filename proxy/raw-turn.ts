/**
 * Puts off what the connections of a transport have to do until all that has come in this turn of the event loop is
 * read: then everybody is told, and then everything is sent. Reading, thinking and sending by turns for each
 * connection, the processor would fetch the code of each anew every time; and a peer on another
 * core is woken by the first bytes and finds the next ones there.
 */

/** A connection, as the turn sees it. */
export interface TurnStream {
  /** Tells its listener what has come. */
  deliver(): void
  /** Sends what was put off. */
  flush(): void
}

export class Turn {
  readonly #received: TurnStream[] = []
  readonly #unsent: TurnStream[] = []
  #begun = false

  /** Something has come that is to be told. */
  received(stream: TurnStream): void {
    this.#received.push(stream)
    if (!this.#begun) this.#begin()
  }

  /** Something is to be sent. */
  unsent(stream: TurnStream): void {
    this.#unsent.push(stream)
    if (!this.#begun) this.#begin()
  }

  /** Immediates run when all descriptors of this turn have been looked at. */
  #begin(): void {
    this.#begun = true
    setImmediate(this.#end)
  }

  readonly #end = (): void => {
    const received = this.#received
    const unsent = this.#unsent
    let told = 0
    let sent = 0
    try {
      // What is added meanwhile has its turn, too: nothing new is read before this is over.
      while (told < received.length) (received[told++] as TurnStream).deliver()
      while (sent < unsent.length) (unsent[sent++] as TurnStream).flush()
    } finally {
      this.#begun = told < received.length || sent < unsent.length
      if (this.#begun) {
        // One has thrown: that costs the others a turn and no more.
        received.splice(0, told)
        unsent.splice(0, sent)
        setImmediate(this.#end)
      } else {
        received.length = 0
        unsent.length = 0
      }
    }
  }
}

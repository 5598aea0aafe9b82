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

/** Who is waiting, in order. Its places are used again: to empty an array and fill it anew costs memory in each turn. */
class Line {
  readonly #places: (TurnStream | null)[] = []
  #next = 0
  #end = 0

  add(stream: TurnStream): void {
    this.#places[this.#end++] = stream
  }

  /** Takes the first out; null if there is none. */
  take(): TurnStream | null {
    if (this.#next === this.#end) {
      this.#next = 0
      this.#end = 0
      return null
    }
    const stream = this.#places[this.#next] as TurnStream
    // A place that is free holds no connection that has ended.
    this.#places[this.#next++] = null
    return stream
  }
}

export class Turn {
  readonly #received = new Line()
  readonly #unsent = new Line()
  #begun = false
  readonly #over: () => void

  /** @param over called when all is told and sent */
  constructor(over: () => void = () => {}) {
    this.#over = over
  }

  /** Something has come that is to be told. */
  received(stream: TurnStream): void {
    this.#received.add(stream)
    if (!this.#begun) this.#begin()
  }

  /** Something is to be sent. */
  unsent(stream: TurnStream): void {
    this.#unsent.add(stream)
    if (!this.#begun) this.#begin()
  }

  /** Immediates run when all descriptors of this turn have been looked at. */
  #begin(): void {
    this.#begun = true
    setImmediate(this.#end)
  }

  readonly #end = (): void => {
    let isOver = false
    try {
      let stream = this.#received.take()
      // What is added meanwhile has its turn, too: nothing new is read before this is over.
      while (stream !== null) {
        stream.deliver()
        stream = this.#received.take()
      }
      stream = this.#unsent.take()
      while (stream !== null) {
        stream.flush()
        stream = this.#unsent.take()
      }
      isOver = true
    } finally {
      // One has thrown: that costs the others a turn and no more.
      if (!isOver) this.#begin()
      else {
        this.#begun = false
        this.#over()
      }
    }
  }
}

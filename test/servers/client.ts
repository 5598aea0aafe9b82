/** A client on a bare socket: plays a script and writes down every byte and how the connection ends. */
import type net from 'node:net'
import { NodeReading } from '../proxy/http1/node-http-parser.ts'

export interface Exchange {
  /** The head, and then the body as it goes over the wire; latin1. */
  head: string
  body: string
  /** The body waits for an answer to `Expect: 100-continue`. */
  waits: boolean
}

export interface Script {
  exchanges: Exchange[]
  /** All requests at once, without waiting for answers. */
  pipelined: boolean
  /** Where the requests are cut into pieces that are sent apart; offsets into each. */
  cuts: number[]
  /** FIN right after the last request, before its answer. */
  halfClose: boolean
}

export interface Seen {
  /** As latin1. */
  bytes: string
  /** What the server's side did by itself: `open` if it left the connection as it was. */
  ending: 'fin' | 'rst' | 'open'
  /** An answer did not come in time. */
  timedOut: boolean
}

/** How long an answer may take, ms: the servers need one. */
const ANSWER_MS = 8_000

/** Pause between two pieces of a request, ms: enough for them to be read apart. */
const PIECE_MS = 1

/** @param patienceMs how long to see whether the server closes after its last answer */
export function play(script: Script, socket: net.Socket, patienceMs: number): Promise<Seen> {
  return new Player(script, socket, patienceMs).play()
}

class Player {
  readonly #script: Script
  readonly #socket: net.Socket
  readonly #patienceMs: number
  readonly #reading: NodeReading
  readonly #methods: string[]
  #bytes = ''
  #ending: Seen['ending'] = 'open'
  #closed = false
  #wake: () => void = () => {}

  constructor(script: Script, socket: net.Socket, patienceMs: number) {
    this.#script = script
    this.#socket = socket
    this.#patienceMs = patienceMs
    this.#methods = script.exchanges.map(({ head }) => head.slice(0, head.indexOf(' ')))
    this.#reading = new NodeReading('response', () => this.#methods[this.#answers()] === 'HEAD')
  }

  async play(): Promise<Seen> {
    this.#listen()
    const { exchanges, pipelined, halfClose } = this.#script
    let answered = true
    for (const [index, exchange] of exchanges.entries()) {
      if (this.#over()) break
      const before = this.#reading.messages.length
      await this.#send(exchange.head)
      if (exchange.waits) {
        answered = await this.#until(() => this.#reading.messages.length > before || this.#over())
        // The server has said that it does not want the body: the next request would be taken for it.
        // Some say 100 and the final answer at once; then it is the first of them that counts.
        if (/^[2-5]/.test(this.#reading.messages[before]?.start[0] ?? '')) break
      }
      await this.#send(exchange.body)
      if (halfClose && index === exchanges.length - 1) this.#socket.end()
      if (!pipelined) answered = await this.#until(() => this.#answers() > index || this.#over())
      if (!answered) break
    }
    if (pipelined) {
      answered = await this.#until(() => this.#answers() >= exchanges.length || this.#over())
    }
    await this.#until(() => this.#over(), this.#patienceMs)
    return { bytes: this.#bytes, ending: this.#ending, timedOut: !answered }
  }

  #listen(): void {
    this.#socket.setNoDelay(true)
    this.#socket.on('data', (chunk) => {
      this.#bytes += chunk.toString('latin1')
      this.#reading.read(chunk)
      this.#wake()
    })
    this.#socket.on('end', () => {
      this.#ending = 'fin'
      this.#reading.end()
      this.#wake()
    })
    this.#socket.on('error', () => {
      this.#ending = 'rst'
    })
    this.#socket.on('close', () => {
      this.#closed = true
      this.#wake()
    })
  }

  /** Final answers so far. */
  #answers(): number {
    return this.#reading.messages.filter(({ start: [status = ''] }) => !/^1/.test(status)).length
  }

  #over(): boolean {
    return this.#ending !== 'open' || this.#closed || this.#reading.refused !== null
  }

  async #send(text: string): Promise<void> {
    const ends = [...new Set(this.#script.cuts.map((cut) => cut % (text.length + 1)))]
    let from = 0
    for (const end of [...ends.filter((at) => at > 0).sort((a, b) => a - b), text.length]) {
      if (end <= from || !this.#socket.writable) continue
      this.#socket.write(Buffer.from(text.slice(from, end), 'latin1'))
      from = end
      if (end < text.length) await new Promise((resolve) => setTimeout(resolve, PIECE_MS))
    }
  }

  /** True once `fits`, false if that does not come within the time. */
  async #until(fits: () => boolean, ms = ANSWER_MS): Promise<boolean> {
    const end = performance.now() + ms
    while (!fits()) {
      const left = end - performance.now()
      if (left <= 0) return false
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return true
  }
}

/** An HTTP/2 client on a bare socket: plays a script frame by frame and writes down what each stream heard. */
import type net from 'node:net'
import {
  DEFAULT_WINDOW,
  FLAG,
  FRAME,
  MIN_MAX_FRAME_BYTES,
  SETTING,
} from '../../proxy/http2/frame.ts'
import * as frames from '../proxy/http2/frames.ts'
import { type Heard, type Pair, RawClient } from '../proxy/http2/raw-client.ts'
import { pauseForSockets } from '../proxy/undisturbed.ts'
import type { Http2Script, StreamScript } from './http2-script.ts'

/** What a stream heard. */
export interface StreamSeen {
  /** Lists of fields, in order: interim ones, the head, trailers. */
  heads: Pair[][]
  /** As latin1. */
  body: string
  /** END_STREAM came, a reset of the server's with its code, or one of ours. */
  end: 'fin' | `reset ${number}` | 'given up' | null
}

export interface Http2Seen {
  streams: StreamSeen[]
  /** GOAWAY frames of the server: their codes. */
  goaways: number[]
  /** What did not come in time. */
  missing: string | null
}

/** How long all answers may take, ms: the servers need some, also on a busy machine. */
const ANSWERS_MS = 15_000

/** A reset that overtook bytes already on their way would be seen at another place each time; ms. */
const QUIET_MS = 10

export async function playHttp2(script: Http2Script, socket: net.Socket): Promise<Http2Seen> {
  const player = new Player(script, new RawClient(socket))
  return player.play()
}

class Player {
  readonly #script: Http2Script
  readonly #client: RawClient
  readonly #streams: PlayedStream[]
  readonly #goaways: number[] = []
  /** Of what came, how much has been taken in. */
  #taken = 0
  #granted = 0
  /** What may be sent. */
  #window = DEFAULT_WINDOW
  #initialWindow = DEFAULT_WINDOW
  readonly #deadline = Date.now() + ANSWERS_MS

  constructor(script: Http2Script, client: RawClient) {
    this.#script = script
    this.#client = client
    this.#streams = script.streams.map((stream) => new PlayedStream(stream, script.window))
  }

  async play(): Promise<Http2Seen> {
    const { window } = this.#script
    this.#client.send(frames.CLIENT_PREFACE, frames.settings([SETTING.initialWindowSize, window]))
    const missing = (await this.#sendAll()) ?? (await this.#hearAll())
    return { streams: this.#streams.map(({ seen }) => seen), goaways: this.#goaways, missing }
  }

  /** Streams are numbered in the order in which they open. */
  async #sendAll(): Promise<string | null> {
    let nextId = 1
    const { turns } = this.#script
    for (let turn = 0; ; turn++) {
      const open = this.#streams.filter(({ isSent }) => !isSent)
      const stream = open[(turns[turn % turns.length] ?? 0) % open.length]
      if (stream === undefined) return null
      if (stream.id === 0) {
        stream.id = nextId
        stream.sendWindow = this.#initialWindow
        nextId += 2
      }
      const step = stream.nextStep()
      if (step.kind === 'data') {
        const bytes = step.payload.length
        const fits = () => bytes <= stream.sendWindow && bytes <= this.#window
        const isFree = () => fits() || stream.seen.end !== null
        if (!(await this.#until(isFree)))
          return `a window for ${bytes} bytes on stream ${stream.id}`
        // The server has said that it wants no more of it.
        if (!fits()) continue
        stream.sendWindow -= bytes
        this.#window -= bytes
      }
      if (step.kind === 'reset') await pauseForSockets(QUIET_MS)
      this.#send(stream, step)
      this.#hear()
    }
  }

  #send(stream: PlayedStream, step: Step): void {
    const { id } = stream
    const end = stream.isSent && step.kind !== 'reset' ? FLAG.endStream : 0
    if (step.kind === 'head') this.#sendHead(id, step.fields, end)
    else if (step.kind === 'data') {
      const padded = step.isPadded ? FLAG.padded : 0
      this.#client.send(frames.frame(FRAME.data, end | padded, id, step.payload))
    } else {
      this.#client.send(frames.rstStream(id, step.code))
      stream.seen.end = 'given up'
    }
  }

  #sendHead(id: number, fields: readonly Pair[], end: number): void {
    const block = this.#client.block(fields)
    const max = MIN_MAX_FRAME_BYTES
    const first = block.subarray(0, max)
    const isWhole = block.length <= max
    const parts = [frames.headers(id, first, end | (isWhole ? FLAG.endHeaders : 0))]
    for (let at = max; at < block.length; at += max) {
      parts.push(frames.continuation(id, block.subarray(at, at + max), at + max >= block.length))
    }
    this.#client.send(...parts)
  }

  async #hearAll(): Promise<string | null> {
    const isOver = () => this.#streams.every(({ seen }) => seen.end !== null)
    if (await this.#until(isOver)) return null
    const open = this.#streams.filter(({ seen }) => seen.end === null)
    const first = open[0] as PlayedStream
    return `the end of ${open.length} streams, first ${JSON.stringify(first.script.head.slice(0, 4))}`
  }

  async #until(fits: () => boolean): Promise<boolean> {
    this.#hear()
    while (!fits()) {
      const before = this.#taken
      const heard = this.#client.heard
      let at = 0
      const isNew = () => at++ >= before
      if (heard[before - 1]?.kind === 'closed') return false
      if ((await this.#client.until(isNew, this.#deadline - Date.now())) === null) {
        this.#hear()
        return fits()
      }
      this.#hear()
    }
    return true
  }

  /** Takes in all that has come. */
  #hear(): void {
    const { heard } = this.#client
    while (this.#taken < heard.length) this.#take(heard[this.#taken++] as Heard)
  }

  #take(event: Heard): void {
    if (event.kind === 'settings') this.#takeSettings(event.settings)
    else if (event.kind === 'goaway') this.#goaways.push(event.code)
    if (!('streamId' in event)) return
    if (event.kind === 'window-update' && event.streamId === 0) this.#window += event.increment
    const stream = this.#streams.find(({ id }) => id === event.streamId)
    if (stream === undefined || stream.id === 0) return
    if (event.kind === 'window-update') stream.sendWindow += event.increment
    else if (event.kind === 'rst-stream') stream.ends(`reset ${event.code}`)
    else if (event.kind === 'headers') {
      stream.seen.heads.push(event.fields)
      if (event.endStream) stream.ends('fin')
      this.#growIfUsedUp(stream)
    } else if (event.kind === 'data') this.#takeData(stream, event)
  }

  #takeSettings(settings: readonly (readonly [id: number, value: number])[]): void {
    for (const [id, value] of settings) {
      if (id !== SETTING.initialWindowSize) continue
      for (const stream of this.#streams) stream.sendWindow += value - this.#initialWindow
      this.#initialWindow = value
    }
  }

  #takeData(stream: PlayedStream, event: Heard & { kind: 'data' }): void {
    // The connection's own window never holds anything up.
    if (event.flowBytes > 0) this.#client.send(frames.windowUpdate(0, event.flowBytes))
    if (stream.seen.end === 'given up') return
    stream.seen.body += event.text
    stream.receiveWindow -= event.flowBytes
    if (event.endStream) stream.ends('fin')
    this.#growIfUsedUp(stream)
  }

  /** A window that is used up grows, or its stream is given up, as the script wants it. */
  #growIfUsedUp(stream: PlayedStream): void {
    if (stream.receiveWindow > 0 || stream.seen.end !== null || stream.id === 0) return
    const { reset } = stream.script
    if (reset?.when === 'stalled') {
      this.#client.send(frames.rstStream(stream.id, reset.code))
      stream.seen.end = 'given up'
      return
    }
    const { grants } = this.#script
    const grant = grants[this.#granted++ % grants.length] as number
    stream.receiveWindow += grant
    this.#client.send(frames.windowUpdate(stream.id, grant))
  }
}

type Step =
  | { kind: 'head'; fields: readonly Pair[] }
  | { kind: 'data'; payload: Buffer; isPadded: boolean }
  | { kind: 'reset'; code: number }

class PlayedStream {
  /** 0 until it is opened. */
  id = 0
  sendWindow = 0
  receiveWindow: number
  readonly script: StreamScript
  readonly seen: StreamSeen = { heads: [], body: '', end: null }
  readonly #steps: Step[]
  #sent = 0

  constructor(script: StreamScript, window: number) {
    this.script = script
    this.receiveWindow = window
    this.#steps = stepsOf(script)
  }

  get isSent(): boolean {
    return this.#sent === this.#steps.length
  }

  nextStep(): Step {
    return this.#steps[this.#sent++] as Step
  }

  ends(end: 'fin' | `reset ${number}`): void {
    this.seen.end ??= end
  }
}

function stepsOf({ head, data, trailers, reset }: StreamScript): Step[] {
  const steps: Step[] = [{ kind: 'head', fields: head }]
  for (const { content, padding } of data) {
    const isPadded = padding >= 0
    const payload = isPadded ? frames.padded(content, padding) : Buffer.from(content, 'latin1')
    steps.push({ kind: 'data', payload, isPadded })
  }
  if (trailers !== null) steps.push({ kind: 'head', fields: trailers })
  if (reset?.when === 'sending') steps.push({ kind: 'reset', code: reset.code })
  return steps
}

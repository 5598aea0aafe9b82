/**
 * Lines of the feed, cut in two: the head is one for all readers of a tree and made once; the tail says what is
 * about one reader's pod. Pure.
 */
import type { FeedVersion, SelfPort } from '../../core/routing-feed.ts'
import type { View, ViewChange } from './diff.ts'
import type { PodState } from './pod-state.ts'

/**
 * As much of a long line (bytes), and an item more, is written at once: with its frame it fits one record of TLS, 16 KiB.
 * Of a longer write Node keeps room for all its records as long as the connection lives (82 KB after 64 KiB), and
 * puts its clear text into memory that the next connections get: a thousand readers took 85 MB more.
 */
export const SLICE_BYTES = 14 * 1024

export interface Stamp {
  version: FeedVersion
  digest: string
}

/** The whole state, in slices, without its end. */
export function snapshotHead(view: View, stamp: Stamp): Buffer[] {
  const slices = new Slices()
  slices.add(`${opening('snapshot', stamp)},"spaces":[`)
  slices.addList(view.spaces.values())
  slices.add('],"services":[')
  slices.addList(view.services.values())
  slices.add(']')
  return slices.end()
}

export function deltaHead({ spaces, services }: ViewChange, stamp: Stamp): Buffer[] {
  const slices = new Slices()
  slices.add(`${opening('delta', stamp)},"spaces":${JSON.stringify(spaces)},"services":{"put":[`)
  slices.addList(services.put)
  slices.add(`],"remove":${JSON.stringify(services.remove)}}`)
  return slices.end()
}

export function resumeHead(stamp: Stamp): Buffer[] {
  return [Buffer.from(opening('resume', stamp))]
}

/** The end of a line. */
export function tail(self: readonly SelfPort[] | null, pod: Partial<PodState>): Buffer {
  const leaving = pod.leaving ? ',"leaving":true' : ''
  const finished = pod.finished ? ',"finished":true' : ''
  return Buffer.from(`,"self":${JSON.stringify(self)}${leaving}${finished}}\n`)
}

function opening(type: string, { version, digest }: Stamp): string {
  return `{"type":"${type}","version":${JSON.stringify(version)},"digest":"${digest}"`
}

/** Collects text and hands it over in buffers of about `SLICE_BYTES`, so that no line is ever held whole twice. */
class Slices {
  readonly #done: Buffer[] = []
  #open: string[] = []
  #length = 0

  add(text: string): void {
    this.#open.push(text)
    this.#length += text.length
    if (this.#length >= SLICE_BYTES) this.#cut()
  }

  addList(items: Iterable<unknown>): void {
    let separator = ''
    for (const item of items) {
      this.add(separator + JSON.stringify(item))
      separator = ','
    }
  }

  end(): Buffer[] {
    this.#cut()
    return this.#done
  }

  #cut(): void {
    if (this.#length === 0) return
    this.#done.push(Buffer.from(this.#open.join('')))
    this.#open = []
    this.#length = 0
  }
}

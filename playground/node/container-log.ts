/** What a container printed: the last lines with their times, bounded, and live for those who follow. */

export interface LogLine {
  /** Milliseconds since 1970. */
  time: number
  text: string
}

/** Bytes kept of each container's run; the oldest lines go first. A crash loop's story fits easily. */
const KEEP_BYTES = 1024 * 1024
/** A line without an end is cut here (bytes), as container runtimes cut theirs. */
const LINE_BYTES = 16 * 1024

export class ContainerLog {
  readonly #lines: LogLine[] = []
  readonly #listeners = new Set<(line: LogLine | null) => void>()
  readonly #clock: () => number
  #bytes = 0
  #ended = false

  constructor(clock: () => number) {
    this.#clock = clock
  }

  get lines(): readonly LogLine[] {
    return this.#lines
  }

  get ended(): boolean {
    return this.#ended
  }

  append(text: string): void {
    const line = { time: this.#clock(), text }
    this.#lines.push(line)
    this.#bytes += text.length + 1
    while (this.#bytes > KEEP_BYTES && this.#lines.length > 1) {
      this.#bytes -= (this.#lines.shift()?.text.length ?? 0) + 1
    }
    for (const listener of this.#listeners) listener(line)
  }

  /** No more lines will come. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    for (const listener of this.#listeners) listener(null)
    this.#listeners.clear()
  }

  /** Calls back with each new line, then with null at the end; returns how to stop listening. */
  follow(listener: (line: LogLine | null) => void): () => void {
    if (this.#ended) {
      listener(null)
      return () => {}
    }
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Takes a stream apart into lines; the last one counts even without a line feed. */
  collect(stream: NodeJS.ReadableStream): void {
    let rest = ''
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\n')
      rest = parts.pop() ?? ''
      for (const part of parts) this.append(part)
      if (rest.length > LINE_BYTES) {
        this.append(rest)
        rest = ''
      }
    })
    stream.on('end', () => {
      if (rest !== '') this.append(rest)
      rest = ''
    })
  }
}

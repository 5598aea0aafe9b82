/** What a kind of traffic of a soak is: clients that do the same again and again, each turn with a bound. */

export interface Target {
  host: string
  http: number
  echo: number
  greeting: number
  http2: number
  grpc: number
}

export interface Client {
  /** Once what this kind does; rejects if it did not go as it should. */
  once(): Promise<void>
  close?(): void
}

export interface Kind {
  name: string
  /** How many clients there are. */
  atOnce: number
  /** Between two turns of a client, ms. */
  pauseMs: number
  /** All turns of a client are over one connection; otherwise each makes one and closes it. */
  isKept?: true
  start(target: Target): Client
}

/** Longest time for one turn, in ms. */
const TURN_MS = 20_000

/** Promise with a bound, so that a client that hangs is told as what it is. */
export function turn<T>(
  what: string,
  run: (resolve: (value: T) => void, reject: (error: Error) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what} took over ${TURN_MS} ms`)), TURN_MS)
    const over = () => clearTimeout(timer)
    run(
      (value) => {
        over()
        resolve(value)
      },
      (error) => {
        over()
        reject(error)
      },
    )
  })
}

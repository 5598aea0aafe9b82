/** Everything outside of azds that its commands touch, so that tests pass a world of their own. */
import type { KubeClient } from '../core/kube/client.ts'
import type { TraceSource } from './trace-source.ts'

export interface World {
  /** Answers, for people or programs. */
  out(text: string): void
  /** Everything else: notes, questions, errors. */
  err(text: string): void
  /** Whether `out` goes to a terminal that shows colour. */
  readonly colour: boolean
  /** Asks on the terminal; null where there is none to ask on. */
  readonly ask: ((question: string) => Promise<string>) | null
  /** A file's text; `-` reads standard input. */
  read(path: string): Promise<string>
  /** Aborted by Ctrl-C. */
  readonly stop: AbortSignal
  /** The cluster of the flags and the environment; throws a sentence where there is none. */
  cluster(): KubeClient
  /** Traces: from the controller's URL where one is given, else through the cluster. */
  traces(): Promise<TraceSource>
}

/** What takes part in a row of the benchmark: a proxy, or none for the direct connection. */
import type { RunOptions } from '../test/kernel/processes.ts'
import type { Controller } from './controller.ts'

/** Where the measurement takes place; docs/benchmarks.md says what each compares. */
export type Placement = 'redirect' | 'loopback'

/** What a proxy is told about its surroundings. */
export interface Surroundings {
  /** Name and address of the pod that it runs in. */
  pod: string
  podIp: string
  /** Port on which it listens. */
  port: number
  /** The backend; a proxy that routes by itself finds it in its table instead. */
  upstream: { ip: string; port: number }
  controller: Controller
  placement: Placement
  /** Writable folder inside. */
  scratch: string
}

export interface Launch {
  argv: string[]
  env?: RunOptions['env']
  /** Files to write into the scratch folder first: name and text. */
  files?: Record<string, string>
}

export interface Contestant {
  name: string
  /** Null for the direct connection. */
  launch: ((surroundings: Surroundings) => Launch) | null
  /** True for our own proxy: it gets a routing table, inserts headers and sends traces. */
  ours?: boolean
  /** True where each exchange must leave a trace record. */
  traced?: boolean
  /** Services in its routing table. */
  services?: number
}

export const DIRECT: Contestant = { name: 'direct', launch: null }

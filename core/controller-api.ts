/** What the controller's HTTP API answers with, for those who call it: the viewer and `azds`. */
import type { ChainProblem } from './spaces.ts'
import type { TraceProtocol, TraceRecord } from './trace-record.ts'

/** One item of `GET /v1/traces`: a whole trace in one line. */
export interface TraceSummary {
  traceId: string
  /** Milliseconds since 1970 at which the first record began. */
  startedAt: number
  /** From the first record's start to the last one's end, in milliseconds. */
  durationMs: number
  /** These five are the root record's: the earliest whose cause is not in the trace. */
  method: string | null
  /** The host; of a TLS connection the server name; else the address that was dialled. */
  authority: string | null
  path: string | null
  status: number | null
  protocol: TraceProtocol
  /** The space that the trace belongs to; null if no record names one. */
  context: string | null
  /** Spaces that it passed, in order of time. */
  spaces: string[]
  /** Services that it passed, in order of time; the workload where no service is known. */
  services: string[]
  /** How many records it has. */
  records: number
  /** The error nearest to the cause: of the records that failed, the one that began last. */
  error: TraceRecord['error']
}

/** Answer of `GET /v1/traces/<traceId>`; records in order of time. */
export interface TraceDetail {
  traceId: string
  records: TraceRecord[]
}

/** Filters of `GET /v1/traces` and `/v1/traces/follow`; one record must match all that are set. */
export interface TraceQuery {
  /** The space where it was recorded, or that it belongs to. */
  space?: string
  /** Name of the service or of the workload. */
  service?: string
  pod?: string
  method?: string
  /** `404`, a class as `5xx`, or `error`: 400 and above, or ended by an error. */
  status?: string
  /** Text in method, authority, path, service, workload, pod, trace id or error, in any case. */
  q?: string
}

/** One item of `GET /v1/spaces`. */
export interface SpaceSummary {
  name: string
  parent: string | null
  /** The chain from the root down: `dev/alice`. */
  path: string
  /** What is wrong with its parents; null if nothing is. */
  problem: (ChainProblem & { message: string }) | null
  services: {
    name: string
    /** Ready endpoints behind the port that has the fewest; 0 without a TCP port. */
    ready: number
  }[]
}

/** Body of every answer that is not 2xx. */
export interface ErrorAnswer {
  error: { code: string; message: string }
}

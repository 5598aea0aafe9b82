/** Plans of relays under test, and all that the recorder of each exchange has heard. */
import type { Address } from '../../core/routing-table.ts'
import type { HeaderList } from '../../core/trace-record.ts'
import type { ExchangePlan, ExchangeRecorder, RequestHead } from '../../proxy/exchange.ts'

/** Where a plan leads that names nothing else. */
export const TARGET: Address = { ip: '10.9.9.9', port: 80 }

/** What the recorder of one exchange has heard. */
export interface Recorded {
  request: { method: string; target: string; headers: HeaderList }
  requestBody: string
  status: number | null
  responseHeaders: HeaderList
  responseBody: string
  trailers: HeaderList
  tunnel: string | null
  ends: Parameters<ExchangeRecorder['done']>[0][]
}

export interface PlanOptions {
  setHeaders?: HeaderList
  target?: (head: RequestHead) => Address
  elsewhere?: () => Address
  refuse?: (head: RequestHead) => Pick<ExchangePlan & { kind: 'refuse' }, 'code' | 'message'> | null
}

/** Plans exchanges as the options say, and adds what becomes of each to `recorded`. */
export function plannerInto(recorded: Recorded[], options: PlanOptions) {
  const { setHeaders = [], elsewhere } = options
  return (head: RequestHead): ExchangePlan => {
    const record = newRecord(head)
    recorded.push(record)
    const recorder = recorderInto(record)
    const refusal = options.refuse?.(head) ?? null
    if (refusal !== null) return { kind: 'refuse', ...refusal, recorder }
    const target = options.target?.(head) ?? TARGET
    return { kind: 'forward', target, setHeaders, recorder, ...(elsewhere && { elsewhere }) }
  }
}

function newRecord(head: RequestHead): Recorded {
  return {
    request: { method: head.method, target: head.target, headers: head.headers() },
    requestBody: '',
    status: null,
    responseHeaders: [],
    responseBody: '',
    trailers: [],
    tunnel: null,
    ends: [],
  }
}

function recorderInto(record: Recorded): ExchangeRecorder {
  return {
    requestBody: (chunk) => {
      record.requestBody += chunk.toString('latin1')
    },
    responseHead: (head) => {
      record.status = head.status
      record.responseHeaders = head.headers()
    },
    responseBody: (chunk) => {
      record.responseBody += chunk.toString('latin1')
    },
    responseTrailers: (trailers) => {
      record.trailers = trailers
    },
    tunnel: (kind) => {
      record.tunnel = kind
    },
    done: (end) => {
      const { atOnce: _, ...rest } = end
      record.ends.push(rest)
    },
  }
}

/** Requests as the scenarios make them: what was answered, and what the controller's store has of it. */
import { Agent, request as httpRequest } from 'node:http'
import type { TraceSummary } from '../../../core/controller-api.ts'
import { HEADER } from '../../../core/names.ts'
import { formatTraceParent, newSpanId, newTraceId } from '../../../core/trace-context.ts'
import type { TraceRecord } from '../../../core/trace-record.ts'
import { answersOf, fetchRecords, get } from '../../../playground/requests.ts'
import { eventually, type SpaceCluster, WAIT_LIMIT_MS } from './space-cluster.ts'
import { hopLines } from './trace-lines.ts'

export interface Asked {
  traceId: string
  status: number
  /** `web in dev`, `orders in alice`, …: which versions answered, outermost first. */
  answers: string[]
  /** Bytes on the test's own connection, heads included; null where it is not the test's. */
  bytes: { sent: number; received: number } | null
  /** How often a pod that was reached sent the request on to another version; known by the test. */
  detours: number
}

/** Longest wait (ms) for an answer: as long as the sample app's own patience with a chain of three. */
const ANSWER_LIMIT_MS = 15_000

/** Asks on a connection of its own and prints status and body; arguments: URL and headers as JSON. */
const FETCH = `
  const [url, headers] = process.argv.slice(1)
  const answer = await fetch(url, { headers: JSON.parse(headers) })
  console.log(JSON.stringify({ status: answer.status, body: await answer.text() }))`

/** Asks the sample app, and keeps account of it. */
export class Customer {
  readonly asked: Asked[] = []
  /** Traces of requests that failed while an answer was waited for: nobody can say how many records are due. */
  readonly #inVain = new Set<string>()
  readonly #it: SpaceCluster

  constructor(it: SpaceCluster) {
    this.#it = it
  }

  /** One GET to `<host>.localhost` through the gateway. */
  async ask(host: string, headers: Record<string, string> = {}): Promise<Asked> {
    const { names, gatewayPort } = this.#it
    const { traceId, all } = traced(names.headers(headers))
    const real = `${names.inText(host)}.localhost`
    const { status, body, bytes } = await getCounted(gatewayPort, real, all)
    return this.#keep({ traceId, status, body, bytes, detours: 0 })
  }

  /**
   * Asks until these answer: the gateway and the sidecars hear of what there is some moments after the API server.
   * What failed till then is no part of the account.
   */
  async until(host: string, answers: readonly string[], pauseMs?: number): Promise<Asked> {
    const ask = async () => {
      const asked = await this.ask(host)
      if (asked.status !== 200) this.#setAside(asked)
      return asked
    }
    const passes = (asked: Asked) => asked.answers.join() === answers.join()
    return (await eventually(ask, passes, pauseMs)).answer
  }

  /**
   * The same, and until all that the request passed have their table: a pod starts without one if that is late. What
   * has met such a pod is no part of the account, either: it may have gone a longer way.
   */
  async settled(host: string, answers: readonly string[]): Promise<Asked> {
    const { answer } = await eventually(
      async () => {
        const asked = await this.until(host, answers)
        const reasons = (await this.records(asked)).map(({ route }) => route.reason)
        if (reasons.includes('no-table')) this.#setAside(asked)
        return { asked, reasons }
      },
      ({ reasons }) => !reasons.includes('no-table'),
    )
    return answer.asked
  }

  /** Asks until this hop of the trace, counted from 0, reads so (`hopLines`). */
  async traced(host: string, hop: number, line: string): Promise<Asked> {
    const { answer } = await eventually(
      async () => {
        const asked = await this.ask(host)
        return { asked, lines: hopLines(await this.records(asked)) }
      },
      ({ lines }) => lines[hop] === line,
    )
    return answer.asked
  }

  /** One GET from inside a pod, which its sidecar sees as the app's own. */
  async askFrom(
    [namespace, app]: readonly [namespace: string, app: string],
    url: string,
    headers: Record<string, string> = {},
    detours = 0,
  ): Promise<Asked> {
    const { names } = this.#it
    const { traceId, all } = traced(names.headers(headers))
    const real = names.inText(url)
    const command = ['node', '--input-type=module', '-e', FETCH, real, JSON.stringify(all)]
    const said = JSON.parse(await this.#it.inPod(namespace, app, command))
    return this.#keep({ traceId, ...said, bytes: null, detours })
  }

  /** The records of a request, once all that are due have come. */
  records({ traceId, ...asked }: Asked, due: number = recordsDue(asked)): Promise<TraceRecord[]> {
    return this.trace(traceId, due)
  }

  /** The records of any trace, once there are so many. */
  async trace(traceId: string, due: number): Promise<TraceRecord[]> {
    const found = await fetchRecords(this.#it.viewerPort, traceId, due, WAIT_LIMIT_MS / 2)
    return JSON.parse(this.#it.names.logical(JSON.stringify(found)))
  }

  /** The traces of HTTP exchanges in the store, newest first; at most 200. */
  async stored(): Promise<TraceSummary[]> {
    return (await this.listed('limit=200')).filter(
      ({ method, traceId }) => method !== null && !this.#inVain.has(traceId),
    )
  }

  /** The traces of the scenario's own spaces that the store lists for a query. */
  async listed(query: string): Promise<TraceSummary[]> {
    const { viewerPort, names } = this.#it
    const { body } = await get(viewerPort, `localhost:${viewerPort}`, `/v1/traces?${query}`)
    const own = (JSON.parse(body) as TraceSummary[]).filter((one) =>
      names.concerns(JSON.stringify(one)),
    )
    return JSON.parse(names.logical(JSON.stringify(own)))
  }

  /**
   * What the store has of all that was asked. Apps that pass nothing on begin a new trace, so it is records
   * that are counted: those in the store and those due, once they are as many or no more come.
   */
  async account(): Promise<{ stored: number; due: number; missing: string[] }> {
    const due = this.asked.reduce((sum, asked) => sum + recordsDue(asked), 0)
    const count = (traces: TraceSummary[]) => traces.reduce((sum, { records }) => sum + records, 0)
    const { answer } = await eventually(
      () => this.stored(),
      (traces) => count(traces) >= due,
    )
    const ids = new Set(answer.map(({ traceId }) => traceId))
    const missing = this.asked.map(({ traceId }) => traceId).filter((id) => !ids.has(id))
    return { stored: count(answer), due, missing }
  }

  /** The requests so far whose traces have more or fewer records than are due, one line for each. */
  async incomplete(): Promise<string[]> {
    const found: string[] = []
    for (const asked of this.asked) {
      const records = await this.records(asked)
      const due = recordsDue(asked)
      if (records.length === due) continue
      const pods = records.map(({ direction, pod }) => `${direction} ${pod}`).join(', ')
      found.push(`${asked.status} by ${asked.answers}: ${records.length} of ${due} (${pods})`)
    }
    return found
  }

  #setAside(asked: Asked): void {
    this.asked.splice(this.asked.indexOf(asked), 1)
    this.#inVain.add(asked.traceId)
  }

  #keep({ body, ...rest }: Omit<Asked, 'answers'> & { body: string }): Asked {
    const said = this.#it.names.logical(body)
    // Names of spaces are shorter here than they were on the way, so that bytes cannot be compared.
    const bytes = this.#it.names.real('') === '' ? rest.bytes : null
    const asked = { ...rest, bytes, answers: rest.status === 200 ? answersOf(said) : [] }
    this.asked.push(asked)
    return asked
  }
}

/**
 * Each service that answered was reached by a hop with two records, and by one more where a pod sent the
 * request on to another version. A refusal of the gateway has one.
 */
function recordsDue({ status, answers, detours }: Omit<Asked, 'traceId'>): number {
  return status === 200 ? 2 * answers.length + detours : 1
}

function traced(headers: Record<string, string>) {
  const traceId = newTraceId()
  const traceparent = formatTraceParent({ traceId, parentId: newSpanId(), flags: '01' })
  const all = { accept: 'application/json', [HEADER.traceparent]: traceparent, ...headers }
  return { traceId, all }
}

function getCounted(
  port: number,
  host: string,
  headers: Record<string, string>,
): Promise<{ status: number; body: string; bytes: NonNullable<Asked['bytes']> }> {
  return new Promise((resolve, reject) => {
    // A `Connection: close` would be changed on the way, and with it the number of bytes.
    const agent = new Agent({ keepAlive: true })
    const options = { host: '127.0.0.1', port, headers: { host, ...headers }, agent }
    const outgoing = httpRequest({ ...options, timeout: ANSWER_LIMIT_MS }, async (response) => {
      try {
        let body = ''
        for await (const chunk of response.setEncoding('utf8')) body += chunk
        const { bytesWritten: sent = 0, bytesRead: received = 0 } = outgoing.socket ?? {}
        resolve({ status: response.statusCode ?? 0, body, bytes: { sent, received } })
      } catch (error) {
        reject(error)
      } finally {
        agent.destroy()
      }
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${host}: no answer in time`)))
    outgoing.on('error', reject)
    outgoing.end()
  })
}

/** A world for commands: what they print is kept, and the cluster is a scripted API server. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tracesInCluster } from '../../cli/cluster-traces.ts'
import type { Connection } from '../../cli/process-world.ts'
import { runLine } from '../../cli/run.ts'
import type { World } from '../../cli/world.ts'
import type { Namespace } from '../../core/kube/types.ts'
import { answerJson, type ScriptedApi, scriptedApi } from '../core/kube/api-fixture.ts'

export interface Ran {
  code: number
  out: string
  err: string
}

export type WorldChanges = Partial<Pick<World, 'ask' | 'read' | 'stop' | 'colour' | 'traces'>>

/** Runs `azds <line>` against `api`; words are split at blanks. */
export async function azds(
  line: string,
  api: Pick<ScriptedApi, 'client'> | null,
  changes: WorldChanges = {},
): Promise<Ran> {
  const ran: Ran = { code: -1, out: '', err: '' }
  const cluster = () => {
    if (!api) throw new Error('no cluster is configured')
    return api.client
  }
  const worldFor = (_: Connection): World => ({
    out: (text) => {
      ran.out += text
    },
    err: (text) => {
      ran.err += text
    },
    colour: false,
    ask: null,
    read: async (path) => {
      throw new Error(`no file ${path}`)
    },
    stop: new AbortController().signal,
    cluster,
    traces: async () => tracesInCluster(cluster()),
    ...changes,
  })
  ran.code = await runLine(
    line.split(' ').filter((word) => word !== ''),
    worldFor,
  )
  return ran
}

/** `{ alice: 'dev', dev: null, plain: undefined }`: undefined is a namespace that is no space. */
export type Parents = Record<string, string | null | undefined>

/** An API server that holds namespaces, without Services, and really creates, labels and deletes them. */
export async function namespaceApi(
  parents: Parents,
  other: (request: IncomingMessage, response: ServerResponse, url: URL) => boolean = () => false,
): Promise<ScriptedApi & { labels(name: string): Record<string, string> | null }> {
  const namespaces = new Map<string, Namespace>()
  for (const [name, parent] of Object.entries(parents)) {
    const labels: Record<string, string> = {}
    if (parent !== undefined) labels['azds.io/space'] = 'true'
    if (parent) labels['azds.io/parent-space'] = parent
    namespaces.set(name, { metadata: { name, labels } })
  }
  const api = await scriptedApi(async (request, response, url) => {
    if (other(request, response, url)) return
    if (/^\/api\/v1\/namespaces\/[^/]+\/services$/.test(url.pathname))
      return answerJson(response, 200, { items: [] })
    const match = /^\/api\/v1\/namespaces(?:\/([^/]+))?$/.exec(url.pathname)
    if (!match) return answerJson(response, 404, { reason: 'NotFound', message: 'no such path' })
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = JSON.parse(Buffer.concat(chunks).toString() || 'null')
    const [, name = ''] = match
    if (request.method === 'GET' && name !== '') answerJson(response, 200, namespaces.get(name))
    else if (request.method === 'GET')
      answerJson(response, 200, { items: [...namespaces.values()] })
    else if (request.method === 'POST') {
      namespaces.set(body.metadata.name, body)
      answerJson(response, 201, body)
    } else if (request.method === 'DELETE') {
      namespaces.delete(name)
      answerJson(response, 200, {})
    } else {
      const metadata = namespaces.get(name)?.metadata ?? { name }
      const merged = Object.entries({ ...metadata.labels, ...body.metadata.labels })
      metadata.labels = Object.fromEntries(merged.filter(([, value]) => value !== null)) as never
      answerJson(response, 200, { metadata })
    }
  })
  return { ...api, labels: (name) => namespaces.get(name)?.metadata.labels ?? null }
}

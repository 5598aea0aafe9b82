/** A scripted HTTP API server on loopback, and a kubeconfig that points to it. */
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KubeClient } from '../../../core/kube/client.ts'
import { createKubeClient } from '../../../core/kube/kubeconfig.ts'

export interface ScriptedApi {
  client: KubeClient
  /** Path of the kubeconfig, for programs that want one. */
  kubeconfig: string
  /** `METHOD /path?query` of every request so far. */
  requests: string[]
  close(): Promise<void>
}

/** Starts a server that answers as `handle` says; `close` also cuts what is open. */
export async function scriptedApi(
  handle: (request: IncomingMessage, response: ServerResponse, url: URL) => void,
): Promise<ScriptedApi> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    handle(request, response, new URL(request.url ?? '/', 'http://api'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const folder = await mkdtemp(join(tmpdir(), 'azds-kube-'))
  const kubeconfig = join(folder, 'config')
  await writeFile(kubeconfig, kubeconfigFor(`http://127.0.0.1:${port}`))
  return {
    client: createKubeClient({ kubeconfig }),
    kubeconfig,
    requests,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** JSON is YAML, so this is a kubeconfig. */
export function kubeconfigFor(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'alice',
    clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: { token: 'hunter2' } }],
    contexts: [
      { name: 'alice', context: { cluster: 'c', user: 'u', namespace: 'alice' } },
      { name: 'plain', context: { cluster: 'c', user: 'u' } },
    ],
  })
}

export function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

import { spawn } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { type ApiServer, startApiServer } from '../../../playground/apiserver/server.ts'
import { DICTIONARY } from '../../../playground/apiserver/spdy/headers.ts'
import { kubernetesTools } from '../../../playground/kubectl.ts'
import { call } from './api-client.ts'
import { type Programs, startPrograms } from './programs.ts'

// kubectl is a process of its own.
jest.setTimeout(60_000)

let server: ApiServer
let programs: Programs
let app: Server

beforeAll(async () => {
  server = await startApiServer({ host: '127.0.0.1', port: 0 })
  programs = await startPrograms(server)
  const accounts = '/api/v1/namespaces/default/serviceaccounts'
  await call(server, 'POST', accounts, { metadata: { name: 'default' } })
  const pods = '/api/v1/namespaces/default/pods'
  const spec = { containers: [{ name: 'app', image: 'a', ports: [{ containerPort: 80 }] }] }
  await call(server, 'POST', pods, { metadata: { name: 'web' }, spec })
  const type = 'application/merge-patch+json'
  const status = { status: { phase: 'Running' } }
  await call(server, 'PATCH', `${pods}/web/status`, status, { type })
  app = createServer((request, response) => {
    request.pipe(response)
  })
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
  server.setDialProvider(async (_namespace, pod, port) => {
    if (pod !== 'web' || port !== 80) throw new Error(`nothing listens on ${port}`)
    const socket = connect({ port: (app.address() as AddressInfo).port, allowHalfOpen: true })
    const ended = new Promise<null>((resolve) => socket.once('close', () => resolve(null)))
    return { toPod: socket, fromPod: socket, ended, destroy: () => socket.destroy() }
  })
})

afterAll(async () => {
  app.closeAllConnections()
  app.close()
  await programs.close()
  await server.close()
})

/** Runs kubectl port-forward for the time of a test; gives the port of this machine. */
async function withForward(port: number, use: (local: number) => Promise<void>): Promise<void> {
  const { kubectl } = await kubernetesTools()
  const args = ['--kubeconfig', `${programs.folder}/kubeconfig`, 'port-forward', 'pod/web']
  const child = spawn(kubectl, [...args, `:${port}`], { stdio: ['ignore', 'pipe', 'pipe'] })
  const gone = new Promise((resolve) => child.once('exit', resolve))
  try {
    const local = await new Promise<number>((resolve, reject) => {
      let said = ''
      child.stderr.on('data', (data) => {
        said += data
      })
      child.once('exit', () => reject(new Error(`kubectl ended: ${said}`)))
      createInterface(child.stdout).on('line', (line) => {
        const found = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1]
        if (found) resolve(Number(found))
      })
    })
    await use(local)
  } finally {
    child.kill()
    await gone
  }
}

const post = async (port: number, body: string) =>
  (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body })).text()

test('the dictionary of SPDY/3.1 is the one that everybody has', () => {
  let [a, b] = [1, 0]
  for (const byte of DICTIONARY) {
    a = (a + byte) % 65_521
    b = (b + a) % 65_521
  }
  // Its Adler-32, with which every first block begins.
  expect((b * 65_536 + a).toString(16)).toBe('e3c6a7c2')
})

test('kubectl port-forward carries several connections at once, both ways', async () => {
  await withForward(80, async (local) => {
    const bodies = ['one', 'two', 'x'.repeat(3_000_000)]
    const answers = await Promise.all(bodies.map((body) => post(local, body)))
    expect(answers.map(({ length }) => length)).toEqual(bodies.map(({ length }) => length))
    expect(await post(local, 'once more')).toBe('once more')
  })
})

test('a port on which nothing listens ends the connection, and kubectl says why', async () => {
  await withForward(81, async (local) => {
    await expect(post(local, 'one')).rejects.toThrow()
  })
})

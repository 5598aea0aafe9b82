/** Carries out what probes and lifecycle hooks ask for: HTTP, TCP or a command. */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ContainerProcess } from './container-process.ts'
import type { Action, ContainerSpec, HttpGet, IntOrName } from './pod-view.ts'

export type Outcome = { ok: true } | { ok: false; message: string }

export interface ActionTarget {
  podIp: string
  container: ContainerSpec
  process: ContainerProcess
}

/** As the kubelet names itself; sidecars let it pass unrecorded. */
const USER_AGENT = 'kube-probe/1.34'

/** Tries once, for at most `timeoutMs`. HTTP counts as good from 200 to 399. */
export function tryAction(
  action: Action,
  target: ActionTarget,
  timeoutMs: number,
): Promise<Outcome> {
  if (action.exec) return runCommand(action.exec.command ?? [], target, timeoutMs)
  if (action.httpGet) return getHttp(action.httpGet, target, timeoutMs)
  if (action.tcpSocket) {
    const { host = target.podIp, port } = action.tcpSocket
    const number = portNumber(port, target.container)
    if (number === null) return unknownPort(port, target)
    return openTcp(host, number, timeoutMs)
  }
  if (action.sleep) return sleep(action.sleep.seconds * 1000, { ok: true as const })
  return Promise.resolve({
    ok: false,
    message: `${Object.keys(action)[0] ?? 'empty'} probes and hooks are not available in the playground: use httpGet, tcpSocket or exec`,
  })
}

/** A port by its number or by the name that the container gives it. */
export function portNumber(port: IntOrName, container: ContainerSpec): number | null {
  if (typeof port === 'number') return port
  const named = container.ports?.find(({ name }) => name === port)?.containerPort
  return named ?? (/^\d+$/.test(port) ? Number(port) : null)
}

function unknownPort(port: IntOrName, { container }: ActionTarget): Promise<Outcome> {
  return Promise.resolve({
    ok: false,
    message: `container "${container.name}" has no port named "${port}"`,
  })
}

async function runCommand(
  command: string[],
  { process }: ActionTarget,
  timeoutMs: number,
): Promise<Outcome> {
  try {
    const { code, stdout, stderr } = await process.exec(command, timeoutMs)
    if (code === 0) return { ok: true }
    return { ok: false, message: `exit code ${code}: ${(stdout + stderr).trim().slice(0, 500)}` }
  } catch (error) {
    return { ok: false, message: (error as Error).message }
  }
}

function getHttp(get: HttpGet, target: ActionTarget, timeoutMs: number): Promise<Outcome> {
  const port = portNumber(get.port, target.container)
  if (port === null) return unknownPort(get.port, target)
  const headers: Record<string, string> = { 'user-agent': USER_AGENT, accept: '*/*' }
  for (const { name, value } of get.httpHeaders ?? []) headers[name.toLowerCase()] = value
  const open = get.scheme === 'HTTPS' ? httpsRequest : httpRequest
  return new Promise((resolve) => {
    const request = open({
      host: get.host ?? target.podIp,
      port,
      path: get.path ?? '/',
      headers,
      agent: false,
      // As the kubelet: a probe asks if the app answers, not who it is.
      rejectUnauthorized: false,
    })
    const timer = setTimeout(() => request.destroy(new Error('no answer in time')), timeoutMs)
    request.on('error', (error) => {
      clearTimeout(timer)
      resolve({ ok: false, message: error.message })
    })
    request.on('response', (response) => {
      clearTimeout(timer)
      response.resume()
      request.destroy()
      const status = response.statusCode ?? 0
      const good = status >= 200 && status < 400
      resolve(good ? { ok: true } : { ok: false, message: `statuscode: ${status}` })
    })
    request.end()
  })
}

function openTcp(host: string, port: number, timeoutMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const finish = (outcome: Outcome) => {
      socket.destroy()
      resolve(outcome)
    }
    socket.setTimeout(timeoutMs, () => finish({ ok: false, message: 'no connection in time' }))
    socket.once('connect', () => finish({ ok: true }))
    socket.once('error', (error) => finish({ ok: false, message: error.message }))
  })
}

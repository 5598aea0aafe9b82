/** A pod's sandbox: a process that holds its network, host name and IPC namespaces, and a veth to the bridge. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { type Exec, execOk } from '../../core/exec.ts'
import type { AddressPool } from './addresses.ts'
import { podAddressCommands, podIp, podIp6, podLinkCommands } from './network.ts'
import type { PodView } from './pod-view.ts'
import { hostnameOf, hostsFile, resolvConf } from './resolv-conf.ts'
import { quote } from './rootfs.ts'

export interface Sandbox {
  /** The process whose namespaces containers enter. */
  pid: number
  /** Addresses, IPv4 first. */
  ips: string[]
  /** The pod's directory on the node. */
  dir: string
  /** Ends the namespaces and takes the pod's files away. Containers must have ended before. */
  remove(): Promise<void>
}

export interface SandboxDeps {
  addresses: AddressPool
  /** Directory in which every pod gets its own. */
  podsDir: string
  ipv6: boolean
  exec: Exec
}

/**
 * Makes the sandbox; the pod's resolv.conf, hosts and hostname files lie in its directory, one each for all
 * its containers.
 */
export async function createSandbox(pod: PodView, deps: SandboxDeps): Promise<Sandbox> {
  const octet = deps.addresses.take()
  if (octet === null) throw new Error('no pod address is free: the node holds 253 pods at most')
  const dir = `${deps.podsDir}/${pod.metadata.uid}`
  const ips = [podIp(octet), ...(deps.ipv6 ? [podIp6(octet)] : [])]
  let pause: ChildProcess | null = null
  const remove = async () => {
    if (pause) await endPause(pause)
    deps.addresses.giveBack(octet)
    await rm(dir, { recursive: true, force: true })
  }
  try {
    await mkdir(`${dir}/volumes`, { recursive: true })
    await writeFile(`${dir}/resolv.conf`, resolvConf(pod))
    await writeFile(`${dir}/hosts`, hostsFile(pod, ips))
    await writeFile(`${dir}/hostname`, `${hostnameOf(pod)}\n`)
    pause = await startPause(hostnameOf(pod))
    const pid = pause.pid ?? 0
    await execOk(deps.exec, 'ip', ['-batch', '-'], { input: podLinkCommands(`veth${octet}`, pid) })
    const inPod = ['-t', String(pid), '-n', 'ip', '-batch', '-']
    await execOk(deps.exec, 'nsenter', inPod, { input: podAddressCommands(octet, deps.ipv6) })
    return { pid, ips, dir, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Resolves once the namespaces are there, which the process says itself. */
function startPause(hostname: string): Promise<ChildProcess> {
  const script = [
    `hostname ${quote(hostname)}`,
    // As container runtimes set it: an app that is not root may listen on port 80.
    'echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start',
    'echo up',
    'exec sleep infinity',
  ].join('\n')
  const child = spawn('unshare', ['--net', '--uts', '--ipc', 'sh', '-ec', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return new Promise((resolve, reject) => {
    let trouble = ''
    child.stderr.on('data', (chunk: Buffer) => {
      trouble += chunk
    })
    child.stdout.once('data', () => resolve(child))
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`the pod's namespaces: ${trouble.trim()}`)))
  })
}

function endPause(pause: ChildProcess): Promise<void> {
  if (pause.exitCode !== null || pause.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    pause.once('exit', () => resolve())
    pause.kill('SIGKILL')
  })
}

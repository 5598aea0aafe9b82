/** The node's composition root: network, API server, controllers, kube-proxy, DNS, kubelet, bridge. */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import type { Config } from '../../core/config.ts'
import { type Exec, execOk } from '../../core/exec.ts'
import { watchCache } from '../../core/kube/cache.ts'
import { createKubeClient } from '../../core/kube/kubeconfig.ts'
import type { EndpointSlice, Service } from '../../core/kube/types.ts'
import type { Log } from '../../core/log.ts'
import { type ApiServer, startApiServer } from '../apiserver/server.ts'
import { startDialServer } from '../bridge/dial-server.ts'
import { startControllers } from '../controllers/controllers.ts'
import { AddressPool, NETWORK, NODE_NAME } from './addresses.ts'
import type { settings } from './config.ts'
import { startDnsServer } from './dns-server.ts'
import { buildZone, type Zone } from './dns-zone.ts'
import { startKubeProxy } from './kube-proxy.ts'
import { type Kubelet, startKubelet } from './kubelet.ts'
import { readLog } from './log-reader.ts'
import { type Machine, readMachine } from './machine.ts'
import { BRIDGE_SYSCTLS, nodeLinkCommands, nodeSysctls } from './network.ts'

export interface NodeDeps {
  config: Config<typeof settings>
  log: Log
  exec: Exec
  /** The binary that containers find as `node`. */
  nodeBinary: string
}

/** Exit code of a command that was killed. */
const KILLED = 137

/** Room (bytes) for all pods' files; memory is only taken by what is written. */
const WORK_SIZE = '2g'

/**
 * Brings the node up in the namespaces that this process is in. There is no way back: the node ends with
 * its namespaces.
 */
export async function startNode({ config, log, exec, nodeBinary }: NodeDeps): Promise<void> {
  const work = `${config.dir}/work`
  await mkdir(work, { recursive: true })
  // Only this mount namespace sees it, so that nothing is left on the machine's disk.
  await execOk(exec, 'mount', ['-t', 'tmpfs', '-o', `mode=0755,size=${WORK_SIZE}`, 'tmpfs', work])
  await mkdir(`${work}/pods`)
  const machine = await readMachine(`${work}/etc`)
  await setUpNetwork(machine, exec)

  const api = await startApiServer({ host: NETWORK.apiIp, port: NETWORK.apiPort, log })
  await writeFile(`${config.dir}/kubeconfig`, api.kubeconfigFor(config.apiUrl), { mode: 0o600 })
  // Each part of the node has its own name and its own rights, as on a real one.
  const clientOf = async (user: string, groups: readonly string[] = []) => {
    const kubeconfig = `${work}/${user.replaceAll(':', '-')}.kubeconfig`
    await writeFile(kubeconfig, api.kubeconfigFor(api.url, api.tokenForUser(user, groups)), {
      mode: 0o600,
    })
    return createKubeClient({ kubeconfig })
  }
  const client = await clientOf(`system:node:${NODE_NAME}`, ['system:nodes'])
  const proxyClient = await clientOf('system:kube-proxy')
  startControllers({ objects: api.objects, caPem: api.caPem, log })

  const services = watchCache<Service>(proxyClient, '/api/v1/services', log)
  const slices = watchCache<EndpointSlice>(
    proxyClient,
    '/apis/discovery.k8s.io/v1/endpointslices',
    log,
  )
  await startKubeProxy({ services, slices, exec, log })

  let zone: Zone | null = null
  const forget = () => {
    zone = null
  }
  services.onChange(forget)
  slices.onChange(forget)
  const currentZone = () => {
    zone ??= buildZone(services.values(), slices.values(), NETWORK.clusterDomain)
    return zone
  }
  await startDnsServer(currentZone, { address: NETWORK.dnsIp, port: 53 }, log)

  const kubelet = await startKubelet({
    client,
    log,
    exec,
    machine,
    nodeBinary,
    addresses: new AddressPool(),
    podsDir: `${work}/pods`,
    repo: config.repo,
    caCertificate: api.caPem,
    now: Date.now,
  })
  serveLogs(api, kubelet)
  serveExec(api, kubelet)
  api.setDialProvider(async (namespace, name, port) => kubelet.dial({ namespace, name }, port))
  await startDialServer(`${config.dir}/node.sock`, {
    addressOf: (namespace, name) => {
      const ip = services.get(`${namespace}/${name}`)?.spec.clusterIP
      if (ip && ip !== 'None') return ip
      throw new Error(`service ${namespace}/${name} ${ip ? 'is headless' : 'does not exist'}`)
    },
    exec: ({ namespace, pod, container, command }) =>
      kubelet.exec({ namespace, name: pod }, container, command),
  })
}

async function setUpNetwork({ ipv6 }: Machine, exec: Exec): Promise<void> {
  for (const [path, value] of Object.entries(nodeSysctls(ipv6))) {
    await writeFile(`/proc/sys/${path}`, value)
  }
  for (const [path, value] of Object.entries(BRIDGE_SYSCTLS)) {
    const file = `/proc/sys/${path}`
    if (existsSync(file)) await writeFile(file, value)
  }
  await execOk(exec, 'ip', ['-batch', '-'], { input: nodeLinkCommands(ipv6) })
}

function serveLogs(api: ApiServer, kubelet: Kubelet): void {
  api.setLogProvider((namespace, name, container, options) => {
    const log = kubelet.logOf({ namespace, name }, container, options.previous)
    if (log) return readLog(log, options)
    const which = options.previous ? 'previous terminated container' : 'container'
    throw new Error(`${which} "${container}" in pod "${name}" has no log: it has not run`)
  })
}

function serveExec(api: ApiServer, kubelet: Kubelet): void {
  api.setExecProvider(async ({ namespace, pod, container, command }) => {
    const child = await kubelet.attach({ namespace, name: pod }, container, command)
    const { stdin, stdout, stderr } = child
    // As a shell says it of a command that a signal has ended.
    const exit = new Promise<number>((resolve) => {
      child.once('close', (code) => resolve(code ?? KILLED))
      child.once('error', () => resolve(KILLED))
    })
    return { stdin, stdout, stderr, exit, kill: () => void child.kill('SIGKILL') }
  })
}

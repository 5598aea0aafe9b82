/**
 * A lab of pods on one machine: a "node" with a bridge, and pods as network, mount and PID namespaces with a
 * veth each, an IPv4 and an IPv6 address, and a resolv.conf of their own. The machine's own
 * interfaces, rules and files stay untouched, and nothing outlives the test process.
 *
 *   const lab = await createPodLab()
 *   const pod = await lab.addPod('app')
 *   const server = spawnIn(pod, ['redis-server', …], { uid: 1000 })
 *   await waitForPort(pod, 6379, { server })
 *   await lab.close()
 */
import { exec, execOk } from '../../core/exec.ts'
import { openNamespaces, PROGRAM_PATH } from './namespaces.ts'

export { NODE_INSIDE, REPO_INSIDE, SCRATCH_INSIDE } from './namespaces.ts'
export { execIn, type LabProcess, run, runOk, spawnIn, waitForPort } from './processes.ts'

/** The node or a pod. */
export interface Place {
  name: string
  ipv4: string
  /** Null for a pod that was made without. */
  ipv6: string | null
  /** Process whose /proc entry names the place's namespaces. */
  holder: number
}

export interface PodOptions {
  /** Text of the pod's /etc/resolv.conf. */
  resolvConf?: string
  /** False: the pod has no IPv6 address, and IPv6 is off. */
  ipv6?: boolean
}

export interface PodLab {
  /** Where the bridge is; routes what the pods send elsewhere. */
  node: Place
  addPod(name: string, options?: PodOptions): Promise<Place>
  /** Ends every process of the lab and removes every namespace. */
  close(): Promise<void>
}

const BRIDGE = 'br0'
/** Pod n has 10.88.0.n and fd00:88::n; the node is 1. */
const ipv4Of = (number: number) => `10.88.0.${number}`
const ipv6Of = (number: number) => `fd00:88::${number}`
const FIRST_POD = 10

const DEFAULT_RESOLV_CONF = `nameserver 10.96.0.10
search default.svc.cluster.local svc.cluster.local cluster.local
options ndots:5
`

export async function createPodLab(): Promise<PodLab> {
  const nodeSpaces = await openNamespaces(DEFAULT_RESOLV_CONF)
  const closers = [nodeSpaces.close]
  const close = async () => {
    await Promise.all(closers.splice(0).map((end) => end()))
  }
  const node = { name: 'node', ipv4: ipv4Of(1), ipv6: ipv6Of(1), holder: nodeSpaces.holder }
  let next = FIRST_POD

  const addPod = async (name: string, options: PodOptions = {}): Promise<Place> => {
    const { resolvConf = DEFAULT_RESOLV_CONF, ipv6 = true } = options
    const number = next++
    const spaces = await openNamespaces(resolvConf)
    closers.push(spaces.close)
    await connect(node.holder, spaces.holder, number, ipv6)
    return {
      name,
      ipv4: ipv4Of(number),
      ipv6: ipv6 ? ipv6Of(number) : null,
      holder: spaces.holder,
    }
  }

  try {
    await ip(node.holder, [
      `link add ${BRIDGE} type bridge`,
      `addr add ${node.ipv4}/24 dev ${BRIDGE}`,
      `addr add ${node.ipv6}/64 dev ${BRIDGE} nodad`,
      `link set ${BRIDGE} up`,
    ])
  } catch (cause) {
    await close()
    throw cause
  }
  return { node, addPod, close }
}

/** Lays a veth between the bridge and the pod's eth0. */
async function connect(node: number, pod: number, number: number, ipv6: boolean): Promise<void> {
  if (!ipv6) {
    const off = 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6'
    await inNetwork(pod, ['sh', '-c', off])
  }
  await ip(node, [
    `link add pod${number} type veth peer name eth0 netns ${pod}`,
    `link set pod${number} master ${BRIDGE} up`,
  ])
  await ip(pod, [
    'link set eth0 up',
    `addr add ${ipv4Of(number)}/24 dev eth0`,
    `route add default via ${ipv4Of(1)}`,
    ...(ipv6
      ? [
          `addr add ${ipv6Of(number)}/64 dev eth0 nodad`,
          `-6 route add default via ${ipv6Of(1)} dev eth0`,
        ]
      : []),
  ])
}

async function ip(holder: number, commands: readonly string[]): Promise<void> {
  for (const command of commands) await inNetwork(holder, ['ip', ...command.split(' ')])
}

/** Runs a program in another network, but with the machine's own files and pids. */
async function inNetwork(holder: number, argv: readonly string[]): Promise<void> {
  const args = [`--net=/proc/${holder}/ns/net`, ...argv]
  await execOk(exec, 'nsenter', args, { env: { PATH: PROGRAM_PATH } })
}

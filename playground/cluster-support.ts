/** Whether this machine can run the playground; if not, why and what to do, in one sentence. */
import { access, constants } from 'node:fs/promises'
import type { Exec } from '../core/exec.ts'

export interface Machine {
  platform: string
  uid: number
  /** Value of PATH. */
  path: string
  exec: Exec
}

/** Programs that the node calls, and the Debian package of each. */
const TOOLS: Readonly<Record<string, string>> = {
  hostname: 'hostname',
  ip: 'iproute2',
  'iptables-restore': 'iptables',
  mount: 'mount',
  nsenter: 'util-linux',
  pivot_root: 'util-linux',
  setpriv: 'util-linux',
  unshare: 'util-linux',
}

/** A command that makes the node's namespaces and then runs what follows it. */
export function namespaceCommand(uid: number): string[] {
  const user = uid === 0 ? [] : ['--user', '--map-root-user', '--map-auto']
  const spaces = ['--net', '--mount', '--uts', '--ipc', '--pid', '--mount-proc']
  // If this process dies in whatever way, unshare gets SIGKILL; if unshare dies, so does all below it.
  return ['setpriv', '--pdeathsig', 'KILL', 'unshare', ...user, ...spaces, '--fork', '--kill-child']
}

/** What the node will need of the kernel: a bridge, a veth, nat, and a second uid. */
const TRIAL = [
  'ip link add azds0 type bridge',
  'ip link add azds1 type veth peer name azds2',
  'iptables -t nat -S >/dev/null',
  'setpriv --reuid 1000 --regid 1000 --clear-groups true',
].join(' && ')

/** Null if it can; else one sentence. Leaves nothing behind: the trial's namespaces end with it. */
export async function clusterSupport(machine: Machine): Promise<string | null> {
  if (machine.platform !== 'linux') {
    return `The playground needs Linux, and this is ${machine.platform}: use a kind cluster (https://kind.sigs.k8s.io) and the Helm chart in deploy/ instead.`
  }
  const missing: string[] = []
  for (const [tool, pack] of Object.entries(TOOLS)) {
    if (!(await onPath(tool, machine.path))) missing.push(`${tool} (package ${pack})`)
  }
  if (missing.length > 0) {
    return `The playground needs ${missing.join(', ')}: install what is missing, e.g. with apt-get install.`
  }
  const [file = '', ...args] = namespaceCommand(machine.uid)
  const trial = await machine.exec(file, [...args, 'sh', '-c', TRIAL])
  if (trial.code === 0) return null
  const why = trial.stderr.trim().split('\n')[0] ?? ''
  if (machine.uid === 0) {
    return `The playground cannot make network namespaces here (${why}): a container needs --privileged, or use a kind cluster.`
  }
  return `The playground cannot use user namespaces here (${why}): run it as root, or install uidmap, give your user a range in /etc/subuid and /etc/subgid, and allow unprivileged user namespaces.`
}

async function onPath(tool: string, path: string): Promise<boolean> {
  for (const dir of searchPath(path).split(':')) {
    try {
      await access(`${dir}/${tool}`, constants.X_OK)
      return true
    } catch {
      // Not in this one.
    }
  }
  return false
}

/** PATH with the folders of system tools, which an ordinary user's often lacks. */
export function searchPath(path: string): string {
  return [path, '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin']
    .filter((dir) => dir !== '')
    .join(':')
}

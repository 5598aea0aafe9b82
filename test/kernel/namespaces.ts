/**
 * A set of network, mount and PID namespaces, held by one process. They have no name, so nothing
 * is left behind: the holder dies with the test process, whatever way that ends, the PID namespace
 * takes everything inside along, and interfaces and mounts go with the last process.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { dirname, join } from 'node:path'

export interface Namespaces {
  /** Process whose /proc entry names the namespaces. */
  holder: number
  close(): Promise<void>
}

/** Directories that hold the programs; a root shell's PATH does not always have the sbin ones. */
export const PROGRAM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const ROOT = join(import.meta.dirname, '../..')

/** Where the repository and Node are seen inside, readable for every uid wherever the clone is. */
export const REPO_INSIDE = '/run/repo'
export const NODE_INSIDE = '/run/node/node'
/** An empty folder of the namespaces' own, writable for every uid; goes away with them. */
export const SCRATCH_INSIDE = '/run/scratch'

/**
 * The mounts are made in the namespaces' own /run: sockets and locks of the machine stay out of
 * sight, and no file of the machine is touched. A resolv.conf that is a link into /run gets a target.
 */
const SET_UP = `set -e
mount -t proc proc /proc
repo=$1 node=$2
exec 3<"$repo" 4<"$node"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p -m 755 /run/repo /run/node
mkdir -m 1777 /run/scratch
mount --bind /proc/self/fd/3 /run/repo
mount --bind /proc/self/fd/4 /run/node
exec 3<&- 4<&-
cat > /run/resolv.conf
target=$(readlink -m /etc/resolv.conf)
if [ ! -e "$target" ]; then mkdir -p "$(dirname "$target")"; : > "$target"; fi
mount --bind /run/resolv.conf /etc/resolv.conf
for scope in all default; do echo 0 > /proc/sys/net/ipv6/conf/$scope/accept_dad; done
ip link set lo up
echo ready
exec sleep infinity`

/** How long making the namespaces may take: mounts only, normally 30 ms; a busy machine is slower. */
const SET_UP_TIMEOUT_MS = 30_000

/** Makes namespaces with loopback up and `resolvConf` as their private /etc/resolv.conf. */
export function openNamespaces(resolvConf: string): Promise<Namespaces> {
  const unshare = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child=KILL']
  const shell = ['sh', '-c', SET_UP, 'sh', ROOT, dirname(process.execPath)]
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...unshare, ...shell], {
    env: { PATH: PROGRAM_PATH },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const close = async () => {
    child.kill('SIGKILL')
    await ended
  }
  child.stdin.end(resolvConf)
  return new Promise((resolve, reject) => {
    let output = ''
    const timer = setTimeout(() => fail(), SET_UP_TIMEOUT_MS)
    const fail = () => {
      clearTimeout(timer)
      child.kill('SIGKILL')
      reject(new Error(`namespaces could not be made: ${output.trim() || 'no output'}`))
    }
    child.once('error', (cause) => {
      clearTimeout(timer)
      reject(new Error('setpriv could not start', { cause }))
    })
    child.once('close', fail)
    child.stderr.on('data', (data) => {
      output += data
    })
    child.stdout.on('data', (data) => {
      output += data
      if (!output.includes('ready\n')) return
      clearTimeout(timer)
      child.off('close', fail)
      forget(child)
      resolve({ holder: child.pid as number, close })
    })
  })
}

/** Lets the test process end while the child lives: the child then ends by itself. */
export function forget(child: ChildProcessWithoutNullStreams): void {
  child.unref()
  for (const stream of child.stdio) (stream as Partial<Socket> | null)?.unref?.()
}

/** The `nsenter` arguments that lead inside. */
export function enterArguments({ holder }: Pick<Namespaces, 'holder'>): string[] {
  const proc = `/proc/${holder}/ns`
  return [`--net=${proc}/net`, `--mount=${proc}/mnt`, `--pid=${proc}/pid_for_children`]
}

/** True if something inside listens on the TCP port, on any address of any family. */
export function isListening({ holder }: Pick<Namespaces, 'holder'>, port: number): boolean {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return ['tcp', 'tcp6'].some((table) =>
    readFileSync(`/proc/${holder}/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .some(([, local, , state]) => state === LISTEN && local?.endsWith(suffix)),
  )
}

/** State LISTEN in /proc/net/tcp (include/net/tcp_states.h). */
const LISTEN = '0A'

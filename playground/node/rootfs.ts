/**
 * A container's file system as a shell script (pure text): a small tmpfs of its own as root, with the
 * machine's /usr read-only in it, the repository, the pod's files and the volumes; then pivot_root and exec.
 * Everything happens in the container's own mount namespace, so nothing needs to be undone.
 */
import { REPO_MOUNT } from '../images.ts'

export interface BindMount {
  /** Path on the node. */
  from: string
  /** Path in the container. */
  to: string
  readOnly: boolean
}

export interface RootfsPlan {
  /** An empty directory on the node, on which the root is mounted. */
  root: string
  /** The repository, and the node binary. */
  repo: string
  nodeBinary: string
  /** Directory with the files of /etc that all containers share. */
  etc: string
  /** Top-level directories of the machine that hold programs and libraries, and links among them. */
  systemDirs: readonly string[]
  systemLinks: Readonly<Record<string, string>>
  /** Files and volumes of this container, in the order in which they are mounted. */
  binds: readonly BindMount[]
  /** Links in the container's root: path → target. */
  links: Readonly<Record<string, string>>
  readOnlyRoot: boolean
  workingDir: string
  /** Arguments of setpriv before the command. */
  setpriv: readonly string[]
  /** `NAME=VALUE` each. */
  variables: readonly string[]
  command: readonly string[]
}

/** Bytes that a container may write into its root: a leak must not eat the machine's memory. */
const ROOT_SIZE = '256m'

const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty']

/** Where the node binary is on every container's PATH. */
export const NODE_BIN_DIR = '/run/azds/bin'
export const DEFAULT_PATH = `${NODE_BIN_DIR}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`

/** The script. The command gets exactly the given variables: none of the node's. */
export function rootfsScript(plan: RootfsPlan): string {
  const root = quote(plan.root)
  const inRoot = (path: string) => quote(plan.root + path)
  return [
    'set -e',
    'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
    `mount -t tmpfs -o mode=0755,size=${ROOT_SIZE} tmpfs ${root}`,
    `cd ${root}`,
    `mkdir -p proc sys dev/shm etc root var/tmp var/run tmp run/azds/bin ${quote(REPO_MOUNT.slice(1))} .old`,
    'chmod 1777 tmp var/tmp dev/shm',
    ...Object.entries(plan.systemLinks).map(([path, to]) => `ln -s ${quote(to)} ${inRoot(path)}`),
    ...plan.systemDirs.flatMap((path) => [
      `mkdir -p ${inRoot(path)}`,
      ...readOnlyBind(path, plan.root + path, true),
    ]),
    `cp -a ${quote(plan.etc)}/. etc/`,
    'mount -t proc proc proc',
    'mount -t sysfs -o ro sysfs sys',
    ...DEVICES.flatMap((name) => [`: > dev/${name}`, `mount --bind /dev/${name} dev/${name}`]),
    'ln -s /proc/self/fd dev/fd',
    'ln -s fd/0 dev/stdin',
    'ln -s fd/1 dev/stdout',
    'ln -s fd/2 dev/stderr',
    ...readOnlyBind(plan.repo, plan.root + REPO_MOUNT, true),
    `: > ${inRoot(`${NODE_BIN_DIR}/node`)}`,
    ...readOnlyBind(plan.nodeBinary, `${plan.root}${NODE_BIN_DIR}/node`, false),
    ...Object.entries(plan.links).map(([path, to]) => `ln -s ${quote(to)} ${inRoot(path)}`),
    ...plan.binds.flatMap((bind) => bindLines(bind, plan.root)),
    `mkdir -p ${inRoot(plan.workingDir)}`,
    'pivot_root . .old',
    'umount -l /.old',
    'rmdir /.old',
    ...(plan.readOnlyRoot ? ['mount -o remount,bind,ro /'] : []),
    `cd ${quote(plan.workingDir)}`,
    // Tells the node that the root is in place.
    'echo >&3',
    `exec setpriv ${words(plan.setpriv)} env -i ${words(plan.variables)} ${words(plan.command)} 3>&-`,
    '',
  ].join('\n')
}

function bindLines({ from, to, readOnly }: BindMount, root: string): string[] {
  const target = root + to
  // A subPath that is not there yet is made as a directory, as the kubelet does it.
  const place = `[ -e ${quote(from)} ] || mkdir -p ${quote(from)}; if [ -d ${quote(from)} ]; then mkdir -p ${quote(target)}; else mkdir -p ${quote(parentOf(target))}; [ -e ${quote(target)} ] || : > ${quote(target)}; fi`
  if (readOnly) return [place, ...readOnlyBind(from, target, false)]
  return [place, `mount --bind ${quote(from)} ${quote(target)}`]
}

/** A bind mount takes its read-only flag only in a second step. */
function readOnlyBind(from: string, target: string, recursive: boolean): string[] {
  return [
    `mount ${recursive ? '--rbind' : '--bind'} ${quote(from)} ${quote(target)}`,
    `mount -o remount,bind,ro ${quote(target)}`,
  ]
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}

function words(list: readonly string[]): string {
  return list.map(quote).join(' ')
}

/** One word for the shell, whatever is in it. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

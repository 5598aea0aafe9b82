/** From a container's definition to its process: image, identity, environment, mounts, then the start. */
import { randomBytes } from 'node:crypto'
import type { Exec } from '../../core/exec.ts'
import { programOf } from '../images.ts'
import { containerEnv, type EnvFacts } from './container-env.ts'
import type { ContainerLog } from './container-log.ts'
import { startContainer } from './container-process.ts'
import type { Launch } from './container-worker.ts'
import { expand } from './expand.ts'
import type { Machine } from './machine.ts'
import type { ContainerRuntime } from './pod-runtime.ts'
import type { PodView } from './pod-view.ts'
import { identityOf, setprivArguments } from './privileges.ts'
import { type BindMount, DEFAULT_PATH } from './rootfs.ts'
import type { Sandbox } from './sandbox.ts'
import { containerMounts, type Volumes } from './volumes.ts'

export interface LaunchDeps {
  machine: Machine
  /** The repository and the node binary on this machine. */
  repo: string
  nodeBinary: string
  exec: Exec
}

export interface LaunchPlace {
  pod: PodView
  sandbox: Sandbox
  volumes: Volumes
  facts: EnvFacts
}

export async function launchContainer(
  { spec }: ContainerRuntime,
  place: LaunchPlace,
  log: ContainerLog,
  deps: LaunchDeps,
): Promise<Launch> {
  const { pod, sandbox, volumes, facts } = place
  const image = spec.image ?? ''
  const program = programOf(image)
  if (!program) {
    return {
      ok: false,
      reason: 'ErrImagePull',
      message: `Failed to pull image "${image}": the playground has no registry; playground/images.ts lists the images it knows`,
      final: true,
    }
  }
  const identity = identityOf(spec, pod, program.user)
  if (!identity.ok) return mistaken(identity.mistake)
  const env = containerEnv(spec, program.env, facts)
  if (!env.ok) return mistaken(env.mistake)
  const mounts = containerMounts(spec, volumes)
  if (!mounts.ok) return mistaken(mounts.mistake)

  // As with a real image: a pod's command replaces both, its args replace only the default arguments.
  const args = spec.args ?? (spec.command ? [] : program.cmd)
  const command = [...(spec.command ?? program.entrypoint), ...args]
  const readOnlyRoot = spec.securityContext?.readOnlyRootFilesystem ?? false
  const home = identity.identity.uid === 0 ? '/root' : '/'
  const variables = new Map([['PATH', DEFAULT_PATH], ['HOME', home], ...env.env])
  const process = await startContainer({
    sandboxPid: sandbox.pid,
    rootfs: {
      root: `${sandbox.dir}/roots/${spec.name}`,
      repo: deps.repo,
      nodeBinary: deps.nodeBinary,
      etc: deps.machine.etc,
      systemDirs: deps.machine.systemDirs,
      systemLinks: deps.machine.systemLinks,
      links: program.links,
      binds: [...podFiles(sandbox, readOnlyRoot), ...mounts.binds],
      readOnlyRoot,
      workingDir: spec.workingDir ?? '/',
      setpriv: setprivArguments(identity.identity, spec),
      variables: [...variables].map(([name, value]) => `${name}=${value}`),
      command: command.map((word) => expand(word, env.env)),
    },
    log,
    exec: deps.exec,
  })
  return { ok: true, process, id: randomBytes(32).toString('hex') }
}

/**
 * One file each for the whole pod, so that what an init container writes into resolv.conf the others see;
 * read-only only where the container's root is, as container runtimes mount them.
 */
function podFiles({ dir }: Sandbox, readOnly: boolean): BindMount[] {
  return ['resolv.conf', 'hosts', 'hostname'].map((name) => ({
    from: `${dir}/${name}`,
    to: `/etc/${name}`,
    readOnly,
  }))
}

function mistaken(message: string): Launch {
  return { ok: false, reason: 'CreateContainerConfigError', message, final: false }
}

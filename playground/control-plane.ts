/** The ways in which our control plane comes into the playground's cluster: those of a real one. */
import { dirname, join } from 'node:path'
import { type Exec, execOk } from '../core/exec.ts'
import { SYSTEM_NAMESPACE } from '../core/names.ts'
import type { KubernetesTools } from './kubectl.ts'

/**
 * `manifests`: kubectl applies `deploy/manifests`; `helm` installs `deploy/chart`; `azds` is `azds install`;
 * `none`: the cluster stays as it is.
 */
export type ControlPlane = 'manifests' | 'helm' | 'azds' | 'none'

export interface InstallWith {
  exec: Exec
  tools: KubernetesTools
  kubeconfigPath: string
  /** Longest wait for the programs to be ready, in seconds. */
  waitSeconds: number
}

const REPO = join(import.meta.dirname, '..')
/** A program is given this much longer (ms) than it is told to wait, so that its own words are heard. */
const LAST_WORDS_MS = 10_000

/** Installs it; rejects with the words of the program that could not. */
export async function installControlPlane(how: ControlPlane, on: InstallWith): Promise<void> {
  const command = commandOf(how, on)
  if (!command) return
  const [file, args] = command
  const folder = dirname(on.kubeconfigPath)
  await execOk(on.exec, file, args, {
    timeoutMs: on.waitSeconds * 1000 + LAST_WORDS_MS,
    env: {
      KUBECONFIG: on.kubeconfigPath,
      // Nothing of the user's own comes in, and nothing is left in her home.
      HELM_CACHE_HOME: folder,
      HELM_CONFIG_HOME: folder,
      HELM_DATA_HOME: folder,
    },
  })
}

function commandOf(
  how: ControlPlane,
  { tools, kubeconfigPath, waitSeconds }: InstallWith,
): [file: string, args: string[]] | null {
  if (how === 'manifests') {
    const manifests = join(REPO, 'deploy', 'manifests')
    return [tools.kubectl, ['--kubeconfig', kubeconfigPath, 'apply', '-f', manifests]]
  }
  if (how === 'helm') {
    const place = ['--namespace', SYSTEM_NAMESPACE, '--create-namespace']
    const wait = ['--wait', '--timeout', `${waitSeconds}s`]
    return [tools.helm, ['install', 'azds', join(REPO, 'deploy', 'chart'), ...place, ...wait]]
  }
  if (how === 'azds') {
    const azds = join(REPO, 'dist', 'azds.mjs')
    return [process.execPath, [azds, 'install', '--kubeconfig', kubeconfigPath]]
  }
  return null
}

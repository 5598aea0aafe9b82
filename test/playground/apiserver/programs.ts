/** Runs the real `kubectl` and `helm` against the server under test. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ExecResult, exec } from '../../../core/exec.ts'
import type { ApiServer } from '../../../playground/apiserver/server.ts'
import { kubernetesTools } from '../../../playground/kubectl.ts'

export interface Programs {
  /** Runs and gives back whatever came of it; `input` is what `-f -` reads. */
  tryKubectl(args: string, input?: string): Promise<ExecResult>
  /** Runs, and fails with the output unless it exits with 0; gives back what it printed. */
  kubectl(args: string, input?: string): Promise<string>
  helm(args: string): Promise<string>
  /** A folder of its own, with the kubeconfig in it. */
  folder: string
  close(): Promise<void>
}

export async function startPrograms(server: ApiServer): Promise<Programs> {
  const tools = await kubernetesTools()
  const folder = await mkdtemp(join(tmpdir(), 'azds-kubectl-'))
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, server.adminKubeconfig)
  const env = {
    KUBECONFIG: kubeconfig,
    HOME: folder,
    KUBECACHEDIR: join(folder, 'cache'),
    HELM_CACHE_HOME: folder,
    HELM_CONFIG_HOME: folder,
    HELM_DATA_HOME: folder,
  }
  const run = (program: string, args: string, input?: string) =>
    exec(program, words(args), { env, timeoutMs: 60_000, ...(input !== undefined && { input }) })
  const must = async (program: string, args: string, input?: string) => {
    const { code, stdout, stderr } = await run(program, args, input)
    if (code !== 0) throw new Error(`${args} exited with ${code}:\n${stderr}${stdout}`)
    return stdout
  }
  return {
    tryKubectl: (args, input) => run(tools.kubectl, args, input),
    kubectl: (args, input) => must(tools.kubectl, args, input),
    helm: (args) => must(tools.helm, args),
    folder,
    close: () => rm(folder, { recursive: true }),
  }
}

/** Splits at blanks, but not within single quotes. */
function words(text: string): string[] {
  return (text.match(/'[^']*'|[^\s']+(?:'[^']*')?/g) ?? []).map((word) => word.replaceAll("'", ''))
}

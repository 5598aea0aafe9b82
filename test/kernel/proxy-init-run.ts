/** Runs the real proxy-init in a pod of the lab, and reads what the kernel has afterwards. */
import type { ExecResult } from '../../core/exec.ts'
import { NODE_INSIDE, type Place, REPO_INSIDE, run, runOk } from './lab.ts'
import type { RunOptions } from './processes.ts'

export const BACKENDS = ['nft', 'legacy'] as const
export type Backend = (typeof BACKENDS)[number]

/** Runs proxy-init; resolves whatever its exit code. */
export function runProxyInit(
  pod: Place,
  env: Record<string, string>,
  options: RunOptions & { flags?: readonly string[] } = {},
): Promise<ExecResult> {
  const { flags = [], ...runOptions } = options
  return run(pod, [NODE_INSIDE, `${REPO_INSIDE}/dist/proxy-init.mjs`, ...flags], {
    ...runOptions,
    env: { AZDS_SPACE_CHAIN: 'dev', ...env },
  })
}

/** Runs proxy-init and rejects unless it succeeds. */
export async function prepare(pod: Place, env: Record<string, string>): Promise<string> {
  const { code, stdout, stderr } = await runProxyInit(pod, env)
  if (code === 0) return stdout
  throw new Error(`proxy-init exited with ${code}: ${stderr}${stdout}`)
}

/**
 * All rules of all tables of both families. Left out: the comment lines, which have the time, and
 * the packet counts of built-in chains, which grow with every neighbour discovery.
 */
export async function savedRules(pod: Place, backend: Backend): Promise<string> {
  const ipv4 = await runOk(pod, [`iptables-${backend}-save`])
  const ipv6 = await runOk(pod, [`ip6tables-${backend}-save`])
  return `${ipv4}${ipv6}`.replace(/^#.*\n/gm, '').replace(/\[\d+:\d+\]/g, '[]')
}

/** A pod for tests in process: iptables programs that keep rules in memory, and a resolv.conf in a folder. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Exec, ExecResult } from '../../core/exec.ts'
import { createPodLog } from '../../core/pod-log.ts'
import type { World } from '../../proxy-init/app.ts'
import { type InitConfig, readInitConfig } from '../../proxy-init/config.ts'

export interface FakePod {
  world: World
  config: InitConfig
  /** Lines that were logged, and text that was printed. */
  logged: Record<string, unknown>[]
  printed: string[]
  /** The nat table by program family: `iptables` and `ip6tables`. */
  saved: Record<string, string>
  resolvConf(): string
  remove(): void
}

export const RESOLV_CONF = 'search alice.svc.cluster.local\n'

/**
 * @param answer what a program says instead of doing its work; undefined lets it work
 */
export function fakePod(options: {
  hasIpv6?: boolean
  env?: Record<string, string>
  answer?: (program: string, input: string) => Partial<ExecResult> | undefined
}): FakePod {
  const folder = mkdtempSync(join(tmpdir(), 'azds-init-'))
  const path = join(folder, 'resolv.conf')
  writeFileSync(path, RESOLV_CONF)
  const result = readInitConfig({
    AZDS_SPACE_CHAIN: 'alice,dev',
    AZDS_RESOLV_CONF: path,
    ...options.env,
  })
  if (!result.ok) throw new Error(result.mistakes.join('\n'))
  const saved: Record<string, string> = { iptables: '', ip6tables: '' }
  const exec: Exec = async (program, args, { input = '' } = {}) => {
    const answered = options.answer?.(program, input)
    if (answered) return { code: 0, stdout: '', stderr: '', ...answered }
    const [tool = '', backend, action] = program.split('-')
    if (backend === 'legacy') throw new Error(`spawn ${program} ENOENT`)
    if (action === 'save') return { code: 0, stdout: saved[tool] ?? '', stderr: '' }
    if (!args.includes('--test') && !input.includes('AZDS_TRIAL')) saved[tool] = afterRestore(input)
    return { code: 0, stdout: '', stderr: '' }
  }
  const logged: Record<string, unknown>[] = []
  const printed: string[] = []
  const log = createPodLog('proxy-init', 'info', { write: (line) => logged.push(JSON.parse(line)) })
  const world = {
    exec,
    log,
    print: (text: string) => void printed.push(text),
    hasIpv6: options.hasIpv6 ?? true,
  }
  return {
    world,
    config: result.config,
    logged,
    printed,
    saved,
    resolvConf: () => readFileSync(path, 'utf8'),
    remove: () => rmSync(folder, { recursive: true }),
  }
}

/** Enough for a first run and its rollback: a removed chain or rule is gone, all others are there. */
function afterRestore(input: string): string {
  const lines = input.split('\n')
  const removed = lines.flatMap((line) => (line.startsWith('-X ') ? [line.slice(3)] : []))
  const kept = lines.filter(
    (line) => !/^-[DX] /.test(line) && !removed.some((chain) => line.startsWith(`:${chain} `)),
  )
  return kept.join('\n')
}

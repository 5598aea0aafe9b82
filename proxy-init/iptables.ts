/**
 * The thin door to the iptables programs: save, restore, try out. Each call is one process; a
 * restore is one transaction, all of it or nothing.
 */
import type { Exec, ExecResult } from '../core/exec.ts'
import type { Family } from './cidr.ts'

export const BACKENDS = ['nft', 'legacy'] as const
export type Backend = (typeof BACKENDS)[number]

export type Saved = { ok: true; text: string } | { ok: false; problem: string }
export type Done = { ok: true } | { ok: false; problem: string }

/**
 * Seconds to wait for the lock that legacy iptables shares between processes (nft has none).
 * A transaction takes milliseconds, so only a stuck process holds it longer.
 */
const LOCK_WAIT_SECONDS = 20
/** Longer than the wait for the lock, so that iptables itself reports who holds it. */
const TIMEOUT_MS = 30_000

/**
 * A transaction that leaves no rule and no chain behind: proves that the kernel has NAT for the
 * family, and that we may change it.
 */
const TRIAL = `*nat
:AZDS_TRIAL - [0:0]
-A AZDS_TRIAL -p tcp -j REDIRECT --to-ports 1
-F AZDS_TRIAL
-X AZDS_TRIAL
COMMIT
`

/** `iptables-nft-restore`, `ip6tables-legacy-save`, … */
export function programName(backend: Backend, family: Family, action: 'save' | 'restore'): string {
  return `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}-${action}`
}

/**
 * What the kernel has now.
 * @param table one table, or all that exist; asking for one makes legacy iptables create it
 */
export async function save(
  exec: Exec,
  backend: Backend,
  family: Family,
  table: 'nat' | 'all',
): Promise<Saved> {
  const program = programName(backend, family, 'save')
  const result = await run(exec, program, table === 'nat' ? ['-t', 'nat'] : [])
  if (!result.ok) return result
  if (result.code === 0) return { ok: true, text: result.stdout }
  return { ok: false, problem: failure(program, result) }
}

/** Applies `input` as one transaction; other chains and rules stay. */
export async function restore(
  exec: Exec,
  backend: Backend,
  family: Family,
  input: string,
): Promise<Done> {
  return await transact(exec, backend, family, ['--noflush'], input)
}

/**
 * Tells whether the back-end works for the family.
 * @param how `commit` asks the kernel (and leaves nothing); `parse` changes nothing at all, and so
 *   proves only that the program is there and allowed
 */
export async function tryOut(
  exec: Exec,
  backend: Backend,
  family: Family,
  how: 'commit' | 'parse',
): Promise<Done> {
  const flags = how === 'commit' ? ['--noflush'] : ['--noflush', '--test']
  return await transact(exec, backend, family, flags, TRIAL)
}

/** True if a problem says that the kernel lacks NAT for the family, not that something broke. */
export const kernelLacksIt = (problem: string): boolean =>
  /does not exist|insmod|not supported|No such file or directory|Protocol wrong type/i.test(problem)

async function transact(
  exec: Exec,
  backend: Backend,
  family: Family,
  flags: readonly string[],
  input: string,
): Promise<Done> {
  const program = programName(backend, family, 'restore')
  const lock = backend === 'legacy' ? ['-w', `${LOCK_WAIT_SECONDS}`] : []
  const result = await run(exec, program, [...flags, ...lock], input)
  if (!result.ok) return result
  if (result.code === 0) return { ok: true }
  return { ok: false, problem: `${failedLine(input, result.stderr)}${failure(program, result)}` }
}

async function run(
  exec: Exec,
  program: string,
  args: readonly string[],
  input = '',
): Promise<({ ok: true } & ExecResult) | { ok: false; problem: string }> {
  try {
    return { ok: true, ...(await exec(program, args, { input, timeoutMs: TIMEOUT_MS })) }
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    const missing = message.includes('ENOENT')
    return { ok: false, problem: missing ? `${program} is not installed in the image` : message }
  }
}

/** Both spellings that iptables-restore has: `line 7 failed` and `Error occurred at line: 7`. */
function failedLine(input: string, stderr: string): string {
  const number = /\bline:? (\d+)/.exec(stderr)?.[1]
  if (number === undefined) return ''
  const line = input.split('\n')[Number(number) - 1]
  if (line === undefined) return ''
  if (line.startsWith('-')) return `the rule ${line} was refused: `
  if (line !== 'COMMIT') return `the line ${line} was refused: `
  return 'the kernel refused the transaction as a whole (a match or target module may be missing): '
}

function failure(program: string, { code, stderr, stdout }: ExecResult): string {
  const said = (stderr.trim() || stdout.trim() || 'no message')
    .split('\n')
    .filter((line) => !/^Try `|^Error occurred at line|^\s*$/.test(line))
    .join('; ')
  const hint = /must be root|Permission denied|Operation not permitted|unable to initialize/i.test(
    said,
  )
    ? ' (the init container must run as uid 0 with the capabilities NET_ADMIN and NET_RAW)'
    : ''
  return `${program} exited with ${code}: ${said}${hint}`
}

/**
 * Chooses between the two kernel interfaces that iptables programs speak. Rules of both would be
 * in force side by side, so rules that exist decide; else nft, which every current kernel has.
 *
 *   configured   our chains are in    rules exist in     usable    → choice
 *   nft|legacy   the other            –                  –           problem
 *   nft|legacy   –                    –                  that one    that one
 *   auto         one                  –                  that one    that one
 *   auto         –                    one, or more       that one    the one with more rules (nft if equal)
 *   auto         –                    –                  nft         nft
 *   auto         –                    –                  only legacy legacy
 *   any          –                    –                  none        problem
 */
import type { Exec } from '../core/exec.ts'
import { CHAIN } from '../core/names.ts'
import { BACKENDS, type Backend, save, tryOut } from './iptables.ts'
import { countRules, parseNat } from './nat-save.ts'

export type BackendChoice =
  | { ok: true; backend: Backend; reason: string }
  | { ok: false; problem: string }

interface Existing {
  rules: number
  ours: boolean
}

export const BACKEND_WORDS = ['auto', ...BACKENDS] as const

/**
 * Looks at what exists, then tries out the candidates in order.
 * @param how see `tryOut`: `parse` for a run that must change nothing
 */
export async function chooseBackend(
  exec: Exec,
  wanted: (typeof BACKEND_WORDS)[number],
  how: 'commit' | 'parse',
): Promise<BackendChoice> {
  const existing = { nft: await look(exec, 'nft'), legacy: await look(exec, 'legacy') }
  const ranking = rankBackends(wanted, existing)
  if (!ranking.ok) return ranking
  const problems: string[] = []
  for (const { backend, reason } of ranking.candidates) {
    const trial = await tryOut(exec, backend, 'ipv4', how)
    if (trial.ok) return { ok: true, backend, reason }
    problems.push(`${backend}: ${trial.problem}`)
  }
  return { ok: false, problem: `no iptables back-end works; ${problems.join('; ')}` }
}

type Ranking =
  | { ok: true; candidates: { backend: Backend; reason: string }[] }
  | { ok: false; problem: string }

/** The table above without its column "usable": the candidates, best first. */
export function rankBackends(
  wanted: (typeof BACKEND_WORDS)[number],
  existing: Readonly<Record<Backend, Existing>>,
): Ranking {
  const holder = BACKENDS.find((backend) => existing[backend].ours)
  if (wanted !== 'auto') {
    if (!holder || holder === wanted || existing[wanted].ours) {
      return { ok: true, candidates: [{ backend: wanted, reason: 'configured' }] }
    }
    const problem =
      `our chains are already in the ${holder} back-end, but AZDS_IPTABLES_BACKEND asks for ${wanted}: ` +
      'recreate the pod, or set it to auto'
    return { ok: false, problem }
  }
  if (holder) return { ok: true, candidates: [{ backend: holder, reason: 'has our chains' }] }
  const { nft, legacy } = existing
  if (nft.rules + legacy.rules > 0) {
    const backend = legacy.rules > nft.rules ? 'legacy' : 'nft'
    return { ok: true, candidates: [{ backend, reason: 'has the rules that exist' }] }
  }
  return {
    ok: true,
    candidates: [
      { backend: 'nft', reason: 'no rules exist, nft works' },
      { backend: 'legacy', reason: 'no rules exist, nft does not work' },
    ],
  }
}

/** A back-end that cannot be read has no rules as far as we are concerned: the trial says why. */
async function look(exec: Exec, backend: Backend): Promise<Existing> {
  const saves = [
    await save(exec, backend, 'ipv4', 'all'),
    await save(exec, backend, 'ipv6', 'all'),
  ].map((saved) => (saved.ok ? saved.text : ''))
  return {
    rules: saves.reduce((sum, text) => sum + countRules(text), 0),
    ours: saves.some((text) => parseNat(text).chains.includes(CHAIN.outbound)),
  }
}

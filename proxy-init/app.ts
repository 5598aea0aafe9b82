/**
 * Prepares one pod: resolv.conf, then the rules of IPv4, then those of IPv6. Everything is planned
 * and checked before the first change; if a later step fails, the earlier ones are taken back.
 */
import type { Exec } from '../core/exec.ts'
import type { Log } from '../core/log.ts'
import { chooseBackend } from './backend.ts'
import type { Family } from './cidr.ts'
import type { InitConfig } from './config.ts'
import { type Backend, kernelLacksIt, restore, save, tryOut } from './iptables.ts'
import { describeChange, planResolvConf } from './resolv-conf.ts'
import { checkWritable, readResolvConf, rewriteInPlace } from './resolv-conf-file.ts'
import { firstDifference, type Plan, planRestore, planRollback } from './rules.ts'

export interface World {
  exec: Exec
  log: Log
  /** Writes the text of a dry run. */
  print: (text: string) => void
  /** True if the pod has an IPv6 address that is neither loopback nor link-local. */
  hasIpv6: boolean
}

export type Outcome = { ok: true } | { ok: false; problem: string }

/** Does what the configuration asks for; running it again changes nothing. */
export async function preparePod(world: World, config: InitConfig): Promise<Outcome> {
  const prepared = await planPod(world, config, 'commit')
  if (!prepared.ok) return prepared
  const undo: Undo[] = []
  const outcome = await applyAll(world, config, prepared.plan, undo)
  if (outcome.ok) return outcome
  for (const step of undo.toReversed()) {
    const undone = await step.run()
    if (undone.ok) world.log.warn({ what: step.what }, 'change taken back')
    else world.log.error({ what: step.what, problem: undone.problem }, 'change not taken back')
  }
  return outcome
}

/** Prints what `preparePod` would do and changes nothing. */
export async function printPlan(world: World, config: InitConfig): Promise<Outcome> {
  const prepared = await planPod(world, config, 'parse')
  if (!prepared.ok) return prepared
  const { resolvConf, backend, reason, families } = prepared.plan
  world.print(`# ${config.resolvConfPath}: ${resolvConf.kind}\n`)
  if (resolvConf.kind === 'unchanged') world.print(`# ${resolvConf.reason}\n`)
  else world.print(`${describeChange(resolvConf.before, resolvConf.text).join('\n')}\n`)
  world.print(`# iptables back-end: ${backend} (${reason})\n`)
  for (const { family, plan } of families) {
    world.print(`# ${family}: ${plan.kind === 'in-place' ? 'the rules are in place' : 'restore'}\n`)
    if (plan.kind === 'restore') world.print(plan.input)
  }
  return { ok: true }
}

interface PodPlan {
  resolvConf:
    | { kind: 'change'; before: string; text: string }
    | { kind: 'unchanged'; reason: string }
  backend: Backend
  reason: string
  families: FamilyPlan[]
}

interface FamilyPlan {
  family: Family
  before: string
  plan: Plan
}

interface Undo {
  what: string
  run: () => Promise<Outcome>
}

type Failed = { ok: false; problem: string }

async function planPod(
  world: World,
  config: InitConfig,
  how: 'commit' | 'parse',
): Promise<{ ok: true; plan: PodPlan } | Failed> {
  const resolvConf = await planResolvConfFile(world, config)
  if (!resolvConf.ok) return resolvConf
  const choice = await chooseBackend(world.exec, config.iptablesBackend, how)
  if (!choice.ok) return choice
  const { backend, reason } = choice
  const families: FamilyPlan[] = []
  for (const family of ['ipv4', 'ipv6'] as const) {
    const planned = await planFamily(world, config, { backend, family, how })
    if (planned.ok) families.push(planned.plan)
    else if (planned.soft) world.log.warn({ reason: planned.problem }, 'IPv6 is not intercepted')
    else return planned
  }
  return { ok: true, plan: { resolvConf: resolvConf.plan, backend, reason, families } }
}

async function planResolvConfFile(
  { log }: World,
  config: InitConfig,
): Promise<{ ok: true; plan: PodPlan['resolvConf'] } | Failed> {
  const { resolvConfPath: path, spaceChain, clusterDomain } = config
  const now = await readResolvConf(path)
  if (!now.ok) return now
  const plan = planResolvConf(now.text, spaceChain, clusterDomain)
  if (plan.kind === 'problem') return { ok: false, problem: `${path}: ${plan.problem}` }
  if (plan.kind === 'unchanged') {
    if (plan.warning) log.warn({ path, reason: plan.reason }, 'parent names will not be found')
    return { ok: true, plan }
  }
  if (plan.warning) log.warn({ path, warning: plan.warning }, 'long search list')
  const writable = await checkWritable(path)
  if (!writable.ok) return writable
  return { ok: true, plan: { kind: 'change', before: now.text, text: plan.text } }
}

interface Target {
  backend: Backend
  family: Family
}

type FamilyOutcome = { ok: true; plan: FamilyPlan } | (Failed & { soft: boolean })

async function planFamily(
  world: World,
  config: InitConfig,
  { backend, family, how }: Target & { how: 'commit' | 'parse' },
): Promise<FamilyOutcome> {
  // The choice of the back-end has tried IPv4 out already.
  const trial =
    family === 'ipv4' ? { ok: true as const } : await tryOut(world.exec, backend, family, how)
  const saved = trial.ok ? await save(world.exec, backend, family, 'nat') : trial
  if (!saved.ok) {
    const { soft, why } = softness(world, family, saved.problem)
    return { ok: false, soft, problem: `${family}: ${why}${saved.problem}` }
  }
  const plan = planRestore(config, saved.text, family)
  return { ok: true, plan: { family, before: saved.text, plan } }
}

/** IPv6 may be missing where nothing could use it, or where no kernel could intercept it. */
function softness(world: World, family: Family, problem: string): { soft: boolean; why: string } {
  if (family === 'ipv4') return { soft: false, why: '' }
  if (!world.hasIpv6) return { soft: true, why: 'the pod has no IPv6 address; ' }
  if (kernelLacksIt(problem)) return { soft: true, why: 'the kernel has no IPv6 NAT; ' }
  return { soft: false, why: '' }
}

async function applyAll(
  world: World,
  config: InitConfig,
  { resolvConf, backend, reason, families }: PodPlan,
  undo: Undo[],
): Promise<Outcome> {
  const path = config.resolvConfPath
  if (resolvConf.kind === 'change') {
    undo.push({ what: path, run: () => rewriteInPlace(path, resolvConf.before) })
    const written = await rewriteInPlace(path, resolvConf.text)
    if (!written.ok) return written
  }
  for (const step of families) {
    const outcome = await applyFamily(world, config, { backend, ...step, undo })
    if (outcome.ok) continue
    const { soft, why } = softness(world, step.family, outcome.problem)
    const problem = `${step.family}: ${why}${outcome.problem}`
    if (!soft) return { ok: false, problem }
    world.log.warn({ reason: problem }, 'IPv6 is not intercepted')
  }
  world.log.info(
    {
      backend,
      backendReason: reason,
      resolvConf: resolvConf.kind === 'change' ? 'changed' : resolvConf.reason,
      ...Object.fromEntries(families.map(({ family, plan }) => [family, plan.kind])),
    },
    'pod prepared',
  )
  return { ok: true }
}

/** Restores, reads back and compares; a plan that is in place already needs no change. */
async function applyFamily(
  { exec }: World,
  config: InitConfig,
  { backend, family, before, plan, undo }: Target & FamilyPlan & { undo: Undo[] },
): Promise<Outcome> {
  if (plan.kind === 'in-place') return { ok: true }
  const restored = await restore(exec, backend, family, plan.input)
  if (!restored.ok) return restored
  undo.push({
    what: `${family} rules`,
    run: () => rollBack(exec, { backend, family }, before),
  })
  const back = await save(exec, backend, family, 'nat')
  if (!back.ok) return back
  const difference = firstDifference(config, back.text, family)
  if (difference === null) return { ok: true }
  return { ok: false, problem: `what was restored is not what is there: ${difference}` }
}

async function rollBack(exec: Exec, { backend, family }: Target, before: string): Promise<Outcome> {
  const now = await save(exec, backend, family, 'nat')
  if (!now.ok) return now
  const plan = planRollback(before, now.text)
  return plan.kind === 'in-place' ? { ok: true } : await restore(exec, backend, family, plan.input)
}

/** Runs checks in their order; a right that is missing, or a check that has failed before, is told as such. */
import { KubeError } from '../../core/kube/client.ts'
import type { Check, Group, Outcome } from './check.ts'
import type { DoctorFacts } from './facts.ts'

export interface Finding {
  group: string
  check: Check
  outcome: Outcome
}

export interface RunOptions {
  /** Only what needs no installation. */
  pre: boolean
  /** Without what only an admin can act on. */
  developer: boolean
  /** Hears of each check when it is done. */
  onFinding(finding: Finding): void
}

export async function runChecks(
  groups: readonly Group[],
  facts: DoctorFacts,
  { pre, developer, onFinding }: RunOptions,
): Promise<Finding[]> {
  const findings: Finding[] = []
  const bad = new Set<string>()
  for (const { name, checks } of groups) {
    for (const check of checks) {
      if ((pre && !check.pre) || (developer && check.admin)) continue
      const missing = check.after?.find((id) => bad.has(id))
      const outcome: Outcome = missing
        ? { result: 'skipped', cause: `${missing} has to hold first`, blocked: true }
        : await outcomeOf(check, facts)
      if (outcome.result === 'error' || (missing && outcome.result === 'skipped')) bad.add(check.id)
      const finding = { group: name, check, outcome }
      findings.push(finding)
      onFinding(finding)
    }
  }
  return findings
}

async function outcomeOf(check: Check, facts: DoctorFacts): Promise<Outcome> {
  try {
    return await check.run(facts)
  } catch (error) {
    const { message } = error as Error
    if (error instanceof KubeError && error.status === 403) {
      return {
        result: 'unknown',
        cause: `you ${forbiddenPart(message)}`,
        next: 'ask somebody with that right to run azds doctor',
        forbidden: true,
      }
    }
    return {
      result: 'unknown',
      cause: message,
      next: 'run azds doctor again; if it stays, kubectl get --raw /readyz?verbose tells more of the API server',
    }
  }
}

/** `cannot list nodes at the cluster scope`, out of Kubernetes' sentence with its `resource "nodes" in API group ""`. */
export function forbiddenPart(message: string): string {
  const part = /cannot .+?(?=$|: )/.exec(message)?.[0]
  if (!part) return `may not: ${message}`
  return part.replace(/resource "([^"]+)" in API group "([^"]*)"/, (_, resource, group) =>
    group === '' ? resource : `${resource}.${group}`,
  )
}

/** 1 where something is wrong; warnings and what nobody can say are not. */
export function hasFailed(findings: readonly Finding[]): boolean {
  return findings.some(({ outcome }) => outcome.result === 'error')
}

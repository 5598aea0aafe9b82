/** How findings read: a line a check under its group, causes and next steps below, and the same for programs. */
import { type Paint, printable } from '../output.ts'
import type { Outcome } from './check.ts'
import type { Finding } from './run.ts'

const MARK = { ok: '√', warning: '‼', error: '×', unknown: '?', skipped: '-' } as const
const COLOUR = {
  ok: 'green',
  warning: 'yellow',
  error: 'red',
  unknown: 'yellow',
  skipped: 'dim',
} as const

/** Lines under a finding that would fill the screen are cut, and counted. */
const MOST_OBJECTS = 20

/** The head of a group, with a line under it as long as itself. */
export function groupText(name: string, paint: Paint): string {
  return `${paint('bold', name)}\n${'-'.repeat(name.length)}\n`
}

export function findingText({ check, outcome }: Finding, paint: Paint): string {
  const head = `${paint(COLOUR[outcome.result], MARK[outcome.result])} ${check.title}`
  if (outcome.result === 'ok') {
    return `${head}${outcome.detail ? paint('dim', ` (${printable(outcome.detail)})`) : ''}\n`
  }
  if (outcome.result === 'skipped')
    return `${head} ${paint('dim', `(${printable(outcome.cause)})`)}\n`
  // One line each: who may see little would get the same three lines thirty times. The summary says what to do.
  if (outcome.result === 'unknown' && outcome.forbidden)
    return `${head} ${paint('dim', `(${printable(outcome.cause)})`)}\n`
  const objects = 'objects' in outcome ? (outcome.objects ?? []) : []
  const lines = [
    printable(outcome.cause),
    ...objects.slice(0, MOST_OBJECTS).map((object) => `  ${printable(object)}`),
    ...(objects.length > MOST_OBJECTS ? [`  and ${objects.length - MOST_OBJECTS} more`] : []),
    `${paint('bold', '→')} ${printable(outcome.next)}`,
    paint('dim', `see docs/doctor.md#${check.id}`),
  ]
  return `${head}\n${lines.map((line) => `    ${line}\n`).join('')}`
}

/** `24 √  2 ‼  1 ×`, what to think of it, and how what nobody could look at is found out. */
export function summaryText(findings: readonly Finding[], paint: Paint): string {
  const count = (result: Outcome['result']) =>
    findings.filter(({ outcome }) => outcome.result === result).length
  const parts = (['ok', 'warning', 'error', 'unknown', 'skipped'] as const)
    .filter((result) => count(result) > 0)
    .map((result) => paint(COLOUR[result], `${count(result)} ${MARK[result]}`))
  const verdict =
    count('error') > 0
      ? paint('red', 'Something is wrong.')
      : count('warning') > 0
        ? paint('yellow', 'It works; see the warnings.')
        : count('unknown') > 0
          ? paint('yellow', 'What could be looked at is well.')
          : paint('green', 'All is well.')
  const hidden = findings.some(({ outcome }) => outcome.result === 'unknown' && outcome.forbidden)
  const hint = hidden
    ? `${MARK.unknown} needs rights that you lack, in brackets: ask somebody who has them to run azds doctor.\n`
    : ''
  return `${parts.join('  ')}  ${verdict}\n${hint}`
}

export interface JsonReport {
  success: boolean
  categories: {
    categoryName: string
    checks: {
      id: string
      description: string
      result: Outcome['result']
      /** Absent where all is well. */
      error?: string
      hint?: string
      objects?: readonly string[]
    }[]
  }[]
}

export function jsonReport(findings: readonly Finding[]): JsonReport {
  const groups = [...new Set(findings.map(({ group }) => group))]
  return {
    success: findings.every(({ outcome }) => outcome.result !== 'error'),
    categories: groups.map((categoryName) => ({
      categoryName,
      checks: findings
        .filter(({ group }) => group === categoryName)
        .map(({ check: { id, title }, outcome }) => ({
          id,
          description: title,
          result: outcome.result,
          ...('cause' in outcome && { error: outcome.cause }),
          ...('next' in outcome && { hint: outcome.next }),
          ...('objects' in outcome && outcome.objects && { objects: outcome.objects }),
        })),
    })),
  }
}

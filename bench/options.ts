/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util'

export interface BenchOptions {
  rounds: number
  /** Length of one measurement, in seconds. */
  seconds: number
  /** Names of the rows to run; empty for all. */
  only: string[]
  placements: ('redirect' | 'loopback')[]
  /** Where to write the machine-readable report; null for nowhere. */
  json: string | null
  /** Row to profile instead of measuring; null for none. */
  profile: string | null
  /** Another bundle of the proxy, in the repository, to measure beside `dist/proxy.mjs`. */
  baseline: string | null
  /** True if this run measures everything as the document demands. */
  full: boolean
}

export type ReadOptions =
  | { ok: true; options: BenchOptions }
  | { ok: false; text: string; help: boolean }

/** The document's table wants at least 5; an odd number makes the median one of the rounds. */
const ROUNDS = 5
const SECONDS = 2
const QUICK = { rounds: 3, seconds: 1 }

export const USAGE = `Usage: npm run bench -- [options]

  --rounds N         paired rounds of each row (default ${ROUNDS})
  --seconds S        length of one measurement (default ${SECONDS})
  --only ROW,…       these rows only
  --placement NAME   redirect or loopback only
  --quick            ${QUICK.rounds} rounds of ${QUICK.seconds} s: a first look, not a result
  --json FILE        also write a machine-readable report
  --profile ROW      run the proxy under a CPU profiler in this row and print where the time goes
  --baseline FILE    measure another build of the proxy beside it, e.g. dist/proxy-before.mjs
`

/** What there is to choose from. */
export interface RowChoice {
  name: string
  profilable: boolean
}

export function readOptions(argv: readonly string[], rows: readonly RowChoice[]): ReadOptions {
  const rowNames = rows.map(({ name }) => name)
  const wrong = (text: string) => ({ ok: false as const, help: false, text: `${text}\n\n${USAGE}` })
  let values: ReturnType<typeof parse>
  try {
    values = parse(argv)
  } catch (error) {
    return wrong((error as Error).message)
  }
  if (values.help) {
    return { ok: false, help: true, text: `${USAGE}\nRows: ${rowNames.join(', ')}\n` }
  }
  const preset = values.quick ? QUICK : { rounds: ROUNDS, seconds: SECONDS }
  const rounds = values.rounds === undefined ? preset.rounds : Number(values.rounds)
  const seconds = values.seconds === undefined ? preset.seconds : Number(values.seconds)
  if (!isWhole(rounds) || !isWhole(seconds))
    return wrong('--rounds and --seconds are whole numbers')
  const only = values.only?.split(',') ?? []
  const named = values.profile === undefined ? only : [...only, values.profile]
  const unknown = named.filter((name) => !rowNames.includes(name))
  if (unknown.length > 0) {
    return wrong(`no such row: ${unknown.join(', ')}; there are ${rowNames.join(', ')}`)
  }
  if (rows.some(({ name, profilable }) => name === values.profile && !profilable)) {
    return wrong(`${values.profile} starts its programs anew in each round, and has no profile`)
  }
  const placement = values.placement
  if (placement !== undefined && placement !== 'redirect' && placement !== 'loopback') {
    return wrong(`no such placement: ${placement}`)
  }
  return {
    ok: true,
    options: {
      rounds,
      seconds,
      only,
      placements: placement === undefined ? ['redirect', 'loopback'] : [placement],
      json: values.json ?? null,
      profile: values.profile ?? null,
      baseline: values.baseline ?? null,
      full: only.length === 0 && placement === undefined && rounds >= ROUNDS && !values.profile,
    },
  }
}

function isWhole(value: number): boolean {
  return Number.isInteger(value) && value > 0
}

function parse(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string' },
      placement: { type: 'string' },
      quick: { type: 'boolean' },
      json: { type: 'string' },
      profile: { type: 'string' },
      baseline: { type: 'string' },
      help: { type: 'boolean' },
    },
  }).values
}

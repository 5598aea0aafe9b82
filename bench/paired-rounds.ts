/**
 * Measures contestants side by side: all run at once, and in each round each is measured alone, in an
 * order that turns round from one round to the next.
 */
import { exec } from '../core/exec.ts'
import type { Place } from '../test/kernel/lab.ts'
import type { Contestant } from './contestant.ts'
import { profiled, profileLines } from './profile.ts'
import type { RowOutcome, RowRun, Sample } from './row.ts'
import { type Sampled, sampleStacks } from './stack-samples.ts'
import { openStage, type Seat, type SeatOptions, type Stage, seat } from './stage.ts'
import { splitLines } from './time-split.ts'
import { createTraceAudit } from './trace-audit.ts'

export interface PairedRow extends SeatOptions {
  contestants: readonly Contestant[]
  /** Starts what has to run beside the backend. */
  serve?: (place: Place) => Promise<void>
  /** Looks once at what the contestant does; a problem makes all its measurements void. */
  verify?: (seat: Seat) => Promise<string | null>
  measure: (seat: Seat, seconds: number) => Promise<Measured>
  /** In place of a measurement that does not count: for a load so light that all would be compiled too late. */
  warmUp?: (seat: Seat, seconds: number) => Promise<unknown>
}

export type Measured = Sample & {
  /** Exchanges of which the sidecar must have made a record each. */
  exchanges?: number
}

/** What Node compiles at last, it compiles after some 4 s of load; nginx needs none of it. */
const WARM_UP_SECONDS = 5
/** Long enough that the start is a small part of it. */
const PROFILE_SECONDS = 5

export async function runPaired(row: PairedRow, run: RowRun): Promise<RowOutcome> {
  const stage = await openStage(run.placement)
  try {
    return await (run.settings.profile ? profileOn(stage, row, run) : runOn(stage, row, run))
  } finally {
    await stage.close()
  }
}

async function runOn(stage: Stage, row: PairedRow, run: RowRun): Promise<RowOutcome> {
  const { settings, progress } = run
  const entries = []
  if (stage.backend) await row.serve?.(stage.backend)
  for (const contestant of row.contestants) {
    progress(`starts ${contestant.name}`)
    const seated = await seatOn(stage, row, contestant)
    const problem = (await row.verify?.(seated)) ?? null
    entries.push({
      seat: seated,
      problem,
      audit: createTraceAudit(seated),
      samples: [] as Sample[],
    })
  }
  const { warmUp = row.measure } = row
  for (const { seat } of entries) await warmUp(seat, WARM_UP_SECONDS)
  for (const { audit } of entries) await audit.begin()
  for (let round = 0; round < settings.rounds; round++) {
    progress(`round ${round + 1} of ${settings.rounds}`)
    for (const entry of round % 2 === 0 ? entries : entries.toReversed()) {
      const measured = await row.measure(entry.seat, settings.seconds)
      entry.audit.add(measured.exchanges ?? 0)
      entry.samples.push(entry.problem === null ? measured : { ok: false, problem: entry.problem })
    }
  }
  const notes = []
  for (const { seat, audit, samples } of entries) {
    const { note, problem } = await audit.end()
    if (note !== null) notes.push(note)
    if (problem !== null)
      samples.fill({ ok: false, problem: `${seat.contestant.name}: ${problem}` })
  }
  return {
    samples: Object.fromEntries(
      entries.map(({ seat, samples }) => [seat.contestant.name, samples]),
    ),
    notes,
  }
}

/**
 * Where the time goes: what each of those that are compared spends it on, and the functions of our proxy, which
 * runs once more for that: its own profiler makes it slower, so that nothing could be compared.
 */
async function profileOn(stage: Stage, row: PairedRow, run: RowRun): Promise<RowOutcome> {
  const [ours] = row.contestants
  if (!ours) return { samples: {}, notes: [] }
  if (stage.backend) await row.serve?.(stage.backend)
  const split = await splitOn(stage, row, run)
  run.progress(`profiles ${ours.name}`)
  const seated = await seatOn(stage, row, { ...profiled(ours), name: `${ours.name}-profiled` })
  const seconds = Math.max(run.settings.seconds, PROFILE_SECONDS)
  const measured = await row.measure(seated, seconds)
  const functions = await profileLines(seated)
  const notes = measured.ok ? split.notes : [...split.notes, measured.problem]
  return { samples: {}, notes, profile: functions, split: split.lines }
}

async function splitOn(
  stage: Stage,
  row: PairedRow,
  { settings, progress }: RowRun,
): Promise<{ lines: string[]; notes: string[] }> {
  const [ours, ...others] = row.contestants
  const compared = others.filter(({ name }) => settings.profile?.includes(name))
  const sampled: Sampled[] = []
  const { warmUp = row.measure } = row
  try {
    for (const contestant of [ours, ...compared].filter((each) => each !== undefined)) {
      progress(`samples the stacks of ${contestant.name}`)
      const seated = await seatOn(stage, row, contestant)
      await warmUp(seated, WARM_UP_SECONDS)
      const { seconds } = settings
      const load = () => row.measure(seated, seconds)
      const one = await sampleStacks(seated, exec, { seconds, load })
      if (one !== null) sampled.push(one)
    }
  } catch (error) {
    // Not every machine lets perf look, and the figures are worth as much without.
    return { lines: [], notes: [`no samples of stacks: ${(error as Error).message}`] }
  }
  const [first] = sampled
  const columns = sampled.map(({ column }) => column)
  return { lines: first === undefined ? [] : splitLines(first.unit, columns), notes: [] }
}

async function seatOn(stage: Stage, row: PairedRow, contestant: Contestant): Promise<Seat> {
  const seated = await seat(stage, contestant, row)
  if (!stage.backend) await row.serve?.(seated.place)
  return seated
}

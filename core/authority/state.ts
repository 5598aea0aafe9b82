/**
 * How one authority follows another, without a call that fails: the new one is known everywhere before
 * the first leaf of it is served, and the old one stays known until the last leaf of it has ended.
 *
 * | stage     | what is trusted   | who signs | ends when                                              |
 * |-----------|-------------------|-----------|--------------------------------------------------------|
 * | stable    | current           | current   | two thirds of its life are over, or it is asked for,   |
 * |           |                   |           | or it begins in the future: a clock was set back       |
 * | announced | current, next     | current   | that has been published everywhere for the settle time |
 * | switched  | current, previous | current   | no leaf of the previous one can live any more          |
 *
 * Several replicas take these steps, without a leader: each writes what it has read and stepped on with,
 * and the API server lets only the first one through.
 */
import { bundleOf, CLOCK_SKEW_MS, type KeyPair, validityOf } from './certificate.ts'

export interface AuthorityState {
  /** Signs leaves. */
  current: KeyPair
  /** Set while it is announced: signs from the next stage on. */
  next: KeyPair | null
  /** Set once switched: the certificate (PEM) of the one before, whose key is gone. */
  previous: string | null
  /** When the stage began. */
  since: Date
  /** A rotation that somebody asks for: any text that is not the one begun last. Empty: none. */
  asked: string
  begun: string
}

export type Stage = 'stable' | 'announced' | 'switched'

export interface AuthorityLimits {
  /** Life of an authority, in ms. */
  authorityMs: number
  /** Life of a leaf, in ms. */
  leafMs: number
  /** How long a bundle must have been published before a leaf may need it, in ms. */
  settleMs: number
}

/** Defaults, in seconds, as settings give them. */
export const AUTHORITY_SECONDS = {
  /** A year: a rotation that fails for four months is seen by someone. */
  authority: 365 * 24 * 60 * 60,
  /** A week: the key never leaves a process's memory, and a stolen one is soon worth nothing. */
  leaf: 7 * 24 * 60 * 60,
  /** Kubelets renew a mounted ConfigMap within two minutes, API servers see a change within seconds. */
  settle: 10 * 60,
} as const

export function stageOf({ next, previous }: AuthorityState): Stage {
  if (next) return 'announced'
  return previous === null ? 'stable' : 'switched'
}

/** All certificates to be trusted now, as one PEM text; the signing one comes first. */
export function bundleOfState({ current, next, previous }: AuthorityState): string {
  return bundleOf([current.cert, ...(next ? [next.cert] : []), ...(previous ? [previous] : [])])
}

export interface Moment {
  now: Date
  /** For how long every object that must carry the bundle has carried it, in ms; null: not all do. */
  publishedForMs: number | null
}

/** What to do now, and why. */
export interface Step {
  action: 'announce' | 'switch' | 'retire'
  reason: string
}

/** The next step that is due; null for none. */
export function dueStep(
  state: AuthorityState,
  { now, publishedForMs }: Moment,
  limits: AuthorityLimits,
): Step | null {
  const stage = stageOf(state)
  if (stage === 'announced') {
    if (publishedForMs === null || publishedForMs < limits.settleMs) return null
    if (state.next && beginsLater(state.next, now)) return null
    return { action: 'switch', reason: 'the new authority is known everywhere' }
  }
  if (stage === 'switched') {
    // A replica that is told late signs with the old one a little longer, and its clock may be behind.
    const late = Math.min(CLOCK_SKEW_MS, limits.leafMs)
    if (now.getTime() - state.since.getTime() < limits.leafMs + late) return null
    return { action: 'retire', reason: 'no certificate of the old authority is valid any more' }
  }
  if (state.asked !== '' && state.asked !== state.begun)
    return { action: 'announce', reason: 'it was asked for' }
  // It can only have been made by a clock that was ahead, and until then nobody takes its leaves. The one that
  // follows in the usual way costs those nothing whose own clocks say that all is well.
  if (beginsLater(state.current, now))
    return { action: 'announce', reason: 'it begins in the future: a clock was set back' }
  const { from, to } = validityOf(state.current.cert)
  const made = from.getTime() + CLOCK_SKEW_MS
  if (now.getTime() < made + ((to.getTime() - made) * 2) / 3) return null
  return { action: 'announce', reason: 'two thirds of its life are over' }
}

function beginsLater({ cert }: KeyPair, now: Date): boolean {
  return now < validityOf(cert).from
}

/** The state after a step. @param fresh the new authority, for `announce` */
export function afterStep(
  state: AuthorityState,
  { action }: Step,
  now: Date,
  fresh: KeyPair | null,
): AuthorityState {
  if (action === 'announce') return { ...state, next: fresh, since: now, begun: state.asked }
  if (action === 'retire') return { ...state, previous: null, since: now }
  const { current, next } = state
  return { ...state, current: next ?? current, next: null, previous: current.cert, since: now }
}

/** The first state of all. */
export function firstState(current: KeyPair, now: Date): AuthorityState {
  return { current, next: null, previous: null, since: now, asked: '', begun: '' }
}

/** Decides what a reader is told next, from the state that it has and the present one of its tree. */
import type { FeedMessage } from '../../core/routing-feed.ts'
import { deltaHead, resumeHead } from './feed-lines.ts'
import type { Group } from './groups.ts'
import type { PodState } from './pod-state.ts'
import type { Reader } from './reader.ts'

/**
 * | the reader has                                   | it is told                     |
 * |--------------------------------------------------|--------------------------------|
 * | no state, or one of another tree                 | a snapshot                     |
 * | a table whose digest is that of the present state| that it may go on (`resume`)   |
 * | a table or state from which the log leads on     | a delta                        |
 * | one from which it does not                       | a snapshot                     |
 * | the present state, and its pod may have changed  | a delta of the pod, if it has  |
 */
export type Step =
  | { type: 'snapshot' }
  | { type: 'delta'; head: Buffer[] }
  | { type: 'resume' }
  /** Nothing about the tree. */
  | { type: 'pod' }

/** Null if there is nothing to say. Notes which state a reader that came with a table has. */
export function nextStep(reader: Reader, group: Group): Step | null {
  if (reader.digest !== null) {
    const number = group.numberOf(reader.digest)
    reader.digest = null
    if (number !== null) {
      reader.group = group
      reader.number = number
    }
  }
  if (reader.group !== group) return { type: 'snapshot' }
  if (reader.number !== group.number) {
    const head = group.deltaFrom(reader.number)
    return head ? { type: 'delta', head } : { type: 'snapshot' }
  }
  if (!reader.isIntroduced) return { type: 'resume' }
  return reader.podIsStale ? { type: 'pod' } : null
}

/** Whether a line takes more than one slice, and so has to wait its turn. */
export function isLong(step: Step): boolean {
  return step.type === 'snapshot' || (step.type === 'delta' && step.head.length > 1)
}

/** A line in slices, and what it is. */
export interface Line {
  type: FeedMessage['type']
  slices: Buffer[]
}

/** Lines of many readers by their head: those of whose pods there is no news. */
const shared = new WeakMap<Buffer[], Buffer>()
const NO_NEWS = Buffer.from(',"self":null}\n')
const NO_CHANGE = { spaces: { put: [], remove: [] }, services: { put: [], remove: [] } }

/**
 * Makes the line of a step, after which the reader counts as told. Null if there is nothing to say after all.
 * @param podState asked only if the pod may have changed
 */
export function lineOf(
  step: Step,
  { reader, group, podState }: { reader: Reader; group: Group; podState: () => PodState },
): Line | null {
  if (step.type === 'snapshot') {
    const { head, number } = group.snapshot()
    reader.group = group
    reader.number = number
    return { type: 'snapshot', slices: joined(head, reader.wholeTail(podState())) }
  }
  reader.number = group.number
  if (step.type === 'resume') {
    const end = reader.wholeTail(podState())
    return { type: 'resume', slices: joined(resumeHead(group.stamp), end) }
  }
  const news = newsOf(reader, podState)
  if (step.type === 'pod') {
    return news && { type: 'delta', slices: joined(deltaHead(NO_CHANGE, group.stamp), news) }
  }
  const slices = news ? joined(step.head, news) : withoutNews(step.head)
  return { type: 'delta', slices }
}

function newsOf(reader: Reader, podState: () => PodState): Buffer | null {
  if (!reader.isIntroduced) return reader.wholeTail(podState())
  return reader.podIsStale ? reader.newsTail(podState()) : null
}

function withoutNews(head: Buffer[]): Buffer[] {
  if (head.length !== 1) return joined(head, NO_NEWS)
  let line = shared.get(head)
  if (line === undefined) {
    line = Buffer.concat([...head, NO_NEWS])
    shared.set(head, line)
  }
  return [line]
}

/** What fits one slice is written at once. */
function joined(head: Buffer[], end: Buffer): Buffer[] {
  return head.length === 1 ? [Buffer.concat([...head, end])] : [...head, end]
}

/**
 * Writes Events without ever keeping anybody waiting: they go through a queue that is bounded in length and
 * in pace, what was said a moment ago is not said again, and what cannot be written is counted.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../log.ts'
import type { KubeClient } from './client.ts'
import type { CoreEvent, ObjectReference } from './types.ts'

export interface Note {
  /** What it is about; `kubectl describe` finds an Event by the uid. */
  about: ObjectReference
  /** CamelCase, for programs. */
  reason: string
  /** For people. */
  message: string
  type: 'Normal' | 'Warning'
}

export interface EventRecorderParts {
  client: KubeClient
  /** Who speaks: `webhook`; Events show it as `azds-webhook`. */
  component: string
  /** Name of the pod. */
  instance: string
  /** Wall clock. */
  now: () => Date
  log: Log
  /** Completes a note just before it is written, e.g. looks up whom it concerns; null drops it. */
  complete?: (note: Note) => Promise<Note | null>
}

export interface EventRecorder {
  /** Takes a note and returns at once. */
  note(note: Note): void
  /** Notes that came to nothing, because the queue was full or the API server refused them. */
  readonly dropped: number
  /** Ends; what still waits is dropped. */
  close(): void
}

/** At most so many notes wait, of 1 KB of text and some names each. */
const MAX_WAITING = 1000
/** Events a second, and how many may go at once after a rest: a tenth of what API servers let one source write. */
const PACE = { perSecond: 10, burst: 50 } as const
/** The same words about the same object are said once in this time (ms). */
const REPEAT_MS = 10 * 60 * 1000
/** So many of the words said last are remembered, which bounds the memory and no more. */
const MAX_REMEMBERED = 5000
/** The API server refuses longer messages (characters). */
const MAX_MESSAGE = 1024
/** And longer names of instances. */
const MAX_INSTANCE = 128
/** Of the object's name this much begins the Event's, which may have 253 characters. */
const MAX_NAME = 200

export function createEventRecorder(parts: EventRecorderParts): EventRecorder {
  const { now, log } = parts
  const waiting: Note[] = []
  /** When each text was said, oldest first. */
  const said = new Map<string, number>()
  const closed = new AbortController()
  let dropped = 0
  let running = false
  let allowance: number = PACE.burst
  let countedAt = now().getTime()

  /** Takes one from the allowance; waits until that is paid for. */
  async function pace(): Promise<void> {
    const at = now().getTime()
    // A clock that was set back gives nothing, and takes nothing away.
    const earned = (Math.max(at - countedAt, 0) / 1000) * PACE.perSecond
    countedAt = at
    allowance = Math.min(allowance + earned, PACE.burst) - 1
    const debtMs = (-allowance / PACE.perSecond) * 1000
    if (debtMs > 0) await sleep(debtMs, undefined, { signal: closed.signal })
  }

  async function write(): Promise<void> {
    running = true
    try {
      for (let note = waiting.shift(); note && !closed.signal.aborted; note = waiting.shift()) {
        await pace()
        await writeOne(note)
      }
    } catch (error) {
      if (!closed.signal.aborted) throw error
    } finally {
      running = false
    }
  }

  async function writeOne(note: Note): Promise<void> {
    try {
      const whole = parts.complete ? await parts.complete(note) : note
      if (whole) await create(parts, whole)
    } catch (error) {
      dropped += 1
      const { reason, about } = note
      log.debug({ reason, about, error: (error as Error).message }, 'event not written')
    }
  }

  return {
    note(whole) {
      // Before it is kept: whoever makes notes may be made to write very long ones.
      const note = { ...whole, message: shortened(whole.message) }
      if (closed.signal.aborted || isRepeated(said, note, now().getTime())) return
      if (waiting.length >= MAX_WAITING) {
        dropped += 1
        return
      }
      waiting.push(note)
      if (!running) void write()
    },
    get dropped() {
      return dropped
    },
    close() {
      closed.abort()
      dropped += waiting.length
      waiting.length = 0
    },
  }
}

function isRepeated(said: Map<string, number>, note: Note, at: number): boolean {
  const { uid, kind, namespace, name } = note.about
  const key = JSON.stringify([uid ?? [kind, namespace, name], note.reason, note.message])
  const before = said.get(key)
  if (before !== undefined && Math.abs(at - before) < REPEAT_MS) return true
  said.delete(key)
  said.set(key, at)
  const oldest = said.keys().next().value
  if (said.size > MAX_REMEMBERED && oldest !== undefined) said.delete(oldest)
  return false
}

async function create(parts: EventRecorderParts, note: Note): Promise<void> {
  // Events about cluster-scoped objects lie in `default`, where `kubectl describe` looks for them.
  const { name = 'azds', namespace = 'default' } = note.about
  const at = parts.now()
  const time = at.toISOString().replace(/\.\d+Z$/, 'Z')
  const serial = `${at.getTime().toString(16)}${randomBytes(3).toString('hex')}`
  const event: CoreEvent = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name.slice(0, MAX_NAME)}.${serial}`, namespace },
    involvedObject: note.about,
    reason: note.reason,
    message: note.message,
    type: note.type,
    source: { component: `azds-${parts.component}` },
    reportingComponent: `azds.io/${parts.component}`,
    reportingInstance: parts.instance.slice(0, MAX_INSTANCE),
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  }
  await parts.client.create(`/api/v1/namespaces/${namespace}/events`, event)
}

function shortened(message: string): string {
  return message.length <= MAX_MESSAGE ? message : `${message.slice(0, MAX_MESSAGE - 1)}…`
}

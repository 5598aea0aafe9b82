/** A thousand feeds in two processes, as one thing that can be asked. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FeedIdentity, Order, Seen } from './programs/read-feeds.ts'

const PROGRAM = join(import.meta.dirname, 'programs/read-feeds.ts')
const PROCESSES = 2
/** Asking takes the readers' own time. */
const ASK_MS = 50

export interface FeedReaders {
  open(url: string, authorities: string, identities: FeedIdentity[]): void
  forget(): void
  tell(): Promise<Seen>
  /** Rejects with what was seen if it does not come to be in this time (ms). */
  until(what: string, is: (seen: Seen) => boolean, withinMs: number): Promise<Seen>
  close(): void
}

export function startReaders(): FeedReaders {
  const children = Array.from({ length: PROCESSES }, () =>
    fork(PROGRAM, { execArgv: ['--no-warnings'] }),
  )
  const say = (order: Order) => {
    for (const child of children) child.send(order)
  }
  const tell = async () => sumOf(await Promise.all(children.map(ask)))
  return {
    open: (url, authorities, identities) => {
      for (const [at, child] of children.entries()) {
        const own = identities.filter((_, index) => index % PROCESSES === at)
        child.send({ type: 'open', url, authorities, identities: own } satisfies Order)
      }
    },
    forget: () => say({ type: 'forget' }),
    tell,
    until: async (what, is, withinMs) => {
      const end = Date.now() + withinMs
      for (;;) {
        const seen = await tell()
        if (is(seen)) return seen
        if (Date.now() > end) {
          const { changes: _, ...rest } = seen
          throw new Error(`${what} did not come in ${withinMs} ms: ${JSON.stringify(rest)}`)
        }
        await sleep(ASK_MS)
      }
    },
    close: () => {
      for (const child of children) child.kill('SIGKILL')
    },
  }
}

async function ask(child: ChildProcess): Promise<Seen> {
  const answer = once(child, 'message')
  child.send({ type: 'tell' } satisfies Order)
  const [seen] = await answer
  return seen
}

function sumOf(all: Seen[]): Seen {
  const sum: Seen = { open: 0, firsts: {}, firstsAt: 0, lost: 0, problem: '', changes: {} }
  for (const seen of all) {
    sum.open += seen.open
    sum.lost += seen.lost
    sum.problem ||= seen.problem
    sum.firstsAt = Math.max(sum.firstsAt, seen.firstsAt)
    for (const [type, count] of Object.entries(seen.firsts)) {
      sum.firsts[type] = (sum.firsts[type] ?? 0) + count
    }
    for (const [key, { count, at }] of Object.entries(seen.changes)) {
      const known = sum.changes[Number(key)] ?? { count: 0, at: 0 }
      sum.changes[Number(key)] = { count: known.count + count, at: Math.max(known.at, at) }
    }
  }
  return sum
}

/**
 * Rotations over days of a made-up clock: three replicas that hear of changes late, two API servers that hear
 * later still, and at every moment a call that must succeed.
 */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  bundleOf,
  certificatesIn,
  createAuthority,
  createLeaf,
  type KeyPair,
  validityOf,
} from '../../../core/authority/certificate.ts'
import { isLeafDue, type Leaf } from '../../../core/authority/leaf.ts'
import { plannedBundle } from '../../../core/authority/publish.ts'
import {
  type AuthorityState,
  afterStep,
  bundleOfState,
  dueStep,
  firstState,
} from '../../../core/authority/state.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const limits = { authorityMs: 6 * DAY_MS, leafMs: 2 * DAY_MS, settleMs: 10 * MINUTE_MS }
const START = Date.parse('2026-01-01T00:00:00Z')

/** A value that is written at one time and read by others some time later, in order. */
class Slow<T> {
  readonly #versions: { at: number; value: T }[]
  constructor(value: T) {
    this.#versions = [{ at: Number.NEGATIVE_INFINITY, value }]
  }
  write(at: number, value: T): void {
    this.#versions.push({ at, value })
  }
  get version(): number {
    return this.#versions.length
  }
  /** What a reader sees who is `delay` behind, and which version that is. */
  read(at: number, delay: number): { value: T; version: number } {
    const version = this.#versions.findLastIndex((one) => one.at <= at - delay)
    return { value: this.#versions[version]?.value as T, version: version + 1 }
  }
  get latest(): T {
    return this.#versions.at(-1)?.value as T
  }
}

interface Replica {
  delay: number
  leaf: Leaf
  foreignSince: Map<string, number>
  published: { bundle: string; since: number } | null
}

const ends = new Map<string, number>()
/** When a certificate ends, in ms; each is read once. */
function endOf(cert: string): number {
  const end = ends.get(cert) ?? validityOf(cert).to.getTime()
  ends.set(cert, end)
  return end
}

/** Watches are seconds behind, and minutes where a link is bad: any time below the settle time is borne. */
const delay = fc.constantFrom(0, MINUTE_MS, 4 * MINUTE_MS, 9 * MINUTE_MS)
const delays = fc.record({
  replicas: fc.array(delay, { minLength: 3, maxLength: 3 }),
  servers: fc.array(delay, { minLength: 2, maxLength: 2 }),
  /** Days on which somebody asks for a new authority. */
  asks: fc.array(fc.integer({ min: 1, max: 10 }), { maxLength: 2 }),
  /** Who looks first. */
  order: fc.shuffledSubarray([0, 1, 2], { minLength: 3, maxLength: 3 }),
})

test('at every moment every leaf that is served verifies against every bundle that an API server may hold', async () => {
  await fc.assert(
    fc.asyncProperty(delays, async ({ replicas: replicaDelays, servers, asks, order }) => {
      const make = (at: number) =>
        createAuthority({ subject: 'x', lifeMs: limits.authorityMs, now: new Date(at) })
      const sign = async (authority: KeyPair, at: number): Promise<Leaf> => ({
        ...(await createLeaf(authority, {
          names: ['x'],
          lifeMs: limits.leafMs,
          now: new Date(at),
        })),
        issuer: authority.cert,
      })
      const first = await make(START)
      const secret = new Slow<AuthorityState>(firstState(first, new Date(START)))
      const bundle = new Slow<string>(Buffer.from(bundleOf([first.cert])).toString('base64'))
      const replicas: Replica[] = await Promise.all(
        replicaDelays.map(async (delay) => ({
          delay,
          leaf: await sign(first, START),
          foreignSince: new Map(),
          published: null,
        })),
      )
      let rotations = 0
      let pace = 6 * 60 * MINUTE_MS
      for (let at = START; at < START + 12 * DAY_MS; at += pace) {
        const now = new Date(at)
        const day = Math.floor((at - START) / DAY_MS)
        const asked = asks.includes(day) ? `day ${day}` : secret.latest.asked
        if (asked !== secret.latest.asked) secret.write(at, { ...secret.latest, asked })
        for (const index of order) {
          const replica = replicas[index] as Replica
          const seen = secret.read(at, replica.delay)
          if (isLeafDue(replica.leaf, seen.value.current, now))
            replica.leaf = await sign(seen.value.current, at)
          const wanted = bundleOfState(seen.value)
          const live = bundle.read(at, replica.delay)
          const planned = plannedBundle(live.value, wanted, replica.foreignSince, {
            now: at,
            settleMs: limits.settleMs,
          })
          if (planned !== live.value) bundle.write(at, planned)
          if (replica.published?.bundle !== wanted)
            replica.published = { bundle: wanted, since: at }
          if (planned !== live.value) replica.published = null
          const publishedForMs = replica.published && at - replica.published.since
          const step = dueStep(seen.value, { now, publishedForMs }, limits)
          // Written over what was read: a replica that is behind loses.
          if (!step || seen.version !== secret.version) continue
          const fresh = step.action === 'announce' ? await make(at) : null
          secret.write(at, afterStep(seen.value, step, now, fresh))
          if (step.action === 'switch') rotations += 1
        }
        for (const delay of servers) {
          const trusted = certificatesIn(
            Buffer.from(bundle.read(at, delay).value, 'base64').toString(),
          )
          for (const { leaf } of replicas) {
            const trusts = trusted.includes(leaf.issuer.trim())
            if (!trusts || endOf(leaf.issuer) <= at || endOf(leaf.cert) <= at)
              throw new Error(`a call fails on day ${day}: trusted ${trusts}`)
          }
        }
        // Slow days are passed over fast; whatever moves is looked at minute by minute.
        const quiet =
          secret.read(at, 30 * MINUTE_MS).version === secret.version &&
          bundle.read(at, 30 * MINUTE_MS).version === bundle.version
        pace = quiet && !secret.latest.next ? 6 * 60 * MINUTE_MS : 2 * MINUTE_MS
      }
      // By age alone it is rotated every 4 days, and once more only when the leaves of the one before are over.
      expect(rotations).toBeGreaterThanOrEqual(2)
      const [last] = replicas
      expect(certificatesIn(bundleOfState(secret.latest)).length).toBeLessThanOrEqual(2)
      expect(last?.leaf.issuer).not.toBe(first.cert)
    }),
    { numRuns: 12 },
  )
}, 60_000)

/**
 * Keeps an authority that several replicas share in a Secret, and this replica's own leaf of it. It makes the
 * Secret, takes the steps of `state.ts` when they are due, and puts back what somebody deletes or spoils.
 */
import { randomUUID } from 'node:crypto'
import { type Cached, watchCache } from '../kube/cache.ts'
import type { KubeClient } from '../kube/client.ts'
import type { OwnerReference, Secret } from '../kube/types.ts'
import type { Log } from '../log.ts'
import { createAuthority, isExpiring, type KeyPair, validityOf } from './certificate.ts'
import { isLeafDue, type Leaf, signLeaf } from './leaf.ts'
import { type AuthorityNews, newsOf } from './news.ts'
import {
  createSecret,
  describeSecret,
  faultOfType,
  type ReadState,
  readState,
  replaceSecret,
  type SecretName,
  selectionOf,
} from './secret.ts'
import {
  type AuthorityLimits,
  type AuthorityState,
  afterStep,
  bundleOfState,
  dueStep,
  firstState,
  stageOf,
} from './state.ts'

export interface KeeperParts {
  client: KubeClient
  secret: SecretName
  /** Common name of the authority. */
  subject: string
  /** Names by which this replica is called, for its leaf. */
  names: readonly string[]
  limits: AuthorityLimits
  /** Name of this replica's pod. */
  replica: string
  /** Whether every object that must carry this bundle (PEM) carries it now. */
  isPublished: (bundle: string) => boolean
  /** The object whose end ends the Secret too; asked at each making of it. */
  owner?: () => Promise<OwnerReference | null>
  /** Told what is worth an Event on the Secret. */
  onNews?: (news: AuthorityNews) => void
  /** Wall clock. */
  now: () => Date
  /** A clock that never goes back, in ms. */
  steady: () => number
  log: Log
}

export interface AuthorityKeeper {
  /** The certificates to be trusted now (PEM), the signing one first. */
  bundle(): string
  /** This replica's own certificate. */
  leaf(): KeyPair
  /** Signs a certificate for somebody else, to live for `lifeMs` (ms), or to the authority's own end. */
  sign(names: readonly string[], lifeMs: number): Promise<KeyPair>
  /** Since when a successor of the authority has been announced; null while none is. */
  announcedSince(): Date | null
  /** When leaf and authority end. */
  expiry(): { leaf: Date; authority: Date }
  /** Calls back when bundle or leaf has changed; they are set already. */
  onChange(listener: () => void): void
  /** Looks at once whether something is due: a publication has just ended. */
  look(): void
  close(): void
}

/**
 * Clocks are looked at 20 times within the shortest of the times that count, but within these bounds (ms): a
 * machine that slept, or whose clock was set, is seen to soon.
 */
const CHECK_MS = { least: 100, most: 60_000 }
/** A field manager's name has at most 128 characters. */
const MAX_REPLICA = 100
/**
 * What failed is tried again after the first time (ms), and later each time, until the last; a change of the Secret is
 * looked at at once.
 */
const RETRY_MS = { first: 2000, last: 60_000 }

/**
 * Resolves once there is an authority and a leaf of it.
 * @throws with the next step where the Secret can never hold one, or may not be written
 */
export async function keepAuthority(parts: KeeperParts): Promise<AuthorityKeeper> {
  const keeper = new Keeper(parts)
  try {
    await keeper.begin()
    return keeper
  } catch (error) {
    keeper.close()
    throw error
  }
}

class Keeper implements AuthorityKeeper {
  readonly #parts: KeeperParts
  readonly #secrets: Cached<Secret>
  readonly #listeners: (() => void)[] = []
  #held: { state: AuthorityState; leaf: Leaf } | null = null
  readonly #adopted = Promise.withResolvers<void>()
  /** A bundle that is seen everywhere, and since when on the steady clock. */
  #published: { bundle: string; since: number } | null = null
  /** Uid of the Secret that what we hold was read from or written to. */
  #uid: string | undefined
  /** The version that we have written over: what the watch still shows of it is past. */
  #replaced: string | undefined
  #timer: NodeJS.Timeout | undefined
  #retryMs: number = RETRY_MS.first
  /** Why the last look failed; null if it has not. */
  #failing: string | null = null
  #looking = false
  #again = false
  #closed = false

  constructor(parts: KeeperParts) {
    this.#parts = parts
    const { client, secret, log } = parts
    this.#secrets = watchCache<Secret>(client, selectionOf(secret), log)
  }

  async begin(): Promise<void> {
    await this.#secrets.synced
    await this.#lookOnce()
    this.#secrets.onChange(() => this.look())
    // A change between the two lines above has called nobody.
    this.look()
    if (!this.#held) this.#parts.log.info({ secret: this.#name }, 'another replica’s is awaited')
    await this.#adopted.promise
  }

  bundle = (): string => bundleOfState(this.#own.state)
  leaf = (): KeyPair => this.#own.leaf
  sign = (names: readonly string[], lifeMs: number): Promise<KeyPair> =>
    signLeaf(this.#own.state.current, { names, lifeMs, now: this.#parts.now() })
  announcedSince = (): Date | null => {
    const { state } = this.#own
    return stageOf(state) === 'announced' ? state.since : null
  }
  expiry = () => ({
    leaf: validityOf(this.#own.leaf.cert).to,
    authority: validityOf(this.#own.state.current.cert).to,
  })
  onChange = (listener: () => void): void => void this.#listeners.push(listener)

  look = (): void => {
    if (this.#closed) return
    if (this.#looking) this.#again = true
    else void this.#lookUntilStill()
  }

  close = (): void => {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#secrets.stop()
  }

  get #name(): string {
    return describeSecret(this.#parts.secret)
  }

  get #own(): { state: AuthorityState; leaf: Leaf } {
    if (!this.#held) throw new Error(`${this.#name} has not been read yet`)
    return this.#held
  }

  async #lookUntilStill(): Promise<void> {
    const { limits } = this.#parts
    const shortest = Math.min(limits.settleMs, limits.leafMs, limits.authorityMs)
    let pause = Math.min(Math.max(shortest / 20, CHECK_MS.least), CHECK_MS.most)
    this.#looking = true
    do {
      this.#again = false
      try {
        await this.#lookOnce()
        this.#failing = null
        this.#retryMs = RETRY_MS.first
      } catch (error) {
        pause = this.#retryMs
        this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS.last)
        this.#failed((error as Error).message)
      }
    } while (this.#again && !this.#closed)
    this.#looking = false
    this.#tellIfExpiring()
    clearTimeout(this.#timer)
    if (!this.#closed) this.#timer = setTimeout(this.look, pause).unref()
  }

  async #lookOnce(): Promise<void> {
    const { secret, subject, now } = this.#parts
    const found = this.#secrets.get(`${secret.namespace}/${secret.name}`) ?? null
    const typeFault = found && faultOfType(found, secret)
    if (typeFault) {
      // Whatever is wrong with the Secret, the leaf that is served must not end.
      if (this.#held) await this.#adopt(this.#held.state)
      throw new Error(typeFault)
    }
    const isPast = found !== null && found.metadata.resourceVersion === this.#replaced
    const read = found && !isPast ? readState(found, subject, now()) : null
    if (found && read?.ok) {
      if (this.#isUsurper(found, read.state)) return this.#reclaim(found, read.state)
      await this.#adopt(read.state)
      this.#uid = found.metadata.uid
    } else if (this.#held) {
      await this.#adopt(this.#held.state)
    }
    if (isPast) return
    if (found && read?.ok) await this.#stepOn(found, read.state)
    else await this.#putBack(found, read)
  }

  /** Takes over a state, and a leaf of its authority; tells of both together. */
  async #adopt(state: AuthorityState): Promise<void> {
    const { names, limits, now } = this.#parts
    const old = this.#held
    const isDue = !old || isLeafDue(old.leaf, state.current, now())
    const request = { names, lifeMs: limits.leafMs, now: now() }
    const leaf = isDue ? await signLeaf(state.current, request) : old.leaf
    this.#held = { state, leaf }
    this.#adopted.resolve()
    if (!isDue && bundleOfState(old.state) === bundleOfState(state)) return
    for (const listener of this.#listeners) listener()
  }

  async #stepOn(found: Secret, state: AuthorityState): Promise<void> {
    const { client, secret, limits, now } = this.#parts
    const moment = { now: now(), publishedForMs: this.#publishedFor(bundleOfState(state)) }
    const step = dueStep(state, moment, limits)
    if (!step) return
    const fresh = step.action === 'announce' ? await this.#make() : null
    const next = afterStep(state, step, now(), fresh)
    if (!(await replaceSecret(client, secret, found, next))) return
    this.#replaced = found.metadata.resourceVersion
    await this.#adopt(next)
    this.#tell(newsOf(step.action, step.reason))
  }

  /** How long the bundle has been seen everywhere without a break; it begins anew with each bundle. */
  #publishedFor(bundle: string): number | null {
    const now = this.#parts.steady()
    if (!this.#parts.isPublished(bundle)) this.#published = null
    else if (this.#published?.bundle !== bundle) this.#published = { bundle, since: now }
    return this.#published && now - this.#published.since
  }

  /** The Secret is gone or holds no authority: what we hold goes in, or a new one. */
  async #putBack(found: Secret | null, read: ReadState | null): Promise<void> {
    const { client, secret, replica, owner, now } = this.#parts
    const held = this.#held && this.#isOver(this.#held.state) ? null : this.#held
    const state = held?.state ?? firstState(await this.#make(), now())
    const written = found
      ? await replaceSecret(client, secret, found, state)
      : await createSecret(client, secret, state, {
          // A manager that nobody else is: what another replica has made must be a conflict.
          owner: (await owner?.()) ?? null,
          manager: `${replica.slice(0, MAX_REPLICA)}-${randomUUID().slice(0, 8)}`,
        })
    // Another replica was faster: the watch brings what it has written.
    if (!written) return
    if (found) this.#replaced = found.metadata.resourceVersion
    const fault = read && !read.ok ? read.fault : `${this.#name} was not there`
    await this.#adopt(state)
    this.#tell(newsOf(held ? 'restored' : 'made', fault))
  }

  /**
   * Whether a replica that has just started made an authority of its own, because the Secret was gone at that moment:
   * another Secret than ours, in which ours is not even trusted. Rotations and edits leave the Secret its uid.
   */
  #isUsurper(found: Secret, state: AuthorityState): boolean {
    const held = this.#held?.state
    if (!held || this.#uid === undefined || this.#isOver(held)) return false
    const isOther = found.metadata.uid !== undefined && found.metadata.uid !== this.#uid
    return isOther && !bundleOfState(state).includes(held.current.cert.trim())
  }

  /** What is known everywhere signs on; the new one is trusted until what it may have signed has ended. */
  async #reclaim(found: Secret, theirs: AuthorityState): Promise<void> {
    const { client, secret, now } = this.#parts
    const held = this.#own.state
    const state = { ...held, previous: held.previous ?? theirs.current.cert, since: now() }
    // Another replica was faster, or somebody wrote: the watch brings it.
    if (!(await replaceSecret(client, secret, found, state))) return
    this.#replaced = found.metadata.resourceVersion
    this.#uid = found.metadata.uid
    await this.#adopt(state)
    this.#tell(newsOf('restored', 'a replica that started while it was gone had made another'))
  }

  #make(): Promise<KeyPair> {
    const { subject, limits, now } = this.#parts
    return createAuthority({ subject, lifeMs: limits.authorityMs, now: now() })
  }

  #isOver({ current }: AuthorityState): boolean {
    return validityOf(current.cert).to <= this.#parts.now()
  }

  /** Tells once of each cause. */
  #failed(cause: string): void {
    if (cause === this.#failing) return
    this.#failing = cause
    this.#parts.log.error({ secret: this.#name, error: cause }, 'authority not kept')
    this.#parts.onNews?.(newsOf('failing', cause))
  }

  #tell(news: AuthorityNews): void {
    this.#parts.log.info({ secret: this.#name, ...news }, 'authority')
    this.#parts.onNews?.(news)
  }

  #tellIfExpiring(): void {
    const { now, replica } = this.#parts
    if (!this.#held) return
    const certificates = {
      'the certificate of this replica': this.#held.leaf.cert,
      'the authority': this.#held.state.current.cert,
    }
    for (const [what, cert] of Object.entries(certificates)) {
      if (!isExpiring(cert, now())) continue
      const end = validityOf(cert).to.toISOString()
      this.#tell(newsOf('expiring', `${what} ends at ${end}; the log of ${replica} says why`))
    }
  }
}

/** Asks the API server whose a token is (TokenReview of authentication.k8s.io/v1). */
import { createHash } from 'node:crypto'
import type { KubeClient } from '../../core/kube/client.ts'
import { type Answer, AnswerCache, TooManyQuestions } from './cache.ts'
import { podUidOf, type UserInfo } from './caller.ts'

/** What became of a token. `unknown` means that nobody could be asked: the caller may try again. */
export type Review =
  | { outcome: 'user'; user: UserInfo }
  | { outcome: 'refused'; message: string }
  | { outcome: 'unknown'; message: string }

/** @param address whom the token came from: who sends many has only its own wait */
export type ReviewToken = (token: string, address?: string) => Promise<Review>

export interface TokenReviews {
  review: ReviewToken
  /**
   * The pod of this uid was seen to go: what was said of its tokens does not count any more. Only the API server
   * says that a token is refused, since a pod also goes out of sight without its label.
   */
  podGone(uid: string): void
}

export interface TokenReviewOptions {
  client: Pick<KubeClient, 'create'>
  /** For whom the token must have been made; null: for the API server itself. */
  audience: string | null
  /** Monotonic time in ms. */
  now: () => number
  /** Wall clock in ms since 1970, which a token's end is told by. */
  wallClock: () => number
  /** Whether the pod that a token of this user is bound to is seen now, so that `podGone` will tell of its end. */
  isFollowed: (user: UserInfo) => boolean
  /** Told why the API server could not be asked. */
  onError?: (error: Error) => void
}

interface TokenReview {
  status?: { authenticated?: boolean; audiences?: string[]; user?: UserInfo; error?: string }
}

const PATH = '/apis/authentication.k8s.io/v1/tokenreviews'

/** How long an answer holds (ms). Each sidecar costs the API server one question in that time: 1,000 of them 3.3 a second. */
const HOLDS_MS = 5 * 60 * 1000
/**
 * A refusal holds shorter: a pod may show a token before every API server knows its account. And so does what is
 * said of a pod that has gone, since the API server that is asked may hear of it later than we, and of one whose end
 * nobody will tell us: the gateway's few, for which the token would else work on.
 */
const UNSURE_HOLDS_MS = 10_000
/** Five sidecars' tokens for each of 2,000 pods, some 500 bytes each: 5 MB. */
const MAX_ANSWERS = 10_000
/** A herd of sidecars asks through this many connections; more would be queued by the API server. */
const IN_FLIGHT = 20
/** So many wait for a second or two: a herd of 1,000 sidecars, and who floods us besides. */
const MAX_WAITING = 5000
/** Longer than any token that Kubernetes makes (about 1 KB): what is longer is not asked about. */
const MAX_TOKEN = 16 * 1024

/** Tokens are not kept, only their hash. */
export function createTokenReview(options: TokenReviewOptions): TokenReviews {
  const { now, onError } = options
  const answers = new AnswerCache<Review>({
    max: MAX_ANSWERS,
    inFlight: IN_FLIGHT,
    waiting: MAX_WAITING,
    now,
  })
  const gone = new Set<string>()
  const isGone = (review: Review) => {
    const uid = review.outcome === 'user' ? podUidOf(review.user) : null
    return uid !== null && gone.has(uid)
  }
  const podGone = (uid: string) => {
    gone.add(uid)
    const [oldest] = gone
    if (gone.size > MAX_ANSWERS && oldest !== undefined) gone.delete(oldest)
    answers.forget(isGone)
  }
  const review: ReviewToken = async (token, address) => {
    if (token.length > MAX_TOKEN) return refused('the token is longer than any of Kubernetes')
    const key = createHash('sha256').update(token).digest('base64')
    try {
      return await answers.get(key, () => ask(token, options, isGone), address)
    } catch (error) {
      const isCrowded = error instanceof TooManyQuestions
      if (!isCrowded) onError?.(error as Error)
      const cause = isCrowded ? 'too many ask at once' : 'no answer'
      return { outcome: 'unknown', message: `the API server was not asked: ${cause}` }
    }
  }
  return { review, podGone }
}

async function ask(
  token: string,
  options: TokenReviewOptions,
  isGone: (review: Review) => boolean,
): Promise<Answer<Review>> {
  const { client, audience, wallClock, isFollowed } = options
  const { status = {} } = await client.create<TokenReview>(PATH, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, ...(audience !== null && { audiences: [audience] }) },
  })
  const value = reviewOf(status, audience)
  if (value.outcome !== 'user') return { value, holdsMs: UNSURE_HOLDS_MS, isCheap: true }
  const isSure = !isGone(value) && isFollowed(value.user)
  const rest = (expiryOf(token) ?? Number.POSITIVE_INFINITY) - wallClock()
  // Where our clock is ahead, what the API server calls valid has ended for us: still it is not asked at each request.
  return {
    value,
    holdsMs: isSure ? Math.min(Math.max(rest, UNSURE_HOLDS_MS), HOLDS_MS) : UNSURE_HOLDS_MS,
  }
}

/**
 * Reads the API server's answer. One that knows nothing of audiences leaves `status.audiences` out and has
 * checked the token for itself alone, so its word does not count where an audience was asked for.
 */
export function reviewOf(
  { authenticated, audiences, user, error }: NonNullable<TokenReview['status']>,
  audience: string | null,
): Review {
  if (!authenticated || !user) return refused(error || 'the token is not valid')
  if (audience === null || audiences?.includes(audience)) return { outcome: 'user', user }
  return refused(`the token is not for "${audience}"`)
}

function refused(message: string): Review {
  return { outcome: 'refused', message }
}

/**
 * When a token ends (claim `exp` of RFC 7519, section 4.1.4), in ms since 1970; null if it does not tell.
 * Read without checking: it only shortens the time for which the API server's own word is remembered.
 */
export function expiryOf(token: string): number | null {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    return typeof claims?.exp === 'number' ? claims.exp * 1000 : null
  } catch {
    return null
  }
}

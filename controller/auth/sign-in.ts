/** Signs callers of the TLS port in, and holds them to what they may do. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Log } from '../../core/log.ts'
import { ApiError } from '../server.ts'
import { authorize, type Deed } from './authorize.ts'
import { bearerTokenOf, type Caller, callerOf } from './caller.ts'
import type { ReviewToken } from './token-review.ts'

/** What became of a caller, for the metric. */
export type SignInOutcome = 'allowed' | 'no-token' | 'refused' | 'forbidden' | 'unknown'

export interface SignInOptions {
  review: ReviewToken
  /** Namespace of our own control plane. */
  systemNamespace: string
  count: (route: Deed['route'], outcome: SignInOutcome) => void
  log: Log
}

export interface SignIn {
  /**
   * Resolves with who sends a request. Rejects with 401 (no token, or not a good one), 403 (no service
   * account) or 503 (the API server could not be asked: try again).
   */
  caller(
    request: { headers: IncomingHttpHeaders; ip: string },
    route: Deed['route'],
  ): Promise<Caller>
  /** Throws 403 if the caller may not do the deed. */
  permit(caller: Caller, deed: Deed): void
}

export function createSignIn({ review, systemNamespace, count, log }: SignInOptions): SignIn {
  const refusal = (
    route: Deed['route'],
    outcome: Exclude<SignInOutcome, 'allowed'>,
    message: string,
  ) => {
    count(route, outcome)
    log.debug({ route, outcome, reason: message }, 'not let in')
    return new ApiError(STATUS[outcome], outcome, message)
  }
  return {
    async caller({ headers, ip }, route) {
      const token = bearerTokenOf(headers.authorization)
      if (token === null) {
        throw refusal(route, 'no-token', 'a token is missing: send "Authorization: Bearer …"')
      }
      const answer = await review(token, ip)
      if (answer.outcome === 'unknown') throw refusal(route, 'unknown', answer.message)
      if (answer.outcome === 'refused') throw refusal(route, 'refused', answer.message)
      const caller = callerOf(answer.user)
      if (caller) return caller
      throw refusal(route, 'forbidden', 'only service accounts are served here')
    },
    permit(caller, deed) {
      const verdict = authorize(caller, deed, systemNamespace)
      if (!verdict.allowed) throw refusal(deed.route, 'forbidden', verdict.message)
      count(deed.route, 'allowed')
    },
  }
}

const STATUS = { 'no-token': 401, refused: 401, forbidden: 403, unknown: 503 } as const

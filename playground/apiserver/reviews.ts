/**
 * Answers the review kinds. Whoever is authenticated may do everything here: roles and bindings are
 * stored but not enforced, because a playground has one user.
 */
import type { User } from './caller.ts'
import { type JsonObject, valueAt } from './object.ts'
import type { Resource } from './resources.ts'
import type { Tokens } from './tokens.ts'

export interface ReviewContext {
  user: User
  tokens: Tokens
}

/** The review with its status filled in. */
export function answerReview(
  { kind }: Resource,
  body: JsonObject,
  context: ReviewContext,
): JsonObject {
  return { metadata: {}, ...body, status: STATUS[kind]?.(body, context) ?? {} }
}

const allowed = () => ({ allowed: true, reason: 'the playground allows everything' })

const STATUS: Record<string, (body: JsonObject, context: ReviewContext) => JsonObject> = {
  SelfSubjectAccessReview: allowed,
  LocalSubjectAccessReview: allowed,
  SubjectAccessReview: allowed,
  SelfSubjectRulesReview: () => ({
    incomplete: false,
    resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  }),
  SelfSubjectReview: (_, { user }) => ({ userInfo: { ...user } }),
  TokenReview: (body, { tokens }) => {
    const user = tokens.userOf(String(valueAt(body, ['spec', 'token']) ?? ''))
    return user ? { authenticated: true, user: { ...user } } : { authenticated: false }
  },
}

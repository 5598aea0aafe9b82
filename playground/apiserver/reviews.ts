/** Answers the review kinds: who somebody is, and what somebody may do. */
import { badRequest } from './api-error.ts'
import { type User, userInfoOf } from './caller.ts'
import { isObject, type JsonObject, valueAt } from './object.ts'
import type { Attributes } from './rbac/attributes.ts'
import type { PolicyRule } from './rbac/rules.ts'
import type { Resource } from './resources.ts'
import type { Authorize } from './sign-in.ts'
import type { Tokens } from './tokens.ts'

export interface Rights {
  authorize: Authorize
  /** The rules that a user has in a namespace. */
  rulesOf(user: User, namespace: string): PolicyRule[]
}

export interface ReviewContext {
  user: User
  tokens: Tokens
  /** Null where rights are off: everybody may do everything. */
  rights: Rights | null
  /** Namespace of the request's path. */
  namespace: string | null
}

/** The review with its status filled in; throws 400 where its question makes no sense. */
export function answerReview(
  { kind, group, version }: Resource,
  body: JsonObject,
  context: ReviewContext,
): JsonObject {
  const status = STATUS[kind]?.(body, context) ?? {}
  return { kind, apiVersion: `${group}/${version}`, metadata: {}, ...body, status }
}

type Answer = (body: JsonObject, context: ReviewContext) => JsonObject

const STATUS: Record<string, Answer> = {
  SelfSubjectAccessReview: (body, context) => access(body, context.user, context),
  SubjectAccessReview: (body, context) => access(body, subjectOf(body), context),
  LocalSubjectAccessReview: (body, context) => {
    const named = text(valueAt(body, ['spec', 'resourceAttributes', 'namespace']))
    if (named !== context.namespace) {
      throw badRequest(
        `spec.resourceAttributes.namespace must match namespace: ${context.namespace}`,
      )
    }
    return access(body, subjectOf(body), context)
  },
  SelfSubjectRulesReview: rulesReview,
  SelfSubjectReview: (_, { user }) => ({ userInfo: userInfoOf(user) }),
  TokenReview: tokenReview,
}

function access(body: JsonObject, user: User, { rights }: ReviewContext): JsonObject {
  const spec = isObject(body['spec']) ? body['spec'] : {}
  const [about, path] = [spec['resourceAttributes'], spec['nonResourceAttributes']]
  if (isObject(about) === isObject(path)) {
    throw badRequest(
      'spec.resourceAttributes: exactly one of nonResourceAttributes or resourceAttributes must be specified',
    )
  }
  if (!rights) return { allowed: true }
  const field = (name: string) => text(valueAt(about ?? path, [name]))
  const attributes: Attributes = {
    user,
    verb: field('verb'),
    path: field('path'),
    resource: isObject(about)
      ? {
          group: field('group'),
          version: field('version') || '*',
          resource: field('resource'),
          subresource: field('subresource'),
          namespace: field('namespace'),
          name: field('name'),
        }
      : null,
  }
  const { allowed, reason } = rights.authorize(attributes)
  return { allowed, ...(reason && { reason }) }
}

function subjectOf(body: JsonObject): User {
  const spec = isObject(body['spec']) ? body['spec'] : {}
  const { user, uid, groups, extra } = spec
  const list = Array.isArray(groups) ? groups.map(String) : []
  if (!user && list.length === 0) {
    throw badRequest('spec.user: Required value: at least one of user or group must be specified')
  }
  return {
    username: text(user),
    uid: text(uid),
    groups: list,
    ...(isObject(extra) && { extra: extra as Record<string, string[]> }),
  }
}

function rulesReview(body: JsonObject, { user, rights }: ReviewContext): JsonObject {
  const namespace = text(valueAt(body, ['spec', 'namespace']))
  if (!namespace) throw badRequest('no namespace on request')
  const all: PolicyRule[] = [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ]
  const rules = rights ? rights.rulesOf(user, namespace) : all
  return {
    resourceRules: rules
      .filter(({ resources }) => resources?.length)
      .map(({ verbs, apiGroups, resources, resourceNames }) => ({
        verbs,
        apiGroups,
        resources,
        ...(resourceNames?.length && { resourceNames }),
      })),
    nonResourceRules: rules
      .filter(({ nonResourceURLs }) => nonResourceURLs?.length)
      .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    incomplete: false,
  }
}

function tokenReview(body: JsonObject, { tokens }: ReviewContext): JsonObject {
  const token = text(valueAt(body, ['spec', 'token']))
  if (!token) throw badRequest('token is required for TokenReview in authentication')
  const audiences = valueAt(body, ['spec', 'audiences'])
  const wanted = Array.isArray(audiences) ? audiences.map(String) : []
  const check = tokens.check(token, wanted)
  if (!check.ok) return { user: {}, error: check.error }
  return { authenticated: true, user: userInfoOf(check.user), audiences: check.audiences }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

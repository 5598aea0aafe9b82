/** Who asks: the bearer of a token, nobody in particular, or whoever an allowed caller speaks for. */
import type { IncomingHttpHeaders } from 'node:http'
import { badRequest, notAllowed, unauthorized } from './api-error.ts'
import { ANONYMOUS, serviceAccountGroups, type User } from './caller.ts'
import type { Attributes, ResourceAttributes } from './rbac/attributes.ts'
import { type Decision, describeRefusal } from './rbac/authorizer.ts'
import type { Tokens } from './tokens.ts'

export type Authorize = (attributes: Attributes) => Decision

/**
 * The user of a request; throws 401 for credentials that are not good, and 403 where the caller may not
 * speak for the user that its headers name.
 * @param authorize null where rights are off: then there is nobody without credentials, as in
 * Kubernetes with AlwaysAllow
 */
export function signIn(
  tokens: Tokens,
  headers: IncomingHttpHeaders,
  authorize: Authorize | null,
): User {
  const user = bearer(tokens, headers, authorize !== null)
  return authorize ? impersonated(user, headers, authorize) : user
}

function bearer(tokens: Tokens, headers: IncomingHttpHeaders, anonymous: boolean): User {
  const [, token] = /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '') ?? []
  if (token !== undefined) {
    const check = tokens.check(token)
    if (check.ok) return check.user
    throw unauthorized()
  }
  if (anonymous && !headers.authorization) return ANONYMOUS
  throw unauthorized()
}

const EXTRA = 'impersonate-extra-'

function impersonated(user: User, headers: IncomingHttpHeaders, authorize: Authorize): User {
  const name = textOf(headers['impersonate-user'])
  const groups = listOf(headers['impersonate-group'])
  const uid = textOf(headers['impersonate-uid'])
  const extra = extrasOf(headers)
  if (!name) {
    if (groups.length === 0 && !uid && Object.keys(extra).length === 0) return user
    throw badRequest(
      'requested impersonation of groups, a uid or extra fields without impersonating a user',
    )
  }
  const ask = (group: string, resource: string, rest: Partial<ResourceAttributes>) => {
    const place = { group, version: 'v1', resource, subresource: '', namespace: '', name: '' }
    const attributes: Attributes = {
      user,
      verb: 'impersonate',
      path: '',
      resource: { ...place, ...rest },
    }
    const { allowed } = authorize(attributes)
    if (allowed) return
    throw notAllowed({ group, resource, name: rest.name ?? '' }, describeRefusal(attributes))
  }
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name)
  const [, namespace = '', accountName = ''] = account ?? []
  if (account) ask('', 'serviceaccounts', { namespace, name: accountName })
  else ask('', 'users', { name })
  for (const group of groups) ask('', 'groups', { name: group })
  if (uid) ask('authentication.k8s.io', 'uids', { name: uid })
  for (const [key, values] of Object.entries(extra)) {
    for (const value of values) {
      ask('authentication.k8s.io', 'userextras', { subresource: key, name: value })
    }
  }
  const own = groups.length === 0 && account ? serviceAccountGroups(namespace) : groups
  const state = name === ANONYMOUS.username ? 'system:unauthenticated' : 'system:authenticated'
  return {
    username: name,
    uid,
    groups: own.includes(state) ? own : [...own, state],
    ...(Object.keys(extra).length > 0 && { extra }),
  }
}

function extrasOf(headers: IncomingHttpHeaders): Record<string, string[]> {
  const names = Object.keys(headers).filter((name) => name.startsWith(EXTRA))
  return Object.fromEntries(
    names.map((name) => [decodeURIComponent(name.slice(EXTRA.length)), listOf(headers[name])]),
  )
}

function textOf(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? ''
}

/** Node joins headers that come more than once with a comma and a blank. */
function listOf(value: string | string[] | undefined): string[] {
  if (value === undefined || value === '') return []
  return Array.isArray(value) ? value : value.split(', ')
}

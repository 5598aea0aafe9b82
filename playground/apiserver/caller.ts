/** Who makes a request, and how it wants a write to be done. */
import type { JsonObject } from './object.ts'

export interface User {
  username: string
  uid: string
  groups: string[]
  /** What else the credentials say, e.g. the pod that a token belongs to. */
  extra?: Record<string, string[]>
}

/** Whoever shows no credentials at all. */
export const ANONYMOUS: User = {
  username: 'system:anonymous',
  uid: '',
  groups: ['system:unauthenticated'],
}

export const ADMIN: User = {
  username: 'kubernetes-admin',
  uid: 'kubernetes-admin',
  groups: ['system:masters', 'system:authenticated'],
}

/** @param uid of the account's object; empty where it is not known */
export function serviceAccountUser(namespace: string, name: string, uid = ''): User {
  return {
    username: `system:serviceaccount:${namespace}:${name}`,
    uid,
    groups: [...serviceAccountGroups(namespace), 'system:authenticated'],
  }
}

export function serviceAccountGroups(namespace: string): string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]
}

/** A user as reviews and webhooks are told of one. */
export function userInfoOf({ username, uid, groups, extra }: User): JsonObject {
  return { username, ...(uid && { uid }), groups, ...(extra && { extra }) }
}

/** A part of the control plane that runs inside this process. */
export function controllerUser(name: string): User {
  return {
    username: `system:serviceaccount:kube-system:${name}`,
    uid: `kube-system/${name}`,
    groups: ['system:serviceaccounts', 'system:authenticated'],
  }
}

export interface WriteOptions {
  user: User
  /** Owner of the written fields in `managedFields`. */
  manager: string
  /** `dryRun=All`: everything is done but the storing. */
  dryRun: boolean
  /** What to do about fields that the kind does not have. */
  fieldValidation: 'Strict' | 'Warn' | 'Ignore'
  /** Sentences for the caller; they become Warning headers. */
  warnings: string[]
  /** The control plane itself writes: no rights are asked of it. */
  internal?: boolean
  /** Called before an apply creates an object: throws unless the caller may. */
  beforeCreate?: () => void
}

/** Options of a write by the control plane itself. */
export function internalWrite(name: string): WriteOptions {
  return {
    user: controllerUser(name),
    manager: name,
    dryRun: false,
    fieldValidation: 'Ignore',
    warnings: [],
    internal: true,
  }
}

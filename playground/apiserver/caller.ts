/** Who makes a request, and how it wants a write to be done. */

export interface User {
  username: string
  uid: string
  groups: string[]
}

export const ADMIN: User = {
  username: 'kubernetes-admin',
  uid: 'kubernetes-admin',
  groups: ['system:masters', 'system:authenticated'],
}

export function serviceAccountUser(namespace: string, name: string): User {
  return {
    username: `system:serviceaccount:${namespace}:${name}`,
    uid: `${namespace}/${name}`,
    groups: [
      'system:serviceaccounts',
      `system:serviceaccounts:${namespace}`,
      'system:authenticated',
    ],
  }
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
}

/** Options of a write by the control plane itself. */
export function internalWrite(name: string): WriteOptions {
  return {
    user: controllerUser(name),
    manager: name,
    dryRun: false,
    fieldValidation: 'Ignore',
    warnings: [],
  }
}

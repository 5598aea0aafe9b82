/** The Secret in which replicas share an authority: what its keys mean, how it is read and written. */
import { type KubeClient, KubeError } from '../kube/client.ts'
import type { OwnerReference, Secret } from '../kube/types.ts'
import { ANNOTATION, PART_OF, PART_OF_LABEL } from '../names.ts'
import { certificatesIn, faultOfAuthority, type KeyPair } from './certificate.ts'
import type { AuthorityState } from './state.ts'

export interface SecretName {
  namespace: string
  name: string
}

/** When the stage began, and which rotation was begun last: what a person may read, but need not write. */
const SINCE = 'azds.io/stage-since'
const BEGUN = 'azds.io/rotation-begun'
/** Anything else, `kubernetes.io/tls` for one, prescribes other keys, and a type cannot be changed. */
const TYPE = 'Opaque'
/** Of a Secret that holds a certificate and its key. */
export const TLS_TYPE = 'kubernetes.io/tls'

export const collectionOf = ({ namespace }: SecretName): string =>
  `/api/v1/namespaces/${namespace}/secrets`
/** Where it alone is listed and watched, as a role limited to its name may. */
export const selectionOf = (secret: SecretName): string =>
  `${collectionOf(secret)}?fieldSelector=metadata.name%3D${secret.name}`
export const describeSecret = ({ namespace, name }: SecretName): string =>
  `Secret ${namespace}/${name}`

export type ReadState = { ok: true; state: AuthorityState } | { ok: false; fault: string }

/** Reads an authority; a `next` or `previous` that cannot be used is left out, as if it had never been. */
export function readState(secret: Secret, subject: string, now: Date): ReadState {
  const { metadata } = secret
  const pair = (name: string): KeyPair => ({
    cert: textIn(secret, `${name}.crt`),
    key: textIn(secret, `${name}.key`),
  })
  const current = pair('current')
  const fault = faultOfAuthority(current, subject, now)
  if (fault) return { ok: false, fault }
  const next = pair('next')
  const previous = textIn(secret, 'previous.crt')
  const since = new Date(metadata.annotations?.[SINCE] ?? '')
  return {
    ok: true,
    state: {
      current,
      next: faultOfAuthority(next, subject, now) === null ? next : null,
      previous: isCertificate(previous) ? previous : null,
      since: Number.isNaN(since.getTime()) ? now : since,
      asked: metadata.annotations?.[ANNOTATION.rotate] ?? '',
      begun: metadata.annotations?.[BEGUN] ?? '',
    },
  }
}

/** Why a Secret can never hold what it must, whatever is written into it; null if it can. */
export function faultOfType(secret: Secret, name: SecretName, type = TYPE): string | null {
  // The API server's own default.
  if ((secret.type ?? TYPE) === type) return null
  return `${describeSecret(name)} is of type ${secret.type}, which cannot be changed: delete it, a new one is made at once`
}

/**
 * Makes the Secret by server-side apply, whose right can be limited to this name.
 * @returns false if another replica was faster: its own is to be read
 */
export async function createSecret(
  client: KubeClient,
  name: SecretName,
  state: AuthorityState,
  { owner, manager }: { owner: OwnerReference | null; manager: string },
): Promise<boolean> {
  const body: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: name.name,
      namespace: name.namespace,
      labels: { [PART_OF_LABEL]: PART_OF },
      annotations: annotationsOf(state),
      ...(owner && { ownerReferences: [owner] }),
    },
    type: TYPE,
    data: dataOf(state),
  }
  try {
    // Without force: what another replica has written is a conflict.
    await client.apply(`${collectionOf(name)}/${name.name}`, body, { manager })
    return true
  } catch (error) {
    if (error instanceof KubeError && error.status === 409) return false
    throw error
  }
}

/**
 * Writes a state over what was read; all else of the Secret stays.
 * @returns false if it has changed since it was read
 */
export async function replaceSecret(
  client: KubeClient,
  name: SecretName,
  read: Secret,
  state: AuthorityState,
): Promise<boolean> {
  const body: Secret = {
    ...read,
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      ...read.metadata,
      annotations: { ...read.metadata.annotations, ...annotationsOf(state) },
    },
    data: dataOf(state),
  }
  try {
    await client.replace(`${collectionOf(name)}/${name.name}`, body)
    return true
  } catch (error) {
    // 404: it was deleted meanwhile.
    if (error instanceof KubeError && [404, 409].includes(error.status)) return false
    throw error
  }
}

function annotationsOf({ since, begun }: AuthorityState): Record<string, string> {
  return { [SINCE]: since.toISOString(), [BEGUN]: begun }
}

function dataOf({ current, next, previous }: AuthorityState): Record<string, string> {
  return {
    'current.crt': encode(current.cert),
    'current.key': encode(current.key),
    ...(next && { 'next.crt': encode(next.cert), 'next.key': encode(next.key) }),
    ...(previous !== null && { 'previous.crt': encode(previous) }),
  }
}

/** What a key of a Secret holds; empty where it has none. */
export const textIn = (secret: Secret, key: string): string => decode(secret.data?.[key])

function isCertificate(text: string): boolean {
  return certificatesIn(text).length === 1
}

const encode = (text: string): string => Buffer.from(text).toString('base64')
const decode = (text = ''): string => Buffer.from(text, 'base64').toString('utf8')

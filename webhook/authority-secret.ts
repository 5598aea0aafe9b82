/** The Secret in which all replicas of the webhook share their certificate authority. */
import { type KubeClient, KubeError } from '../core/kube/client.ts'
import type { KubeObject } from '../core/kube/types.ts'
import { SYSTEM_NAMESPACE, WEBHOOK_CA_SECRET } from '../core/names.ts'
import { createAuthority, faultOfAuthority, type KeyPair } from './certificate.ts'

type Secret = KubeObject & { type?: string; data?: Record<string, string> }

const SECRETS = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/secrets`
const NAME = `Secret ${SYSTEM_NAMESPACE}/${WEBHOOK_CA_SECRET}`

/**
 * Reads the authority, or makes it. Of replicas that start together one creates the Secret; the
 * others are told that it exists and take what it holds.
 * @throws with the next step if the Secret holds something else
 */
export async function loadAuthority(client: KubeClient, now: Date): Promise<KeyPair> {
  const found = (await read(client)) ?? (await create(client, now))
  const fault = faultOfAuthority(found, now)
  if (!fault) return found
  throw new Error(
    `${NAME} cannot be used: ${fault}; delete it and restart the webhook, which then makes a new one`,
  )
}

async function read(client: KubeClient): Promise<KeyPair | null> {
  try {
    const { data } = await client.get<Secret>(`${SECRETS}/${WEBHOOK_CA_SECRET}`)
    return { cert: decode(data?.['tls.crt']), key: decode(data?.['tls.key']) }
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return null
    throw error
  }
}

async function create(client: KubeClient, now: Date): Promise<KeyPair> {
  const authority = await createAuthority(now)
  const secret: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: WEBHOOK_CA_SECRET, namespace: SYSTEM_NAMESPACE },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': encode(authority.cert), 'tls.key': encode(authority.key) },
  }
  try {
    await client.create(SECRETS, secret)
    return authority
  } catch (error) {
    if (!(error instanceof KubeError) || error.status !== 409) throw error
    const winner = await read(client)
    if (winner) return winner
    throw new Error(`${NAME} was made by another replica and is gone again: restart the webhook`, {
      cause: error,
    })
  }
}

const encode = (text: string): string => Buffer.from(text).toString('base64')
const decode = (text = ''): string => Buffer.from(text, 'base64').toString('utf8')

/**
 * Signs the certificate of `azds-api` and hands it over in a Secret of its own: a program that answers for the API
 * server need not hold the key by which anybody could pass for the controller.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { CLOCK_SKEW_MS, certificatesIn } from '../core/authority/certificate.ts'
import type { AuthorityKeeper } from '../core/authority/keeper.ts'
import {
  collectionOf,
  describeSecret,
  faultOfType,
  selectionOf,
  TLS_TYPE,
  textIn,
} from '../core/authority/secret.ts'
import { watchCache } from '../core/kube/cache.ts'
import type { KubeClient } from '../core/kube/client.ts'
import type { Note } from '../core/kube/events.ts'
import type { OwnerReference, Secret } from '../core/kube/types.ts'
import type { Log } from '../core/log.ts'
import { API_CERTIFICATE_SECRET, PART_OF, PART_OF_LABEL } from '../core/names.ts'

export interface ApiCertificateParts {
  client: KubeClient
  namespace: string
  /** By which `azds-api` is called. */
  names: readonly string[]
  /** Life of the certificate, in ms. */
  lifeMs: number
  /** The object whose end ends the Secret too. */
  owner: () => Promise<OwnerReference | null>
  /** Who signs; null while there is no authority. */
  authority: () => Pick<AuthorityKeeper, 'bundle' | 'sign'> | null
  /** Told once of each cause for which it cannot be handed over. */
  onFault: (note: Note) => void
  /** Wall clock. */
  now: () => Date
  log: Log
}

export interface ApiCertificate {
  /** Looks at once: the authority has changed. */
  look(): void
  stop(): void
}

const MANAGER = 'azds-controller'
/**
 * What failed is tried again after the first time (ms), and later each time, until the last: what does not pass by
 * itself waits for a person, and her change of the Secret is seen at once.
 */
const RETRY_MS = { first: 2000, last: 5 * 60 * 1000 }
/** Age is looked at 20 times in a life, but within these bounds (ms). */
const CHECK_MS = { least: 100, most: 60 * 60 * 1000 }
/**
 * Renewed so early, in parts of its life: the controller is one replica, and may be away for 20 of the 30 days without
 * anybody noticing it by the aggregated API.
 */
const RENEW_AT = 1 / 3

/** What the Secret must be made for. */
export interface Wanted {
  /** Certificates (PEM) of the authority, the signing one first. */
  bundle: string
  names: readonly string[]
  now: Date
}

/** Why a certificate must be handed over anew; null if what is there is right. */
export function faultOfHandedOver(secret: Secret | null, wanted: Wanted): string | null {
  if (!secret) return 'there is none'
  if (textIn(secret, 'ca.crt') !== wanted.bundle) return 'the authority has changed'
  try {
    const cert = new X509Certificate(textIn(secret, 'tls.crt'))
    if (!cert.checkPrivateKey(createPrivateKey(textIn(secret, 'tls.key'))))
      return 'its key is another’s'
    const signer = new X509Certificate(certificatesIn(wanted.bundle)[0] ?? '')
    if (!cert.verify(signer.publicKey)) return 'another authority signs now'
    if (wanted.names.some((name) => cert.checkHost(name) === undefined)) return 'its names differ'
    const made = Date.parse(cert.validFrom) + CLOCK_SKEW_MS
    const age = wanted.now.getTime() - made
    const isDue = age >= (Date.parse(cert.validTo) - made) * RENEW_AT
    // A clock that was set back makes it begin in the future, when nobody takes it yet.
    return isDue || age < -CLOCK_SKEW_MS ? 'a third of its life is over' : null
  } catch {
    return 'it cannot be read'
  }
}

export function handOverApiCertificate(parts: ApiCertificateParts): ApiCertificate {
  const { client, namespace, names, lifeMs, now, log } = parts
  const secret = { namespace, name: API_CERTIFICATE_SECRET }
  const secrets = watchCache<Secret>(client, selectionOf(secret), log)
  let isSynced = false
  let looking = false
  let again = false
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let retryMs: number = RETRY_MS.first
  /** Why it failed last; null once it has not. */
  let failing: string | null = null

  const look = (): void => {
    if (!isSynced || stopped) return
    if (looking) again = true
    else void lookUntilStill()
  }

  async function lookUntilStill(): Promise<void> {
    let pause = Math.min(Math.max(lifeMs / 20, CHECK_MS.least), CHECK_MS.most)
    looking = true
    do {
      again = false
      try {
        await lookOnce()
        failing = null
        retryMs = RETRY_MS.first
      } catch (error) {
        pause = retryMs
        retryMs = Math.min(retryMs * 2, RETRY_MS.last)
        failed((error as Error).message)
      }
    } while (again && !stopped)
    looking = false
    clearTimeout(timer)
    if (!stopped) timer = setTimeout(look, pause).unref()
  }

  function failed(cause: string): void {
    if (cause === failing) return
    failing = cause
    log.warn(
      { secret: describeSecret(secret), error: cause },
      'certificate of azds-api not handed over',
    )
    parts.onFault({
      about: { apiVersion: 'v1', kind: 'Secret', ...secret },
      type: 'Warning',
      reason: 'CertificateNotHandedOver',
      message: `azds-api gets no certificate by this Secret, and goes on with the one that it has, if any: ${cause}`,
    })
  }

  async function lookOnce(): Promise<void> {
    const authority = parts.authority()
    if (!authority) return
    const found = secrets.get(`${namespace}/${secret.name}`) ?? null
    const typeFault = found && faultOfType(found, secret, TLS_TYPE)
    if (typeFault) throw new Error(typeFault)
    const bundle = authority.bundle()
    const fault = faultOfHandedOver(found, { bundle, names, now: now() })
    if (fault === null) return
    const leaf = await authority.sign(names, lifeMs)
    const data = { 'tls.crt': leaf.cert, 'tls.key': leaf.key, 'ca.crt': bundle }
    const owner = await parts.owner()
    await client.apply(`${collectionOf(secret)}/${secret.name}`, secretOf(secret, data, owner), {
      manager: MANAGER,
      force: true,
    })
    log.info(
      { secret: describeSecret(secret), cause: fault },
      'certificate of azds-api handed over',
    )
  }

  secrets.onChange(look)
  void secrets.synced.then(() => {
    isSynced = true
    look()
  })
  return {
    look,
    stop() {
      stopped = true
      clearTimeout(timer)
      secrets.stop()
    },
  }
}

function secretOf(
  { namespace, name }: { namespace: string; name: string },
  data: Record<string, string>,
  owner: OwnerReference | null,
): Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace,
      labels: { [PART_OF_LABEL]: PART_OF },
      ...(owner && { ownerReferences: [owner] }),
    },
    type: TLS_TYPE,
    data: Object.fromEntries(
      Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
    ),
  }
}

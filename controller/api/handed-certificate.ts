/** The certificate of `azds-api`: read from the Secret in which the controller hands it over, and followed. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { certificatesIn, type KeyPair, validityOf } from '../../core/authority/certificate.ts'
import { describeSecret, selectionOf, textIn } from '../../core/authority/secret.ts'
import { watchCache } from '../../core/kube/cache.ts'
import type { KubeClient } from '../../core/kube/client.ts'
import type { Secret } from '../../core/kube/types.ts'
import type { Log } from '../../core/log.ts'
import { API_CERTIFICATE_SECRET } from '../../core/names.ts'

export interface HandedCertificate {
  /** What this program shows. */
  leaf(): KeyPair
  /** Certificates (PEM) by which the API server is to know it, and it the controller. */
  bundle(): string
  /** When leaf and authority end. */
  expiry(): { leaf: Date; authority: Date }
  /** Calls back when they have changed; they are set already. */
  onChange(listener: () => void): void
  close(): void
}

interface Held {
  leaf: KeyPair
  bundle: string
}

/** Null where a Secret holds nothing that could be shown. */
export function readHanded(secret: Secret): Held | null {
  const leaf = { cert: textIn(secret, 'tls.crt'), key: textIn(secret, 'tls.key') }
  const bundle = textIn(secret, 'ca.crt')
  try {
    const isPair = new X509Certificate(leaf.cert).checkPrivateKey(createPrivateKey(leaf.key))
    return isPair && certificatesIn(bundle).length > 0 ? { leaf, bundle } : null
  } catch {
    return null
  }
}

/** Resolves once the controller has handed one over. What is held is kept while the Secret is gone or spoiled. */
export async function followHandedCertificate(
  client: KubeClient,
  namespace: string,
  log: Log,
): Promise<HandedCertificate> {
  const secret = { namespace, name: API_CERTIFICATE_SECRET }
  const secrets = watchCache<Secret>(client, selectionOf(secret), log)
  const listeners: (() => void)[] = []
  const first = Promise.withResolvers<Held>()
  let held: Held | null = null
  const take = (found: Secret | undefined | null): void => {
    const fresh = found ? readHanded(found) : null
    if (!fresh) {
      if (found) log.warn({ secret: describeSecret(secret) }, 'it holds no certificate')
      return
    }
    const isSame = held?.leaf.cert === fresh.leaf.cert && held.bundle === fresh.bundle
    held = fresh
    first.resolve(fresh)
    if (!isSame) for (const listener of listeners) listener()
  }
  secrets.onChange(({ now }) => take(now))
  await secrets.synced
  take(secrets.get(`${namespace}/${secret.name}`))
  if (!held) log.info({ secret: describeSecret(secret) }, 'the controller’s certificate is awaited')
  const initial = await first.promise
  const own = () => held ?? initial
  return {
    leaf: () => own().leaf,
    bundle: () => own().bundle,
    expiry: () => ({
      leaf: validityOf(own().leaf.cert).to,
      authority: validityOf(certificatesIn(own().bundle)[0] ?? '').to,
    }),
    onChange: (listener) => void listeners.push(listener),
    close: () => secrets.stop(),
  }
}

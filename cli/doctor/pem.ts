/** Certificates as Secrets and registrations hold them: PEM texts in base64. */
import { X509Certificate } from 'node:crypto'

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/** The text of a field; empty where there is none. */
export function decoded(base64: string | undefined): string {
  return Buffer.from(base64 ?? '', 'base64').toString('utf8')
}

/** The certificates of a bundle; null for what is no certificate at all. */
export function parsed(bundle: string): X509Certificate[] | null {
  try {
    return (bundle.match(PEM) ?? []).map((pem) => new X509Certificate(pem))
  } catch {
    return null
  }
}

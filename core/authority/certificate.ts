/** X.509 with ECDSA P-256: authorities of our own, and the leaves that they sign. Nothing here knows whose they are. */
import 'reflect-metadata'
import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import {
  X509Certificate as AuthorityCertificate,
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** Certificate and private key (PKCS 8), both PEM. */
export interface KeyPair {
  cert: string
  key: string
}

/** Certificates begin this long before they are made (ms): clocks of two machines differ. */
export const CLOCK_SKEW_MS = 5 * 60 * 1000

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' }
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' }

export interface AuthorityRequest {
  /** Common name; authorities that follow each other have the same one. */
  subject: string
  lifeMs: number
  now: Date
}

export async function createAuthority({
  subject,
  lifeMs,
  now,
}: AuthorityRequest): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])
  const cert = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${subject}`,
    keys,
    signingAlgorithm: SIGNING,
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(now.getTime() + lifeMs),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { cert: `${cert.toString('pem').trim()}\n`, key: await exportKey(keys.privateKey) }
}

export interface LeafRequest {
  /** DNS names or IP addresses that the server is called by; the first is its common name. */
  names: readonly string[]
  lifeMs: number
  now: Date
}

/** Signs a server certificate; it never outlives the authority. */
export async function createLeaf(
  authority: KeyPair,
  { names, lifeMs, now }: LeafRequest,
): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])
  const issuer = new AuthorityCertificate(authority.cert)
  const end = Math.min(now.getTime() + lifeMs, issuer.notAfter.getTime())
  const cert = await X509CertificateGenerator.create({
    subject: `CN=${names[0]}`,
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: SIGNING,
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(end),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      // Authorities that follow each other have one name: this tells which of those in a bundle it was.
      await AuthorityKeyIdentifierExtension.create(issuer),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
    ],
  })
  return { cert: `${cert.toString('pem').trim()}\n`, key: await exportKey(keys.privateKey) }
}

/** Why a pair cannot serve as the authority of this name at this time; null if it can. */
export function faultOfAuthority(
  { cert, key }: KeyPair,
  subject: string,
  now: Date,
): string | null {
  try {
    const parsed = new X509Certificate(cert)
    if (!parsed.ca) return 'its certificate is not an authority'
    if (parsed.subject !== `CN=${subject}`) return `its certificate is for ${parsed.subject}`
    if (!parsed.checkPrivateKey(createPrivateKey(key)))
      return 'its key belongs to another certificate'
    if (Date.parse(parsed.validTo) <= now.getTime()) return `it expired on ${parsed.validTo}`
    return null
  } catch (error) {
    return `it is not readable as PEM: ${(error as Error).message}`
  }
}

/** From when to when a certificate (PEM) is valid; the beginning lies `CLOCK_SKEW_MS` before its making. */
export function validityOf(cert: string): { from: Date; to: Date } {
  const { validFrom, validTo } = new X509Certificate(cert)
  return { from: new Date(validFrom), to: new Date(validTo) }
}

/** Renewals begin when a third of a life is left; below this share they evidently fail. */
const EXPIRING_SHARE = 1 / 4

export function isExpiring(cert: string, now: Date): boolean {
  const { from, to } = validityOf(cert)
  const life = to.getTime() - from.getTime() - CLOCK_SKEW_MS
  return to.getTime() - now.getTime() < life * EXPIRING_SHARE
}

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/** The certificates of a bundle, trimmed; text that is no certificate is left out. */
export function certificatesIn(bundle: string): string[] {
  return (bundle.match(PEM) ?? []).filter((pem) => {
    try {
      return Boolean(new X509Certificate(pem))
    } catch {
      return false
    }
  })
}

/** One text of several certificates, each once, in their order. */
export function bundleOf(certificates: readonly string[]): string {
  const texts = certificates.map((certificate) => certificate.trim())
  return `${[...new Set(texts)].join('\n')}\n`
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key))
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' })
  return webcrypto.subtle.importKey('pkcs8', der, CURVE, false, ['sign'])
}

/** X.509 with ECDSA P-256: an authority of our own, and the leaf that it signs for one replica. */
import 'reflect-metadata'
import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto'
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
import { SYSTEM_NAMESPACE, WEBHOOK_SERVICE } from '../core/names.ts'

/** Certificate and private key (PKCS 8), both PEM. */
export interface KeyPair {
  cert: string
  key: string
}

export const AUTHORITY_NAME = 'azds webhook authority'

const DAY_MS = 24 * 60 * 60 * 1000
/** The authority lives ten years: nothing replaces it yet, and its key never leaves its Secret. */
const AUTHORITY_LIFE_MS = 3650 * DAY_MS
/** A leaf lives in one process's memory and is renewed after two thirds of this time. */
export const LEAF_LIFE_MS = 30 * DAY_MS
/** Certificates begin this long before they are made: clocks of two machines differ. */
const CLOCK_SKEW_MS = 5 * 60 * 1000

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' }
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' }

/** The names by which an API server may call the webhook; it uses `<service>.<namespace>.svc`. */
export const SERVER_NAMES: readonly string[] = [
  `${WEBHOOK_SERVICE}.${SYSTEM_NAMESPACE}.svc`,
  `${WEBHOOK_SERVICE}.${SYSTEM_NAMESPACE}`,
  WEBHOOK_SERVICE,
]

export async function createAuthority(now: Date): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])
  const cert = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${AUTHORITY_NAME}`,
    keys,
    signingAlgorithm: SIGNING,
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(now.getTime() + AUTHORITY_LIFE_MS),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { cert: cert.toString('pem'), key: await exportKey(keys.privateKey) }
}

/** Signs a server certificate for `SERVER_NAMES`; it never outlives the authority. */
export async function createLeaf(authority: KeyPair, now: Date): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])
  const issuer = new X509Certificate(authority.cert)
  const end = Math.min(now.getTime() + LEAF_LIFE_MS, Date.parse(issuer.validTo))
  const cert = await X509CertificateGenerator.create({
    subject: `CN=${SERVER_NAMES[0]}`,
    issuer: `CN=${AUTHORITY_NAME}`,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    signingAlgorithm: SIGNING,
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(end),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      // All our authorities have one name: this tells which of those in a bundle it was.
      await AuthorityKeyIdentifierExtension.create(new AuthorityCertificate(authority.cert)),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(
        SERVER_NAMES.map((value) => ({ type: 'dns' as const, value })),
      ),
    ],
  })
  return { cert: cert.toString('pem'), key: await exportKey(keys.privateKey) }
}

/** Why a pair cannot serve as the authority at this time; null if it can. */
export function faultOfAuthority({ cert, key }: KeyPair, now: Date): string | null {
  try {
    const parsed = new X509Certificate(cert)
    if (!parsed.ca) return 'its certificate is not an authority'
    if (parsed.subject !== `CN=${AUTHORITY_NAME}`) return `its certificate is for ${parsed.subject}`
    if (!parsed.checkPrivateKey(createPrivateKey(key)))
      return 'its key belongs to another certificate'
    if (Date.parse(parsed.validTo) <= now.getTime()) return `it expired on ${parsed.validTo}`
    return null
  } catch (error) {
    return `it is not readable as PEM: ${(error as Error).message}`
  }
}

/** The moment at which a certificate ends. */
export function expiryOf({ cert }: KeyPair): Date {
  return new Date(Date.parse(new X509Certificate(cert).validTo))
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

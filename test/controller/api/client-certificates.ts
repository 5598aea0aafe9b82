/** Authorities and client certificates for tests: good ones, and those that must not count. */
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { createAuthority, type KeyPair } from '../../../core/authority/certificate.ts'

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' }
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' }
const HOUR_MS = 3_600_000

export function testAuthority(subject: string): Promise<KeyPair> {
  return createAuthority({ subject, lifeMs: HOUR_MS, now: new Date() })
}

export interface ClientRequest {
  commonName?: string
  /** Begins and ends so long from now (ms). */
  fromMs?: number
  toMs?: number
  /** What it is for, as the extension says. */
  usage?: 'client' | 'server'
}

export async function clientCertificate(
  authority: KeyPair,
  {
    commonName = 'front-proxy-client',
    fromMs = -HOUR_MS,
    toMs = HOUR_MS,
    usage = 'client',
  }: ClientRequest = {},
): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])
  const cert = await X509CertificateGenerator.create({
    subject: `CN=${commonName}`,
    issuer: new X509Certificate(authority.cert).subject,
    publicKey: keys.publicKey,
    signingKey: await signingKey(authority.key),
    signingAlgorithm: SIGNING,
    notBefore: new Date(Date.now() + fromMs),
    notAfter: new Date(Date.now() + toMs),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([
        usage === 'client' ? ExtendedKeyUsage.clientAuth : ExtendedKeyUsage.serverAuth,
      ]),
    ],
  })
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const body = der.toString('base64').replace(/.{64}/g, '$&\n')
  const key = `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`
  return { cert: cert.toString('pem'), key }
}

function signingKey(pem: string) {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  return webcrypto.subtle.importKey('pkcs8', der, CURVE, false, ['sign'])
}

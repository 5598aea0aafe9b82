/** The API server's own authorities, its serving and its client certificate, made afresh at each start. */
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

export interface IssuedCertificate {
  /** The authority's certificate: what the other side trusts. */
  caPem: string
  certPem: string
  keyPem: string
}

/** Key and signature of everything made here. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
/** A playground lives for hours; ten years spares it any thought of renewal. */
const LIFETIME_MS = 10 * 365 * 24 * 3600 * 1000
/** Clocks of two machines may differ by this much, in ms. */
const BACKDATE_MS = 3600 * 1000

/**
 * @param names DNS names and IP addresses that the certificate is good for
 */
export async function makeServingCertificate(
  names: readonly { type: 'dns' | 'ip'; value: string }[],
  now: Date,
): Promise<IssuedCertificate> {
  const authority = await makeAuthority('playground-ca', now)
  return issue(authority, 'kube-apiserver', now, [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension([...names]),
  ])
}

/** A certificate that a client shows, from an authority that signs nothing else. */
export async function makeClientCertificate(
  commonName: string,
  now: Date,
): Promise<IssuedCertificate> {
  const authority = await makeAuthority(`${commonName}-ca`, now)
  const usage = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])
  return issue(authority, commonName, now, [usage])
}

interface Authority {
  certificate: x509.X509Certificate
  keys: CryptoKeyPair
}

function lifetime(now: Date): { notBefore: Date; notAfter: Date } {
  return {
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: new Date(now.getTime() + LIFETIME_MS),
  }
}

async function makeAuthority(commonName: string, now: Date): Promise<Authority> {
  const keys = await makeKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${commonName}`,
    keys,
    ...lifetime(now),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate, keys }
}

async function issue(
  authority: Authority,
  commonName: string,
  now: Date,
  extensions: x509.Extension[],
): Promise<IssuedCertificate> {
  const keys = await makeKeys()
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${commonName}`,
    issuer: authority.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    ...lifetime(now),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      ...extensions,
      await x509.AuthorityKeyIdentifierExtension.create(authority.keys.publicKey),
    ],
  })
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return {
    caPem: `${authority.certificate.toString('pem')}\n`,
    certPem: `${certificate.toString('pem')}\n`,
    keyPem: `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`,
  }
}

function makeKeys(): Promise<CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<CryptoKeyPair>
}

type CryptoKeyPair = webcrypto.CryptoKeyPair

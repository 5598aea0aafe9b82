/** Authorities and leaves, as Node's own reader of X.509 sees them. */
import { X509Certificate } from 'node:crypto'
import { expect, test } from '@jest/globals'
import {
  bundleOf,
  certificatesIn,
  createAuthority,
  createLeaf,
  faultOfAuthority,
  isExpiring,
  validityOf,
} from '../../../core/authority/certificate.ts'

const DAY_MS = 86_400_000
const subject = 'azds test authority'
const now = new Date('2026-01-01T00:00:00Z')
const later = (days: number) => new Date(now.getTime() + days * DAY_MS)
const authority = await createAuthority({ subject, lifeMs: 365 * DAY_MS, now })
const names = ['azds-webhook-service.azds.svc', 'azds-webhook-service', '127.0.0.1']
const leafAt = (at: Date) => createLeaf(authority, { names, lifeMs: 7 * DAY_MS, now: at })

test('a leaf is signed by the authority, for its names, and never outlives it', async () => {
  const issuer = new X509Certificate(authority.cert)
  const leaf = new X509Certificate((await leafAt(later(360))).cert)
  expect(leaf.verify(issuer.publicKey)).toBe(true)
  expect(leaf.checkIssued(issuer)).toBe(true)
  expect(leaf.ca).toBe(false)
  for (const name of names.slice(0, 2)) expect(leaf.checkHost(name)).toBe(name)
  expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1')
  expect(leaf.checkHost('azds-controller.azds.svc')).toBeUndefined()
  expect(Date.parse(leaf.validTo)).toBe(Date.parse(issuer.validTo))
})

test('a leaf is told from one of another authority with the same name', async () => {
  const other = await createAuthority({ subject, lifeMs: DAY_MS, now })
  const leaf = new X509Certificate((await leafAt(now)).cert)
  expect(leaf.checkIssued(new X509Certificate(authority.cert))).toBe(true)
  expect(leaf.checkIssued(new X509Certificate(other.cert))).toBe(false)
})

test('an authority is refused when it is over, when its key is another, or when it is none of ours', async () => {
  const other = await createAuthority({ subject, lifeMs: DAY_MS, now })
  const fault = (pair = authority, at = now) => faultOfAuthority(pair, subject, at)
  expect(fault()).toBeNull()
  expect(fault(authority, later(366))).toContain('it expired on')
  expect(fault({ ...authority, key: other.key })).toContain('another certificate')
  expect(fault(await leafAt(now))).toContain('not an authority')
  expect(fault({ cert: '', key: '' })).toContain('not readable as PEM')
  expect(faultOfAuthority(authority, 'somebody', now)).toContain(`is for CN=${subject}`)
})

test('it counts as expiring when less than a quarter of its life is left', () => {
  expect(isExpiring(authority.cert, later(270))).toBe(false)
  expect(isExpiring(authority.cert, later(280))).toBe(true)
  expect(validityOf(authority.cert)).toEqual({
    from: new Date(now.getTime() - 300_000),
    to: later(365),
  })
})

test('a bundle holds each certificate once, and what is no certificate is not read from it', async () => {
  const other = await createAuthority({ subject, lifeMs: DAY_MS, now })
  const bundle = bundleOf([authority.cert, other.cert, authority.cert])
  expect(certificatesIn(bundle)).toEqual([authority.cert.trim(), other.cert.trim()])
  const junk = '-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n'
  expect(certificatesIn(`hello\n${junk}${bundle}`)).toEqual(certificatesIn(bundle))
})

/** An authority for one test, and a leaf of it. */
import { createAuthority, createLeaf, type KeyPair } from '../../../core/authority/certificate.ts'

const HOUR_MS = 3_600_000

export interface TestAuthority extends KeyPair {
  leaf: KeyPair
}

export async function authorityFor(...names: string[]): Promise<TestAuthority> {
  const times = { lifeMs: HOUR_MS, now: new Date() }
  const authority = await createAuthority({ subject: 'test authority', ...times })
  return { ...authority, leaf: await createLeaf(authority, { names, ...times }) }
}

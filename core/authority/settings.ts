/** How long certificates live: settings of every program that has one of ours. */
import { type Config, integer, type Settings } from '../config.ts'
import { AUTHORITY_SECONDS, type AuthorityLimits } from './state.ts'

/** Ten years (s). */
export const MOST_SECONDS = 10 * 365 * 24 * 60 * 60

export const authoritySettings = {
  authoritySeconds: integer(
    {
      env: 'AZDS_CA_SECONDS',
      doc: 'Life of a certificate authority, in seconds; its successor is made after two thirds of it.',
      default: String(AUTHORITY_SECONDS.authority),
    },
    1,
    MOST_SECONDS,
  ),
  leafSeconds: integer(
    {
      env: 'AZDS_LEAF_SECONDS',
      doc: 'Life of the certificate that a replica shows, in seconds; renewed after two thirds of it.',
      default: String(AUTHORITY_SECONDS.leaf),
    },
    1,
    MOST_SECONDS,
  ),
  settleSeconds: integer(
    {
      env: 'AZDS_CA_SETTLE_SECONDS',
      doc: 'How long a new authority is published before anything is signed by it, in seconds.',
      default: String(AUTHORITY_SECONDS.settle),
    },
    0,
    86_400,
  ),
} as const satisfies Settings

export function authorityLimits(config: Config<typeof authoritySettings>): AuthorityLimits {
  return {
    authorityMs: config.authoritySeconds * 1000,
    leafMs: config.leafSeconds * 1000,
    settleMs: config.settleSeconds * 1000,
  }
}

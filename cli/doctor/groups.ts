/** All groups of checks, in the order in which they run: each builds on those before it. */
import type { Group } from './check.ts'
import { API_CHECKS } from './groups/api.ts'
import { API_CERTIFICATE_CHECKS } from './groups/api-certificate.ts'
import { CERTIFICATE_CHECKS } from './groups/certificates.ts'
import { KUBERNETES_CHECKS } from './groups/kubernetes.ts'
import { LEFTOVER_CHECKS } from './groups/leftovers.ts'
import { PROGRAM_CHECKS } from './groups/programs.ts'
import { RIGHTS_CHECKS } from './groups/rights.ts'
import { SIDECAR_CHECKS } from './groups/sidecars.ts'
import { SPACE_CHECKS } from './groups/spaces.ts'
import { WEBHOOK_CHECKS } from './groups/webhook.ts'

export const GROUPS: readonly Group[] = [
  { name: 'kubernetes', checks: KUBERNETES_CHECKS },
  { name: 'installation', checks: PROGRAM_CHECKS },
  { name: 'rights', checks: RIGHTS_CHECKS },
  { name: 'webhook', checks: WEBHOOK_CHECKS },
  { name: 'certificates', checks: [...CERTIFICATE_CHECKS, ...API_CERTIFICATE_CHECKS] },
  { name: 'api', checks: API_CHECKS },
  { name: 'spaces', checks: SPACE_CHECKS },
  { name: 'sidecars', checks: SIDECAR_CHECKS },
  { name: 'left-overs', checks: LEFTOVER_CHECKS },
]

/** Whether the API server can trust azds-api, and for how long. The controller makes its certificate, azds-api registers it. */
import { createPrivateKey, type X509Certificate } from 'node:crypto'
import type { Secret } from '../../../core/kube/types.ts'
import { API_CERTIFICATE_SECRET, API_SERVICE } from '../../../core/names.ts'
import { getOrNull } from '../../api-resources.ts'
import { type Check, failure, type Outcome, ok, skipped, warning } from '../check.ts'
import type { DoctorFacts } from '../facts.ts'
import { decoded, parsed } from '../pem.ts'

const DAY_MS = 86_400_000
/** What azds-api can take; a Secret keeps its type for ever. */
const TYPE = 'kubernetes.io/tls'
/** Renewed after a third of its life; where half of it is over, nobody does that. */
const OVERDUE_AT = 1 / 2
/** As that of the webhook’s authority: the next one is announced four months before. */
const LITTLE_DAYS = 30

const WITHOUT_API = 'the installation does without azds-api'

export const API_CERTIFICATE_CHECKS: readonly Check[] = [
  {
    id: 'api-certificate',
    title: 'azds-api has a certificate for its name, with time left',
    admin: true,
    after: ['installed'],
    async run(facts) {
      if (!(await facts.apiService())) return skipped(WITHOUT_API)
      const { namespace } = await facts.installed()
      const name = `${namespace}/${API_CERTIFICATE_SECRET}`
      const found = await secretOf(facts, namespace)
      const made = `the controller makes it within seconds where it runs and may: kubectl -n ${namespace} logs deployment/azds-controller`
      if (!found) return failure(`the Secret ${name} is gone, so that azds-api cannot start`, made)
      const anew = `kubectl -n ${namespace} delete secret ${API_CERTIFICATE_SECRET}; the controller makes another at once`
      const { type = 'Opaque' } = found
      if (type !== TYPE) {
        return failure(
          `the Secret ${name} is of type ${type} and not ${TYPE}, which cannot be changed, so that the controller cannot renew what is in it`,
          anew,
        )
      }
      const leaf = leafIn(found)
      if (!leaf) {
        return failure(`the Secret ${name} holds no certificate with its key and authority`, anew)
      }
      const host = `${API_SERVICE}.${namespace}.svc`
      if (leaf.checkHost(host) === undefined)
        return failure(`the certificate in ${name} is not for ${host}`, anew)
      return timeLeft(leaf, facts.now(), made)
    },
  },
  {
    id: 'api-ca-bundle',
    title: 'the API server knows azds-api’s authority',
    admin: true,
    after: ['api-certificate'],
    async run(facts) {
      const registration = await facts.apiService()
      if (!registration) return skipped(WITHOUT_API)
      const { namespace } = await facts.installed()
      const next = `azds-api writes it within a second where it runs; else kubectl -n ${namespace} rollout restart deployment azds-api`
      const { caBundle, insecureSkipTLSVerify } = registration.spec
      if (insecureSkipTLSVerify) {
        return failure(
          'the APIService v1.azds.io has insecureSkipTLSVerify, so that anybody between them may answer for azds-api',
          'put it back: azds upgrade (or helm upgrade, where Helm installed it)',
        )
      }
      if (!caBundle) return failure('caBundle of the APIService v1.azds.io is empty', next)
      const known = parsed(decoded(caBundle)) ?? []
      if (known.length === 0)
        return failure('caBundle of the APIService v1.azds.io holds no certificate', next)
      const secret = await secretOf(facts, namespace)
      const leaf = secret && leafIn(secret)
      if (!leaf || !known.some((authority) => isSignedBy(leaf, authority))) {
        return failure(
          'caBundle of the APIService v1.azds.io has another authority than the one that signs for azds-api',
          next,
        )
      }
      const days = daysBetween(
        facts.now(),
        Math.max(...known.map(({ validTo }) => Date.parse(validTo))),
      )
      if (days >= LITTLE_DAYS) return ok(`${days} days`)
      return warning(
        `the authority ends in ${days} days, and no other is announced`,
        `ask for a new one: kubectl -n ${namespace} annotate secret azds-controller-ca azds.io/rotate=now --overwrite`,
      )
    },
  },
]

function secretOf({ client }: DoctorFacts, namespace: string): Promise<Secret | null> {
  const path = `/api/v1/namespaces/${namespace}/secrets/${API_CERTIFICATE_SECRET}`
  return getOrNull<Secret>(client, path)
}

/** The certificate that azds-api shows; null where the Secret holds none that could be shown. */
function leafIn({ data = {} }: Secret): X509Certificate | null {
  const [leaf] = parsed(decoded(data['tls.crt'])) ?? []
  const authorities = parsed(decoded(data['ca.crt'])) ?? []
  if (!leaf || authorities.length === 0) return null
  try {
    return leaf.checkPrivateKey(createPrivateKey(decoded(data['tls.key']))) ? leaf : null
  } catch {
    return null
  }
}

function isSignedBy(leaf: X509Certificate, authority: X509Certificate): boolean {
  return leaf.checkIssued(authority) && leaf.verify(authority.publicKey)
}

function timeLeft(leaf: X509Certificate, now: number, next: string): Outcome {
  const [from, to] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)]
  if (now >= to) return failure(`it has expired on ${leaf.validTo}`, next)
  if (now < from) return failure(`it is not valid before ${leaf.validFrom}`, next)
  const days = daysBetween(now, to)
  if (now - from < (to - from) * OVERDUE_AT) return ok(`${days} days`)
  return warning(`it ends in ${days} days, and should have been renewed before`, next)
}

const daysBetween = (from: number, to: number): number => Math.floor((to - from) / DAY_MS)

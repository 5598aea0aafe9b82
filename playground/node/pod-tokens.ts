/** The tokens in a pod's volumes: asked for once, and again when most of their time is over. */
import type { KubeClient } from '../../core/kube/client.ts'
import type { PodView } from './pod-view.ts'
import { type TokenSource, tokenSources } from './volume-files.ts'

export interface IssuedToken {
  token: string
  /** In ms since 1970. */
  expires: number
}

export type RequestToken = (pod: PodView, source: TokenSource) => Promise<IssuedToken>

/** Share of its lifetime after which a token is replaced. */
const RENEW_AT = 0.8
/** Lifetime (s) of a token whose source names none. */
const DEFAULT_SECONDS = 3600

export class PodTokens {
  readonly #request: RequestToken
  readonly #now: () => number
  readonly #tokens = new Map<string, { token: string; renewAt: number }>()

  constructor(request: RequestToken, now: () => number) {
    this.#request = request
    this.#now = now
  }

  /** Asks for those that are missing or due. Rejects if one cannot be had; the others stay as they are. */
  async refresh(pod: PodView): Promise<void> {
    for (const source of tokenSources(pod)) {
      const known = this.#tokens.get(keyOf(source))
      const now = this.#now()
      if (known && now < known.renewAt) continue
      const { token, expires } = await this.#request(pod, source)
      this.#tokens.set(keyOf(source), { token, renewAt: now + (expires - now) * RENEW_AT })
    }
  }

  get(source: TokenSource): string | null {
    return this.#tokens.get(keyOf(source))?.token ?? null
  }

  /** When the first of them is due, in ms since 1970; null if there are none. */
  get nextRenewal(): number | null {
    const times = [...this.#tokens.values()].map(({ renewAt }) => renewAt)
    return times.length > 0 ? Math.min(...times) : null
  }
}

function keyOf({ audience = '', expirationSeconds = DEFAULT_SECONDS }: TokenSource): string {
  return `${expirationSeconds} ${audience}`
}

/** Asks the API server for a token that ends with the pod. */
export function tokenRequester(client: KubeClient): RequestToken {
  return async ({ metadata, spec }, { audience, expirationSeconds = DEFAULT_SECONDS }) => {
    const account = spec.serviceAccountName ?? 'default'
    const path = `/api/v1/namespaces/${metadata.namespace}/serviceaccounts/${account}/token`
    const { status } = await client.create<{
      status: { token: string; expirationTimestamp: string }
    }>(path, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        ...(audience && { audiences: [audience] }),
        expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: metadata.name, uid: metadata.uid },
      },
    })
    return { token: status.token, expires: Date.parse(status.expirationTimestamp) }
  }
}

/** Puts `azds-api` together: its certificate and registration, how it knows the API server, and its server. */
import type { AddressInfo, LookupFunction } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { applySecureContext } from '../../core/authority/leaf.ts'
import { keepPublished } from '../../core/authority/publish.ts'
import { authorityLimits } from '../../core/authority/settings.ts'
import { boundConnections } from '../../core/bounded-connections.ts'
import { closable, endOf } from '../../core/close-server.ts'
import { watchCache } from '../../core/kube/cache.ts'
import type { KubeClient } from '../../core/kube/client.ts'
import type { KubeObject } from '../../core/kube/types.ts'
import { Readiness, type Stoppable } from '../../core/lifecycle.ts'
import { type Bound, listenOn } from '../../core/listen.ts'
import type { Log } from '../../core/log.ts'
import { API_GROUP, API_VERSION, CONTROLLER_SERVICE } from '../../core/names.ts'
import { createTokenReview } from '../auth/token-review.ts'
import type { ControllerConfig } from '../config.ts'
import { createApiMetrics } from '../metrics.ts'
import { createAccessReview } from './access-review.ts'
import { createForward } from './forward.ts'
import {
  type AuthenticationConfigMap,
  FRONT_PROXY_KEY,
  FRONT_PROXY_PATH,
  type FrontProxy,
  frontProxyOf,
} from './front-proxy.ts'
import { followHandedCertificate, type HandedCertificate } from './handed-certificate.ts'
import { createApiServer } from './server.ts'
import { tokenFile } from './token-file.ts'

export interface ApiOptions {
  config: ControllerConfig
  kube: KubeClient
  log: Log
  /** Monotonic time in ms. */
  now?: () => number
  /** How the controller's name is looked up; default: by the system. */
  lookup?: LookupFunction
}

export interface RunningApi extends Stoppable {
  address: Bound
}

type ApiServiceObject = KubeObject & { spec?: { caBundle?: string } }

const REGISTRATION = `${API_VERSION}.${API_GROUP}`
const REGISTRATIONS = '/apis/apiregistration.k8s.io/v1/apiservices'
const MANAGER = 'azds-api'
/** Open requests get this much longer (ms), watches among them, which have no end of their own. */
const CLOSE_MS = 1000

/** Most connections at once, of 64 KB each: every watch of the API servers' clients takes one, and all pods may reach us. */
const MAX_CONNECTIONS = 1024

/** Resolves once it listens, which takes a certificate: it waits until the controller has handed one over. */
export async function startApi(options: ApiOptions): Promise<RunningApi> {
  const { config, kube, log, now = () => performance.now() } = options
  const readiness = new Readiness()
  const metrics = createApiMetrics()
  const identity = await followHandedCertificate(kube, config.namespace, log)
  metrics.expiry(identity.expiry())

  const proxies = followFrontProxy(kube, log, readiness.task('front proxy of the API server'))
  const registered = readiness.task(`caBundle of APIService ${REGISTRATION}`)
  const registration = keepRegistered({ config, kube, log, now }, identity, {
    onPublished: registered,
    onRepaired: metrics.repair,
  })
  const forward = createForward({
    controllerUrl: config.controllerUrl ?? `https://${CONTROLLER_SERVICE}.${config.namespace}.svc`,
    authorities: identity.bundle,
    token: tokenFile(config.controllerTokenFile, now),
    onError: (error) => log.warn({ error: error.message }, 'the controller does not answer'),
    lookup: options.lookup,
  })
  const server = createApiServer({
    leaf: identity.leaf(),
    frontProxy: proxies.current,
    reviewToken: createTokenReview({
      client: kube,
      audience: null,
      now,
      wallClock: () => Date.now(),
      // It follows no pods, and people's tokens belong to none.
      isFollowed: () => false,
      onError: (error) => log.warn({ error: error.message }, 'tokens cannot be reviewed'),
    }).review,
    reviewAccess: createAccessReview(kube, now, (error) =>
      log.warn({ error: error.message }, 'rights are not known'),
    ),
    forward,
    readiness,
    metrics,
    onAnswer: metrics.answer,
    now: () => new Date(),
    log,
  })
  boundConnections(server, {
    ...{ most: MAX_CONNECTIONS, now, log },
    onClosed: metrics.connectionClosed,
  })
  const end = endOf(closable(server))
  const secure = () => applySecureContext(server, identity.leaf(), proxies.authorities())
  secure()
  proxies.onChange(secure)
  identity.onChange(() => {
    secure()
    registration.look()
    metrics.expiry(identity.expiry())
  })

  const stop = () => {
    registration.stop()
    proxies.stop()
    identity.close()
    forward.close()
  }
  try {
    await listenOn(server, config.host, config.apiPort)
  } catch (error) {
    stop()
    throw error
  }
  const { address, port } = server.address() as AddressInfo
  return {
    address: { host: address, port },
    async close() {
      readiness.drain()
      await sleep(config.apiDrainSeconds * 1000)
      await end(CLOSE_MS)
      stop()
    },
  }
}

function followFrontProxy(kube: KubeClient, log: Log, onKnown: () => void) {
  const maps = watchCache<AuthenticationConfigMap>(kube, FRONT_PROXY_PATH, log)
  let proxy: FrontProxy | null = null
  const listeners: (() => void)[] = []
  maps.onChange(({ key, now }) => {
    if (key !== FRONT_PROXY_KEY) return
    proxy = now && frontProxyOf(now)
    if (proxy) onKnown()
    else log.warn({ configMap: FRONT_PROXY_KEY }, 'it tells of no front proxy: tokens count alone')
    for (const listener of listeners) listener()
  })
  return {
    current: () => proxy,
    /** PEM texts; none means that no certificate of a client counts. */
    authorities: () => proxy?.authorities.map((authority) => authority.toString()) ?? [],
    onChange: (listener: () => void) => void listeners.push(listener),
    stop: () => maps.stop(),
  }
}

function keepRegistered(
  { config, kube, log, now }: Required<Pick<ApiOptions, 'config' | 'kube' | 'log' | 'now'>>,
  identity: HandedCertificate,
  told: { onPublished: () => void; onRepaired: () => void },
) {
  const path = `${REGISTRATIONS}?fieldSelector=metadata.name%3D${REGISTRATION}`
  const copies = watchCache<ApiServiceObject>(kube, path, log)
  const publication = keepPublished({
    client: kube,
    copies,
    name: REGISTRATION,
    path: `${REGISTRATIONS}/${REGISTRATION}`,
    placesIn: ({ spec }) => [{ pointer: '/spec/caBundle', live: spec?.caBundle }],
    bundle: identity.bundle,
    manager: MANAGER,
    settleMs: authorityLimits(config).settleMs,
    steady: now,
    log,
    ...told,
  })
  return {
    look: publication.look,
    stop() {
      publication.stop()
      copies.stop()
    },
  }
}

/**
 * The vocabulary that programs share: every label, annotation, header, port, container name and
 * environment variable that one program writes and another reads. Names that Azure Dev Spaces had
 * are kept, so that its labels, charts and habits go on working.
 */

/** The namespace of our own control plane, where nobody chose another. */
export const SYSTEM_NAMESPACE = 'azds'

/** Labels of namespaces and pods. */
export const LABEL = {
  /** Namespace: `true` makes it a space. */
  space: 'azds.io/space',
  /** Namespace: the name of the direct parent space. */
  parentSpace: 'azds.io/parent-space',
  /** Pod: `true` opts it out of injection. */
  noProxy: 'azds.io/no-proxy',
  /** Pod: `true` once it has been injected. */
  instrumented: 'azds.io/instrumented',
} as const

/** What every object of ours carries: label `app.kubernetes.io/part-of` with this value. */
export const PART_OF_LABEL = 'app.kubernetes.io/part-of'
export const PART_OF = 'azds'

/**
 * API group of what `azds-api` serves through the API server. Not `traces.azds.io`: in
 * `kubectl auth can-i get traces.azds.io` kubectl takes what follows the first dot for the group.
 */
export const API_GROUP = 'azds.io'
export const API_VERSION = 'v1'
/** Audience of the tokens that sidecars and the gateway show the controller. */
export const CONTROLLER_AUDIENCE = 'controller.azds.io'

/** Annotations of pods (those marked so are read from the namespace too; the pod's wins). */
export const ANNOTATION = {
  /** JSON `{"Limits": {...}, "Requests": {...}}` for the sidecar's resources. */
  proxyResources: 'azds.io/proxy-resources',
  /**
   * JSON that asks for an image build on the node; its keys are those of `BuildRequest` below. Such a pod is refused
   * unless the webhook has an image that builds (`AZDS_BUILD_IMAGE`); there is none yet.
   */
  build: 'azds.io/build',
  /** `native` or `classic`: overrides the layout that the webhook would choose. */
  layout: 'azds.io/sidecar-layout',
  /** Inbound ports that go straight to the app, whatever they carry: `3306,8000-8010`. */
  skipInboundPorts: 'azds.io/skip-inbound-ports',
  /**
   * Pod or namespace: inbound ports that carry no HTTP and go straight to the app, in place of the
   * well-known ones: `6379,7000-7010`; `none` or nothing: not even those.
   */
  opaquePorts: 'azds.io/opaque-ports',
  /** Outbound ports that go straight out. */
  skipOutboundPorts: 'azds.io/skip-outbound-ports',
  /** Source CIDRs whose inbound connections go straight to the app. */
  skipInboundCidrs: 'azds.io/skip-inbound-cidrs',
  /** Destination CIDRs to which connections go straight out. */
  skipOutboundCidrs: 'azds.io/skip-outbound-cidrs',
  /** Uids (besides the sidecar's) whose outbound connections go straight out. */
  skipOutboundUids: 'azds.io/skip-outbound-uids',
  /** Pod or namespace: how many bytes of each body a trace keeps, 0 to 65536. Default 0: none. */
  traceBodyBytes: 'azds.io/trace-body-bytes',
  /** Pod or namespace: `trace` to `fatal`, the sidecar's log level. */
  proxyLogLevel: 'azds.io/proxy-log-level',
  /** On the Secret of an authority: any new value asks for a new one now. */
  rotate: 'azds.io/rotate',
  /** Written by the webhook: JSON of what was injected (`InjectionStatus`). */
  status: 'azds.io/injection-status',
} as const

/**
 * The contract of a build container, which is still to come: what a pod asks for in `azds.io/build`.
 * `devspaces-build` fetches the source archive `source` from the controller's source store, builds
 * it and leaves `image` in the node's image store before the app's containers start.
 */
export interface BuildRequest {
  /** Identity of the uploaded source archive. */
  source: string
  /** Repository and tag to produce; a container of the pod must use exactly this image. */
  image: string
  /** Path of the Dockerfile inside the archive; default `Dockerfile`. */
  dockerfile?: string
  /** Folder of the build context inside the archive; default `.`. */
  context?: string
  /** Stage to build; default the last. */
  target?: string
  /** Build arguments. */
  args?: Record<string, string>
}

/** What `azds.io/injection-status` holds. */
export interface InjectionStatus {
  version: string
  layout: 'native' | 'classic'
  initContainers: string[]
  containers: string[]
  /** Volumes that only our containers mount. Absent before version 3. */
  volumes?: string[]
  /** Inbound ports that are not redirected. Absent in pods that were injected before version 2. */
  direct?: DirectPorts[]
  /** TCP probes that ask the sidecar's admin port in place of the app's own. Absent before version 3. */
  probes?: RewrittenProbe[]
}

/** A probe of the app that was `tcpSocket` and is `httpGet` of `TCP_PROBE_PATH`. */
export interface RewrittenProbe {
  container: string
  probe: 'startupProbe' | 'readinessProbe' | 'livenessProbe'
  /** The app's port. */
  port: number
}

/** Inbound ports whose connections go straight to the app, and the one reason why. */
export interface DirectPorts {
  /** `6379,7000-7010`. */
  ports: string
  /** One of the codes in `core/injection/reasons.ts`. */
  reason: string
  /** Where a Service's `appProtocol` is the reason: its name, and what it says. */
  service?: string
  appProtocol?: string
}

/** Header names, in lower case. */
export const HEADER = {
  /** The space that a request belongs to. */
  routeAs: 'azds-route-as',
  /** How many sidecars have sent this request on; absent means that it comes from outside. */
  hop: 'azds-hop',
  /** Marks an answer that a sidecar made itself; the value is one of the error codes. */
  proxyError: 'azds-proxy-error',
  /** Trace id and parent span, as in https://www.w3.org/TR/trace-context/. */
  traceparent: 'traceparent',
  /** Carries the space as a member too, as in https://www.w3.org/TR/baggage/. */
  baggage: 'baggage',
} as const

/** Baggage member and cookie that carry the space, named as the header. */
export const ROUTE_AS_MEMBER = 'azds-route-as'

/** A request with more hops than this is in a loop and gets 508. */
export const MAX_HOPS = 8

/** Ports of the sidecar inside a pod. None of them may be a port of the app. */
export const PORT = {
  /** Connections that leave the pod (OUTPUT is redirected here). */
  outbound: 15001,
  /** Connections that come to the pod (PREROUTING is redirected here). */
  inbound: 15006,
  /** `/live`, `/ready`, `/metrics`, `/routes`, and `TCP_PROBE_PATH`. */
  admin: 15020,
} as const

/** On the admin port: `GET /tcp/8080` is answered 200 while the app takes connections on its port 8080, else 503. */
export const TCP_PROBE_PATH = '/tcp/'

/** Ports of the control plane's services. */
export const CONTROLLER_PORT = 8080
/** Metrics of the webhook, apart from its admission. */
export const WEBHOOK_METRICS_PORT = 8080
/** Port on which the proxy listens when it runs as the preview-URL gateway. */
export const GATEWAY_PORT = 8000

/** Where the controller serves sidecars by TLS, and the aggregated API listens. */
export const CONTROLLER_TLS_PORT = 8443
/**
 * Of the webhook and of `azds-api`: the API server of a private GKE cluster reaches pods on 443 and on
 * this one only, without a firewall rule of the admin's.
 */
export const API_SERVER_FACING_PORT = 10250

/** Objects of the control plane in its namespace. */
export const CONTROLLER_SERVICE = 'azds-controller'
export const WEBHOOK_SERVICE = 'azds-webhook-service'
export const WEBHOOK_CONFIGURATION = 'azds-webhook'
export const WEBHOOK_CA_SECRET = 'azds-webhook-ca'
export const GATEWAY_SERVICE = 'azds-gateway'
/** Serves group `azds.io` to the API server: two replicas, so that discovery never fails. */
export const API_SERVICE = 'azds-api'
/** Authority of the controller's and `azds-api`'s certificates. */
export const CONTROLLER_CA_SECRET = 'azds-controller-ca'
/**
 * Stays in our namespace when Helm takes everything else away: by it the chart and `azds install` know again a
 * namespace that was ours, which Helm made without a label.
 */
export const NAMESPACE_MARK = 'azds-namespace'
/** In which the controller hands `azds-api` its certificate. */
export const API_CERTIFICATE_SECRET = 'azds-api-tls'
/** In every space: `ca.crt`, the certificates by which sidecars know the controller. */
export const CA_CONFIG_MAP = 'azds-ca'

/**
 * Volume with which a sidecar proves who it is: `token` and `ca.crt`. It is mounted where Kubernetes would
 * mount the pod's API token, which is so kept out of our containers.
 */
export const IDENTITY_VOLUME = 'azds-identity'
export const IDENTITY_DIR = '/var/run/secrets/kubernetes.io/serviceaccount'

/** The uid as which the sidecar runs; its own traffic is never redirected. */
export const PROXY_UID = 1337
/** Uids to choose from when the app itself runs as `PROXY_UID`. */
export const ALTERNATIVE_PROXY_UIDS = [1338, 1339, 1340, 1341] as const

/**
 * Flags of Node with which the sidecar's image starts it. V8's own collector, when it is called at rest, halves
 * what a sidecar keeps after a burst; without the flag all else works.
 */
export const PROXY_NODE_FLAGS = ['--expose-gc'] as const

/**
 * Flags of Node with which the webhook's image starts it. What a review leaves behind is dead at once, and a nursery
 * smaller than V8's own 16 MB keeps it from becoming memory. Not as small as can be: what is still in use each time
 * that it is full grows old, and when all that is old is collected, a dozen reviews wait: with 1 MB and
 * `--optimize-for-size` their p99 was half as long again as with 4. With 2 MB it is that of 4, and memory 8 MB less.
 */
export const WEBHOOK_NODE_FLAGS = ['--max-semi-space-size=2'] as const

/**
 * What the webhook's image sets besides. Each of V8's threads that compile and mark would have a heap of libc's of its
 * own, of which nothing comes back: one for all is 6 MB less at the same speed. musl has no such thing.
 */
export const WEBHOOK_ENV = { MALLOC_ARENA_MAX: '1' } as const

/**
 * Flags of Node with which the controller's image starts it. A herd of 1,000 sidecars takes 60 MB less with a small
 * nursery, and no more of the processor. What changes send past it is let grow to 160 MB by V8 before it looks, of
 * which 45 are in use: it looks when the heap has grown by 60 % instead, which is 90 MB less in a cluster that changes
 * all the time, for 3 ms of the 55 that a change takes. With 30 % it would be 10 MB less again, for 8 ms.
 */
export const CONTROLLER_NODE_FLAGS = [
  '--max-semi-space-size=1',
  '--heap-growing-percent=60',
] as const

/** Names of the injected containers. */
export const CONTAINER = {
  proxyInit: 'devspaces-proxy-init',
  proxy: 'devspaces-proxy',
  build: 'devspaces-build',
} as const

/** Names of the iptables chains that proxy-init owns in the nat table. */
export const CHAIN = {
  inbound: 'AZDS_INBOUND',
  outbound: 'AZDS_OUTBOUND',
  inboundRedirect: 'AZDS_IN_REDIRECT',
  outboundRedirect: 'AZDS_OUT_REDIRECT',
} as const

/** Environment variables that the webhook writes into injected containers. */
export const ENV = {
  /** Name of the pod (downward API). */
  podName: 'AZDS_POD_NAME',
  /** Namespace of the pod (downward API), that is, its space. */
  podNamespace: 'AZDS_POD_NAMESPACE',
  /** IPs of the pod, comma-separated (downward API). */
  podIps: 'AZDS_POD_IPS',
  /** Name of what owns the pod, e.g. the Deployment; the pod's own name if nothing does. */
  workload: 'AZDS_WORKLOAD',
  /** The space and its ancestors, nearest first: `alice,dev`. */
  spaceChain: 'AZDS_SPACE_CHAIN',
  clusterDomain: 'AZDS_CLUSTER_DOMAIN',
  controllerUrl: 'AZDS_CONTROLLER_URL',
  proxyUid: 'AZDS_PROXY_UID',
  outboundPort: 'AZDS_OUTBOUND_PORT',
  inboundPort: 'AZDS_INBOUND_PORT',
  adminPort: 'AZDS_ADMIN_PORT',
  traceBodyBytes: 'AZDS_TRACE_BODY_BYTES',
  logLevel: 'AZDS_LOG_LEVEL',
  /** Inbound ports that the webhook has found to carry no HTTP. */
  opaquePorts: 'AZDS_OPAQUE_PORTS',
  skipInboundPorts: 'AZDS_SKIP_INBOUND_PORTS',
  skipOutboundPorts: 'AZDS_SKIP_OUTBOUND_PORTS',
  skipInboundCidrs: 'AZDS_SKIP_INBOUND_CIDRS',
  skipOutboundCidrs: 'AZDS_SKIP_OUTBOUND_CIDRS',
  skipOutboundUids: 'AZDS_SKIP_OUTBOUND_UIDS',
  /** Ports of the app about which rewritten TCP probes ask: `8080,9090`. */
  tcpProbes: 'AZDS_TCP_PROBES',
  /** JSON of the pod's `BuildRequest`. */
  buildRequest: 'AZDS_BUILD_REQUEST',
} as const

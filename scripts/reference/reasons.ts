/** docs/reference/reasons.md: why a request went where it went, and why a pod or a port was left alone. */
import { CONTEXT_SOURCES } from '../../core/context.ts'
import { AUDIT_FAULT, DIRECT_REASON, SKIP_REASON } from '../../core/injection/reasons.ts'
import { ANNOTATION } from '../../core/names.ts'
import { ROUTE_REASON } from '../../core/route-reason.ts'
import { HTTP_PROTOCOLS, OPAQUE_PROTOCOLS } from '../../webhook/inject/inbound-ports.ts'
import { code, page, section, sentence, table } from './markdown.ts'

const INBOUND_PORTS = `Connections to such a port reach the app itself, which sees its client's address. They are not traced and not routed on
this side; a caller's sidecar records them as \`tcp\`. The first reason that holds is told by \`azds inspect\`, by the
webhook's log, and in the pod's annotation ${code(ANNOTATION.status)}. Between \`opaque-ports\` and \`app-protocol\` stands
what makes a port carry HTTP after all: a Service whose \`appProtocol\` is one of HTTP; and after \`app-protocol\`: a port of a
Service or a container whose name begins with \`http\`, \`grpc\` or \`h2c\`. It is decided once, when the pod is made: a Service that
comes or changes later counts for the pods that are made then.`

const APP_PROTOCOLS = [
  ['of HTTP', HTTP_PROTOCOLS.map(code).join(', ')],
  ['of no HTTP', OPAQUE_PROTOCOLS.map(code).join(', ')],
  ['that say nothing', 'any other, and none'],
]

const rowsOf = (reasons: Record<string, string>) =>
  Object.entries(reasons).map(([name, doc]) => [code(name), sentence(doc)])

export function reasonsPage(): string {
  return page(
    'Reasons',
    '`core/route-reason.ts` and `core/injection/reasons.ts`',
    section(
      'Why a request went where it went',
      `Every trace record has one of these, with the space that the request belongs to and the source that named it: the first\nof ${CONTEXT_SOURCES.map(code).join(', ')}; \`none\` if none did.`,
      table(['Reason', 'Meaning'], rowsOf(ROUTE_REASON)),
    ),
    section(
      'Why a pod was not injected',
      'The webhook’s log and metrics have the code; `azds inspect` tells it before a pod is created.',
      table(['Reason', 'Meaning'], rowsOf(SKIP_REASON)),
    ),
    section(
      'What is wrong with a pod that runs',
      'The controller’s sweep, `azds list-up` and `azds doctor` tell it. A pod that is left alone on purpose has one of the reasons above.',
      table(['Finding', 'Meaning'], rowsOf(AUDIT_FAULT)),
    ),
    section(
      'Why an inbound port is not redirected',
      INBOUND_PORTS,
      table(['Reason', 'Meaning'], rowsOf(DIRECT_REASON)),
      table(['Values of `appProtocol`', 'Upper and lower case are the same'], APP_PROTOCOLS),
    ),
  )
}

/** docs/reference/reasons.md: why a request went where it went, and why a pod was left alone. */
import { CONTEXT_SOURCES } from '../../core/context.ts'
import { ROUTE_REASON } from '../../core/route-reason.ts'
import { SKIP_REASON } from '../../webhook/inject/reasons.ts'
import { code, page, section, sentence, table } from './markdown.ts'

const rowsOf = (reasons: Record<string, string>) =>
  Object.entries(reasons).map(([name, doc]) => [code(name), sentence(doc)])

export function reasonsPage(): string {
  return page(
    'Reasons',
    '`core/route-reason.ts` and `webhook/inject/reasons.ts`',
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
  )
}

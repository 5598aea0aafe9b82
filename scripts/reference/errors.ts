/** docs/reference/errors.md: what a sidecar answers or records when an exchange fails. */
import { ERROR, type ErrorKind } from '../../core/errors.ts'
import { HEADER } from '../../core/names.ts'
import { code, page, table } from './markdown.ts'

export function errorsPage(): string {
  const rows = Object.entries<ErrorKind>(ERROR).map(([name, { status, meaning, next }]) => [
    code(name),
    status === null ? 'none' : String(status),
    meaning,
    next,
  ])
  return page(
    'Errors',
    '`core/errors.ts`',
    `An answer that a sidecar made itself carries the code in the header \`${HEADER.proxyError}\`; the trace has the code and a\nmessage with the details. Where the status is “none” no answer could be given any more.`,
    table(['Code', 'Status', 'What happened', 'What to do'], rows),
  )
}

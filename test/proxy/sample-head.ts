/** Request heads for tests, made from a line and some fields. */
import type { HeaderList } from '../../core/trace-record.ts'
import type { RequestHead, ResponseHead } from '../../proxy/exchange.ts'

export function requestHead(
  fields: Record<string, string> | HeaderList = {},
  line: { method?: string; target?: string; version?: '1.0' | '1.1' } = {},
): RequestHead {
  const list = headerList(fields)
  return { method: 'GET', target: '/', version: '1.1', ...line, ...list }
}

export function responseHead(status: number, fields: Record<string, string> = {}): ResponseHead {
  return { status, version: '1.1', ...headerList(fields) }
}

function headerList(fields: Record<string, string> | HeaderList) {
  const headers: HeaderList = Array.isArray(fields) ? fields : Object.entries(fields)
  const values = (name: string) =>
    headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value)
  return {
    headers: () => headers,
    header: (name: string) => values(name)[0] ?? null,
    values,
  }
}

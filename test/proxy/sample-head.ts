/** Request heads for tests, made from a line and some fields. */
import type { HeaderList } from '../../core/trace-record.ts'
import type { RequestHead, ResponseHead } from '../../proxy/exchange.ts'

export function requestHead(
  fields: Record<string, string> = {},
  line: { method?: string; target?: string; version?: '1.0' | '1.1' } = {},
): RequestHead {
  const list = headerList(fields)
  return { method: 'GET', target: '/', version: '1.1', ...line, ...list }
}

export function responseHead(status: number, fields: Record<string, string> = {}): ResponseHead {
  return { status, version: '1.1', ...headerList(fields) }
}

function headerList(fields: Record<string, string>) {
  const headers: HeaderList = Object.entries(fields)
  return {
    headers: () => headers,
    header: (name: string) => headers.find(([key]) => key.toLowerCase() === name)?.[1] ?? null,
  }
}

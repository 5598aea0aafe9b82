/**
 * Fields that are another one's with each request and that nobody reads on the way: ids of traces and of requests. Heads
 * that differ in nothing but such values, each as long as the other, have the same parts and mean the same to
 * everybody who frames, plans and routes. Of `traceparent` the planner reads the ids, from each head itself.
 */
import { isBlank, VALUE } from './characters.ts'

/** Lower-case names. None may be one that `framing-fields.ts`, `h2c-offer.ts` or `SaidByFields` speak of. */
export const VARYING: ReadonlySet<string> = new Set([
  ...['traceparent', 'tracestate', 'b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid'],
  ...['uber-trace-id', 'sentry-trace', 'elastic-apm-traceparent', 'x-amzn-trace-id'],
  ...['x-cloud-trace-context', 'x-datadog-trace-id', 'x-datadog-parent-id'],
  ...['x-request-id', 'x-correlation-id'],
])

const LONGEST_NAME = Math.max(...Array.from(VARYING, ({ length }) => length))

/**
 * Where the values of such fields stand, start and end of each in order.
 * @param offsets four for each field, as in `FieldSet`
 */
export function varyingValues(offsets: readonly number[], bytes: Buffer): readonly number[] {
  const found: number[] = []
  for (let i = 0; i < offsets.length; i += 4) {
    const [name = 0, nameEnd = 0, value = 0, valueEnd = 0] = offsets.slice(i, i + 4)
    if (nameEnd - name > LONGEST_NAME || value === valueEnd) continue
    if (VARYING.has(bytes.toString('latin1', name, nameEnd).toLowerCase()))
      found.push(value, valueEnd)
  }
  return found
}

/** True if these bytes are a whole value, which begins and ends where they do. */
export function isWholeValue(buffer: Buffer, from: number, to: number): boolean {
  if (isBlank(buffer[from] as number) || isBlank(buffer[to - 1] as number)) return false
  for (let i = from; i < to; i++) if (VALUE[buffer[i] as number] !== 1) return false
  return true
}

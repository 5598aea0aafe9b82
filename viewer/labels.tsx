/** Small marks that many places show: a space's name in its colour, a status in its class. */
import type { TraceRecord } from '../core/trace-record.ts'
import type { HopEnd } from '../core/trace-tree.ts'

/** Hues that are told apart at a glance, away from the red and green that mean bad and good. */
const HUES = [215, 275, 180, 320, 48, 245, 195, 295]

/** The same space has the same colour everywhere, from its name alone. */
function hueOf(name: string): number {
  // FNV-1a: names that differ in one letter end far apart.
  let hash = 0x811c9dc5
  for (const char of name) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0
  return HUES[hash % HUES.length] ?? 0
}

export function SpaceLabel({ name }: { name: string }) {
  return (
    <span class="space" style={{ '--hue': String(hueOf(name)) }}>
      {name}
    </span>
  )
}

export function End({ end }: { end: HopEnd }) {
  return (
    <span class="end">
      {end.name}
      {end.space !== null && <SpaceLabel name={end.space} />}
    </span>
  )
}

type StatusProps = { status: number | null; error: TraceRecord['error']; protocol: string }

/** An exchange without a status has its error's code, or the protocol that knows no status. */
export function Status({ status, error, protocol }: StatusProps) {
  if (status === null) {
    const text = error ? error.code : protocol
    return <span class={`status ${error ? 'bad' : 'plain'}`}>{text}</span>
  }
  const kind = status >= 500 ? 'bad' : status >= 400 ? 'warn' : 'good'
  return (
    <span class={`status ${error ? 'bad' : kind}`} title={error?.code}>
      {status}
      {error && status < 400 ? ' !' : ''}
    </span>
  )
}

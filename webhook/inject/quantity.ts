/**
 * Kubernetes quantities (`150m`, `200Mi`, `1e3`) as numbers, and back for people.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */

const SUFFIX: Record<string, number> = {
  '': 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** Null if the text is not a positive quantity. */
export function quantity(text: string): number | null {
  const value = unsigned(text)
  return value !== null && value > 0 ? value : null
}

/** Of what the API server has accepted, also a bare number; null for anything else. */
export function amountOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'string') return null
  const negative = value.startsWith('-')
  const amount = unsigned(value.replace(/^[+-]/, ''))
  return amount !== null && negative ? -amount : amount
}

function unsigned(text: string): number | null {
  const match = /^(\d+(?:\.\d*)?|\.\d+)(?:([eE][+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i)?)$/.exec(text)
  return match && Number(`${match[1]}${match[2] ?? ''}`) * (SUFFIX[match[3] ?? ''] ?? 1)
}

/** `150m` of CPU, `200Mi` of anything else: as people write it, rounded to what they would. */
export function describeAmount(resource: string, amount: number): string {
  if (resource === 'cpu') return amount % 1 === 0 ? `${amount}` : `${Math.round(amount * 1000)}m`
  const unit = (['Gi', 'Mi', 'Ki'] as const).find((suffix) => amount % (SUFFIX[suffix] ?? 1) === 0)
  if (amount === 0 || !unit) return `${Math.round(amount)}`
  return `${amount / (SUFFIX[unit] ?? 1)}${unit}`
}

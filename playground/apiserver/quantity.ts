/** Kubernetes quantities (`100m`, `1.5`, `2Gi`, `3e3`): read into thousandths, compared, written back. */

const SUFFIXES: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
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
const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:e([+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/i

/** The value of a quantity; NaN for what is none. */
export function quantity(given: unknown): number {
  const match = QUANTITY.exec(String(given ?? ''))
  if (!match) return Number.NaN
  const [, number = '', exponent, suffix = ''] = match
  if (exponent !== undefined) return Number(number) * 10 ** Number(exponent)
  return Number(number) * (SUFFIXES[suffix] ?? Number.NaN)
}

const BINARY = ['Ei', 'Pi', 'Ti', 'Gi', 'Mi', 'Ki']

/** As short as it can be said exactly: memory in powers of 1024, everything else in thousandths. */
export function writeQuantity(resource: string, value: number): string {
  if (/memory|storage/.test(resource)) {
    const suffix = BINARY.find((one) => value !== 0 && value % (SUFFIXES[one] ?? 1) === 0) ?? ''
    return `${value / (SUFFIXES[suffix] ?? 1)}${suffix}`
  }
  const thousandths = Math.round(value * 1000)
  return thousandths % 1000 === 0 ? String(thousandths / 1000) : `${thousandths}m`
}

/**
 * The functions of a template that azds knows: those of Go and of Helm's library which our chart uses,
 * each with the arguments in their order. A function that is not here is an error, never an empty text.
 */
import { createHash } from 'node:crypto'
import { readYaml, toYaml } from './yaml.ts'

type Fn = (...args: unknown[]) => unknown

/** What Go takes for true: everything but false, 0 and what is empty. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (isMap(value)) return Object.keys(value).length > 0
  return Boolean(value)
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** How a value is printed. Throws for lists and maps: their form in Go is of no use in a manifest. */
export function asText(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'object' || typeof value === 'function') {
    throw new Error('a list or map cannot be printed as it is: use toYaml')
  }
  return String(value)
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  throw new Error(`expected a text, got ${describe(value)}`)
}

function mapOf(value: unknown): Record<string, unknown> {
  if (isMap(value)) return value
  throw new Error(`expected a map, got ${describe(value)}`)
}

function listOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  throw new Error(`expected a list, got ${describe(value)}`)
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  return isMap(value) ? 'a map' : `${typeof value} ${JSON.stringify(value)}`
}

function wholeOf(value: unknown): number {
  if (value === null || value === undefined || value === '') return 0
  const number = Math.trunc(Number(value))
  // Helm's `int` makes 0 of what is no number.
  return Number.isFinite(number) ? number : 0
}

function pad(width: number, text: string): string {
  const blanks = ' '.repeat(width)
  return blanks + text.replaceAll('\n', `\n${blanks}`)
}

/** Go's `%q` for the texts of a manifest. */
function quoted(value: unknown): string {
  return JSON.stringify(typeof value === 'string' ? value : asText(value))
}

function formatted(format: string, args: unknown[]): string {
  let next = 0
  const text = format.replace(/%(.)/g, (whole, verb: string) => {
    if (verb === '%') return '%'
    if (next >= args.length) throw new Error(`printf "${format}" has too few values`)
    const value = args[next++]
    if (verb === 's' || verb === 'v') return asText(value)
    if (verb === 'd') return String(wholeOf(value))
    if (verb === 'q') return quoted(value)
    throw new Error(`printf does not know ${whole} here`)
  })
  if (next < args.length) throw new Error(`printf "${format}" has too many values`)
  return text
}

function equal(first: unknown, ...others: unknown[]): boolean {
  return others.some((other) => (first ?? null) === (other ?? null))
}

/** -1, 0 or 1; texts and numbers only. */
function order(a: unknown, b: unknown): number {
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : Number(a > b)
  return Math.sign(Number(a) - Number(b))
}

function sliced(length: number, text: string): string {
  return length < 0 ? text.slice(length) : text.slice(0, length)
}

function item(from: unknown, ...keys: unknown[]): unknown {
  return keys.reduce(
    (value, key) => (Array.isArray(value) ? value[wholeOf(key)] : mapOf(value)[asText(key)]),
    from,
  )
}

/** As Go writes it: keys in order, and no sign that HTML gives a meaning. */
function toJson(value: unknown): string {
  const ordered = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(ordered)
    if (!isMap(part)) return part
    const entries = Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(entries.map(([key, field]) => [key, ordered(field)]))
  }
  return JSON.stringify(ordered(value ?? null)).replace(
    /[<>&]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function merged(into: Record<string, unknown>, from: Record<string, unknown>, wins: boolean) {
  for (const [key, value] of Object.entries(from)) {
    const old = into[key]
    if (isMap(old) && isMap(value)) merged(old, value, wins)
    else if (wins || old === undefined) into[key] = value
  }
  return into
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'invalid'
  if (Array.isArray(value)) return 'slice'
  if (isMap(value)) return 'map'
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'string' ? 'string' : 'float64'
}

/** `and`, `or`, `include` are the renderer's, which decides what of them is evaluated. */
export const FUNCTIONS: Readonly<Record<string, Fn>> = {
  // Logic.
  not: (value) => !isTrue(value),
  eq: equal,
  ne: (a, b) => !equal(a, b),
  lt: (a, b) => order(a, b) < 0,
  le: (a, b) => order(a, b) <= 0,
  gt: (a, b) => order(a, b) > 0,
  ge: (a, b) => order(a, b) >= 0,
  default: (fallback, value) => (isTrue(value) ? value : fallback),
  coalesce: (...values) => values.find(isTrue) ?? null,
  empty: (value) => !isTrue(value),
  ternary: (yes, no, condition) => (isTrue(condition) ? yes : no),
  kindOf,
  kindIs: (kind, value) => kindOf(value) === kind,
  required: (message, value) => {
    if (value === null || value === undefined || value === '') throw new Error(textOf(message))
    return value
  },
  fail: (message) => {
    throw new Error(textOf(message))
  },
  // Texts.
  quote: (...values) =>
    values
      .filter((value) => (value ?? null) !== null)
      .map(quoted)
      .join(' '),
  squote: (...values) =>
    values
      .filter((value) => (value ?? null) !== null)
      .map((value) => `'${asText(value)}'`)
      .join(' '),
  toString: asText,
  print: (...values) => values.map(asText).join(''),
  printf: (format, ...args) => formatted(textOf(format), args),
  trim: (text) => textOf(text).trim(),
  trimPrefix: (prefix, text) =>
    textOf(text).startsWith(textOf(prefix)) ? textOf(text).slice(textOf(prefix).length) : text,
  trimSuffix: (suffix, text) =>
    suffix !== '' && textOf(text).endsWith(textOf(suffix))
      ? textOf(text).slice(0, -textOf(suffix).length)
      : text,
  trunc: (length, text) => sliced(wholeOf(length), textOf(text)),
  lower: (text) => textOf(text).toLowerCase(),
  upper: (text) => textOf(text).toUpperCase(),
  replace: (old, fresh, text) => textOf(text).replaceAll(textOf(old), () => textOf(fresh)),
  contains: (part, text) => textOf(text).includes(textOf(part)),
  hasPrefix: (prefix, text) => textOf(text).startsWith(textOf(prefix)),
  hasSuffix: (suffix, text) => textOf(text).endsWith(textOf(suffix)),
  indent: (width, text) => pad(wholeOf(width), textOf(text)),
  nindent: (width, text) => `\n${pad(wholeOf(width), textOf(text))}`,
  join: (between, list) => listOf(list).map(asText).join(textOf(between)),
  splitList: (between, text) => textOf(text).split(textOf(between)),
  sha256sum: (text) => createHash('sha256').update(textOf(text)).digest('hex'),
  b64enc: (text) => Buffer.from(textOf(text)).toString('base64'),
  toYaml,
  fromYaml: (text) => readYaml('fromYaml', textOf(text))[0] ?? {},
  toJson,
  fromJson: (text) => JSON.parse(textOf(text)),
  // Numbers.
  int: wholeOf,
  int64: wholeOf,
  add: (...values) => values.reduce<number>((sum, value) => sum + wholeOf(value), 0),
  sub: (a, b) => wholeOf(a) - wholeOf(b),
  mul: (...values) => values.reduce<number>((product, value) => product * wholeOf(value), 1),
  div: (a, b) => Math.trunc(wholeOf(a) / wholeOf(b)),
  max: (...values) => Math.max(...values.map(wholeOf)),
  min: (...values) => Math.min(...values.map(wholeOf)),
  // Lists and maps.
  list: (...values) => values,
  dict: (...pairs) => {
    const entries = pairs.flatMap((key, i) => (i % 2 ? [] : [[asText(key), pairs[i + 1] ?? null]]))
    return Object.fromEntries(entries)
  },
  len: (value) =>
    typeof value === 'string'
      ? Buffer.byteLength(value)
      : Array.isArray(value)
        ? value.length
        : Object.keys(mapOf(value)).length,
  index: item,
  first: (list) => listOf(list)[0] ?? null,
  last: (list) => listOf(list).at(-1) ?? null,
  has: (value, list) => (Array.isArray(list) ? list.includes(value) : false),
  append: (list, value) => [...listOf(list), value],
  concat: (...lists) => lists.flatMap(listOf),
  uniq: (list) => [...new Set(listOf(list))],
  keys: (map) => Object.keys(mapOf(map)).sort(),
  sortAlpha: (list) => listOf(list).map(asText).sort(),
  get: (map, key) => mapOf(map)[asText(key)] ?? '',
  set: (map, key, value) => Object.assign(mapOf(map), { [asText(key)]: value }),
  hasKey: (map, key) => Object.hasOwn(mapOf(map), asText(key)),
  omit: (map, ...keys) =>
    Object.fromEntries(Object.entries(mapOf(map)).filter(([key]) => !keys.includes(key))),
  pick: (map, ...keys) =>
    Object.fromEntries(Object.entries(mapOf(map)).filter(([key]) => keys.includes(key))),
  merge: (into, ...from) =>
    from.reduce<Record<string, unknown>>((map, one) => merged(map, mapOf(one), false), mapOf(into)),
  mergeOverwrite: (into, ...from) =>
    from.reduce<Record<string, unknown>>((map, one) => merged(map, mapOf(one), true), mapOf(into)),
  deepCopy: (value) => structuredClone(value),
  /** Without a cluster there is nothing to find, as in `helm template`: azds checks what is there itself. */
  lookup: () => ({}),
}

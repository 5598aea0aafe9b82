/** The values of a chart: its defaults, and over them files and `--set k=v`, as Helm merges them. */
import type { ChartFiles } from './files.ts'
import { isMap } from './functions.ts'
import { readYaml } from './yaml.ts'

export type Values = Record<string, unknown>

/** What values.yaml says. */
export function defaultValues(files: ChartFiles): Values {
  return parseValues('values.yaml', files['values.yaml'] ?? '')
}

/** The values of one file; throws if it holds anything but one map. */
export function parseValues(name: string, text: string): Values {
  const documents = readYaml(name, text)
  const [values = {}] = documents
  if (documents.length > 1 || !isMap(values)) {
    throw new Error(`${name}: expected one map of values`)
  }
  return values
}

/**
 * Lays `over` on `base`: maps are merged, all else is replaced, and null takes a key away. Neither is changed.
 */
export function mergeValues(base: Values, over: Values): Values {
  const merged: Values = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const old = merged[key]
    if (value === null) delete merged[key]
    else if (isMap(value)) merged[key] = mergeValues(isMap(old) ? old : {}, value)
    else merged[key] = value
  }
  return merged
}

/** The same for values that go over defaults later: a null stays, because it has yet to take a default away. */
export function overlayValues(base: Values, over: Values): Values {
  const merged: Values = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const old = merged[key]
    merged[key] = isMap(value) && isMap(old) ? overlayValues(old, value) : value
  }
  return merged
}

/** Only what differs from `base`: what an installation has to remember. Null where a key of `base` is gone. */
export function valuesOver(base: Values, values: Values): Values {
  const over: Values = {}
  for (const key of new Set([...Object.keys(base), ...Object.keys(values)])) {
    const [old, now] = [base[key], values[key]]
    if (now === undefined) over[key] = null
    else if (isMap(old) && isMap(now)) {
      const part = valuesOver(old, now)
      if (Object.keys(part).length > 0) over[key] = part
    } else if (JSON.stringify(old) !== JSON.stringify(now)) over[key] = now
  }
  return over
}

/** `a.b: 1` for each value that is no map, in order: to compare, and to show what was changed. */
export function flatValues(values: Values, prefix = ''): Map<string, unknown> {
  const flat = new Map<string, unknown>()
  for (const [key, value] of Object.entries(values)) {
    const path = `${prefix}${key.replaceAll('.', '\\.')}`
    if (!isMap(value) || Object.keys(value).length === 0) flat.set(path, value)
    else for (const entry of flatValues(value, `${path}.`)) flat.set(...entry)
  }
  return flat
}

/**
 * Reads `--set`: `image.tag=1.2`, several with commas between, lists as `{a,b}` or `list[0]=a`. A backslash
 * takes the meaning from a comma or dot behind it. `true`, `false`, `null` and whole numbers are not texts.
 */
export function parseSet(text: string): Values {
  const values: Values = {}
  for (const part of splitOutside(text, ',')) {
    const equals = part.indexOf('=')
    if (equals < 1) throw new Error(`--set ${part}: expected KEY=VALUE`)
    const keys = splitOutside(part.slice(0, equals), '.').flatMap((key) => keysOf(part, key))
    put(part, values, keys, typedList(part.slice(equals + 1)))
  }
  return values
}

/** `a[0]` is the key `a` and the index 0. */
function keysOf(part: string, key: string): (string | number)[] {
  const match = /^([^[\]]*)((?:\[\d+\])*)$/.exec(key)
  if (!match?.[1]) throw new Error(`--set ${part}: "${key}" is no key`)
  const indexes = [...(match[2] ?? '').matchAll(/\d+/g)].map(([digits]) => Number(digits))
  const beyond = indexes.find((index) => index > MAX_INDEX)
  if (beyond !== undefined) throw new Error(`--set ${part}: no list has ${beyond} items`)
  return [unescaped(match[1]), ...indexes]
}

/** A slip of the finger must not make a list that fills the memory; Helm has the same limit. */
const MAX_INDEX = 65_536

function put(part: string, root: Values, keys: (string | number)[], value: unknown): void {
  let at: Values | unknown[] = root
  for (const [index, key] of keys.entries()) {
    const box = at as Record<string | number, unknown>
    const next = keys[index + 1]
    if (next === undefined) {
      box[key] = value
      return
    }
    // Own keys only: `--set __proto__.x=1` must not reach what all objects share.
    const old = Object.hasOwn(box, key) ? box[key] : undefined
    const fits = typeof next === 'number' ? Array.isArray(old) : isMap(old)
    if (old !== undefined && !fits) throw new Error(`--set ${part}: "${key}" has a value already`)
    const child: Values | unknown[] = fits
      ? (old as Values | unknown[])
      : typeof next === 'number'
        ? []
        : {}
    Object.defineProperty(box, key, {
      value: child,
      enumerable: true,
      writable: true,
      configurable: true,
    })
    at = child
  }
}

function typedList(text: string): unknown {
  if (!text.startsWith('{') || !text.endsWith('}')) return typed(text)
  const within = text.slice(1, -1)
  return within === '' ? [] : splitOutside(within, ',').map(typed)
}

function typed(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true'
  if (text === 'null') return null
  // A leading zero makes it a text, so that a tag such as 0123 stays what it is.
  if (/^(0|-?[1-9]\d{0,14})$/.test(text)) return Number(text)
  return unescaped(text)
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, '$1')
}

/** Splits at a sign, but neither within braces nor behind a backslash. */
function splitOutside(text: string, sign: string): string[] {
  const parts = ['']
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? ''
    if (char === '{') depth++
    if (char === '}') depth--
    if (char === sign && depth === 0) {
      parts.push('')
      continue
    }
    const taken = char === '\\' ? text.slice(i, i + 2) : char
    parts[parts.length - 1] += taken
    i += taken.length - 1
  }
  return parts
}

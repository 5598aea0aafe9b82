/**
 * Reads a program's configuration from its environment: a table of settings in, typed values or
 * the list of all mistakes out. The same tables make docs/reference/configuration.md.
 */

export type Parsed<T> = { ok: true; value: T } | { ok: false; expected: string }

export interface Setting<T> {
  /** The environment variable. */
  env: string
  /** One sentence: what it is, with its unit. */
  doc: string
  /** The form of a value, for people: `port number`, `comma-separated list`. */
  form: string
  /** How the default is written; absent where the variable must be set. */
  default?: string
  /** True for values that must never be printed. */
  secret?: boolean
  parse: (text: string) => Parsed<T>
}

export type Settings = Record<string, Setting<unknown>>
export type Config<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never
}
export type ConfigResult<S extends Settings> =
  | { ok: true; config: Config<S> }
  | { ok: false; mistakes: string[] }

/** Exit code for a wrong configuration (EX_USAGE of sysexits.h). */
export const EXIT_USAGE = 64

/**
 * Reads every setting of the table. An empty variable counts as unset. All mistakes are reported
 * together, each as `NAME="value": expected …`; a secret's value is left out.
 */
export function readConfig<S extends Settings>(
  settings: S,
  env: Record<string, string | undefined>,
): ConfigResult<S> {
  const values: Record<string, unknown> = {}
  const mistakes: string[] = []
  for (const [key, setting] of Object.entries(settings)) {
    const text = env[setting.env] || setting.default
    if (text === undefined) {
      mistakes.push(`${setting.env} is not set: expected ${setting.form} (${setting.doc})`)
      continue
    }
    const parsed = setting.parse(text)
    if (parsed.ok) values[key] = parsed.value
    // A parser may quote the value in what it expected, so a secret's mistake names the form only.
    else if (setting.secret) mistakes.push(`${setting.env}: expected ${setting.form}`)
    else mistakes.push(`${setting.env}="${text}": expected ${parsed.expected}`)
  }
  if (mistakes.length > 0) return { ok: false, mistakes }
  return { ok: true, config: values as Config<S> }
}

type SettingHead = Omit<Setting<unknown>, 'form' | 'parse'>

const ok = <T>(value: T): Parsed<T> => ({ ok: true, value })
const expected = (form: string): Parsed<never> => ({ ok: false, expected: form })

/** Any text. */
export const text = (head: SettingHead): Setting<string> => ({ ...head, form: 'text', parse: ok })

/** Text that may be left empty: null when unset. */
export const optionalText = (head: Omit<SettingHead, 'default'>): Setting<string | null> => ({
  ...head,
  default: '',
  form: 'text, may be left unset',
  parse: (value) => ok(value === '' ? null : value),
})

/** A whole number from `min` to `max`. */
export function integer(head: SettingHead, min: number, max: number): Setting<number> {
  const form = `a whole number from ${min} to ${max}`
  const parse = (value: string): Parsed<number> => {
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN
    return number >= min && number <= max ? ok(number) : expected(form)
  }
  return { ...head, form, parse }
}

/** A TCP port; 0 lets the kernel choose (tests). */
export const port = (head: SettingHead): Setting<number> => integer(head, 0, 65535)

/** One word of a closed list. */
export function oneOf<const T extends string>(head: SettingHead, words: readonly T[]): Setting<T> {
  const form = `one of ${words.join(', ')}`
  const parse = (value: string): Parsed<T> => {
    const word = words.find((candidate) => candidate === value)
    return word === undefined ? expected(form) : ok(word)
  }
  return { ...head, form, parse }
}

/** An absolute http or https URL, without a trailing slash in the value. */
export function url(head: SettingHead): Setting<string> {
  const form = 'an http:// or https:// URL'
  const parse = (value: string): Parsed<string> =>
    URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
      ? ok(value.replace(/\/+$/, ''))
      : expected(form)
  return { ...head, form, parse }
}

/** As `url`, but null when unset. */
export function optionalUrl(head: Omit<SettingHead, 'default'>): Setting<string | null> {
  const required = url(head)
  return {
    ...required,
    default: '',
    form: `${required.form}, may be left unset`,
    parse: (value) => (value === '' ? ok(null) : required.parse(value)),
  }
}

/** A DNS domain of lower-case labels (RFC 1123), without a dot at the end. */
export function dnsDomain(head: SettingHead): Setting<string> {
  const form = 'a DNS domain such as cluster.local'
  const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
  const parse = (value: string): Parsed<string> =>
    value.split('.').every((part) => label.test(part)) ? ok(value) : expected(form)
  return { ...head, form, parse }
}

/** As `dnsDomain`, but null when unset. */
export function optionalDnsDomain(head: Omit<SettingHead, 'default'>): Setting<string | null> {
  const required = dnsDomain(head)
  return {
    ...required,
    default: '',
    form: `${required.form}, may be left unset`,
    parse: (value) => (value === '' ? ok(null) : required.parse(value)),
  }
}

/** A comma-separated list whose items are parsed one by one; blanks round items are dropped. */
export function list<T>(
  head: SettingHead,
  form: string,
  parseItem: (item: string) => Parsed<T>,
): Setting<T[]> {
  const parse = (value: string): Parsed<T[]> => {
    const items: T[] = []
    for (const item of value.split(',').map((part) => part.trim())) {
      if (item === '') continue
      const parsed = parseItem(item)
      if (!parsed.ok) return expected(`${form}; "${item}" is not ${parsed.expected}`)
      items.push(parsed.value)
    }
    return ok(items)
  }
  return { ...head, form, parse }
}

/** How much is logged. */
export const logLevel = (head: SettingHead): Setting<LogLevel> => oneOf(head, LOG_LEVELS)
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

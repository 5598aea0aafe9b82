/** The static table of HPACK (RFC 7541 appendix A), and how to find an entry by name or value. */

/** Name and value; index 1 is the first. */
export const STATIC_ENTRIES: readonly (readonly [name: string, value: string])[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language', ''],
  ['accept-ranges', ''],
  ['accept', ''],
  ['access-control-allow-origin', ''],
  ['age', ''],
  ['allow', ''],
  ['authorization', ''],
  ['cache-control', ''],
  ['content-disposition', ''],
  ['content-encoding', ''],
  ['content-language', ''],
  ['content-length', ''],
  ['content-location', ''],
  ['content-range', ''],
  ['content-type', ''],
  ['cookie', ''],
  ['date', ''],
  ['etag', ''],
  ['expect', ''],
  ['expires', ''],
  ['from', ''],
  ['host', ''],
  ['if-match', ''],
  ['if-modified-since', ''],
  ['if-none-match', ''],
  ['if-range', ''],
  ['if-unmodified-since', ''],
  ['last-modified', ''],
  ['link', ''],
  ['location', ''],
  ['max-forwards', ''],
  ['proxy-authenticate', ''],
  ['proxy-authorization', ''],
  ['range', ''],
  ['referer', ''],
  ['refresh', ''],
  ['retry-after', ''],
  ['server', ''],
  ['set-cookie', ''],
  ['strict-transport-security', ''],
  ['transfer-encoding', ''],
  ['user-agent', ''],
  ['vary', ''],
  ['via', ''],
  ['www-authenticate', ''],
]

/** Entries of the static table; the dynamic one begins behind them (RFC 7541 2.3.3). */
export const STATIC_COUNT = STATIC_ENTRIES.length

/** Index of the first entry with a name. */
export const STATIC_NAMES: ReadonlyMap<string, number> = indexNames()

/** Index of the entry with a name and a value. */
export const STATIC_VALUES: ReadonlyMap<string, ReadonlyMap<string, number>> = indexValues()

function indexNames(): Map<string, number> {
  const names = new Map<string, number>()
  for (const [at, [name]] of STATIC_ENTRIES.entries()) {
    if (!names.has(name)) names.set(name, at + 1)
  }
  return names
}

function indexValues(): Map<string, Map<string, number>> {
  const names = new Map<string, Map<string, number>>()
  for (const [at, [name, value]] of STATIC_ENTRIES.entries()) {
    const values = names.get(name) ?? new Map<string, number>()
    values.set(value, at + 1)
    names.set(name, values)
  }
  return names
}

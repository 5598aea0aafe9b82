/** Which fields are worth an entry of an encoder's table, by name (RFC 7541 6.2 and 7.1.3). */

/**
 * | kind   | written as                                                                        |
 * |--------|-----------------------------------------------------------------------------------|
 * | plain  | a literal with indexing, then an index                                            |
 * | fickle | the same, from the second time on that the value comes                            |
 * | unique | a literal whose name alone gets an index                                          |
 * | secret | a literal that is never indexed                                                   |
 * | cookie | as `secret` while it is short enough to be guessed whole, else as `plain`         |
 */
export type Indexing = 'plain' | 'fickle' | 'unique' | 'secret' | 'cookie'

export function indexingOf(name: string): Indexing {
  return KINDS.get(name) ?? 'plain'
}

/** Whoever can guess a secret must not see by a block's length that it was right (RFC 7541 7.1.3). */
const SECRETS = ['authorization', 'proxy-authorization']

/**
 * Different in every message: an entry for one would only drive out another, but for the first, which
 * gives the name an index.
 */
const UNIQUE = ['traceparent']

/** Often different in every message, often not. */
const FICKLE = [
  ':path',
  'age',
  'content-length',
  'content-range',
  'date',
  'etag',
  'expires',
  'grpc-timeout',
  'if-modified-since',
  'if-none-match',
  'last-modified',
  'location',
  'range',
  'referer',
  'set-cookie',
  'tracestate',
  'x-request-id',
]

const KINDS: ReadonlyMap<string, Indexing> = new Map<string, Indexing>([
  ...SECRETS.map((name) => [name, 'secret'] as const),
  ...UNIQUE.map((name) => [name, 'unique'] as const),
  ...FICKLE.map((name) => [name, 'fickle'] as const),
  ['cookie', 'cookie'],
])

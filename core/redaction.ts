/** What of a request may be recorded: secrets in headers, paths and addresses are blanked. Pure. */
import type { HeaderList } from './trace-record.ts'

export const REDACTED = '[redacted]'

/** Words that make a name secret wherever they stand in it: `X-Vault-Token`, `client_secret`. */
const SECRET_WORDS =
  'token|secret|password|passwd|pwd|passphrase|jwt|apikey|signature|sig|credentials?|assertion|' +
  'authorization|cookie2?|csrf|xsrf|jsessionid|phpsessid|samlresponse'

/** Kinds of keys that let somebody in; a `key` alone mostly names a record. */
const SECRET_KEYS = 'api|access|account|private|secret|subscription|functions'

const SECRET_NAME = new RegExp(
  `\\b(?:${SECRET_WORDS})\\b|\\b(?:${SECRET_KEYS}) key\\b|\\bsession(?: ?id)?$|\\bauth$`,
)

/** Names that were judged before: the same few come with every message, and judging one takes 1 µs. */
const judged = new Map<string, boolean>()

/** Most names remembered, and the longest: a client may make up any number of any length. */
const MOST_JUDGED = 1000
const LONGEST_JUDGED = 64

/** True for names of headers and parameters whose values never leave the sidecar. */
export function isSecretName(name: string): boolean {
  const known = judged.get(name)
  if (known !== undefined) return known
  const secret = judge(name)
  if (name.length > LONGEST_JUDGED) return secret
  if (judged.size >= MOST_JUDGED) judged.clear()
  // A copy, because a part of a string keeps all of it: a head, or a path.
  judged.set(Buffer.from(name).toString(), secret)
  return secret
}

function judge(name: string): boolean {
  const words = name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase()
  return SECRET_NAME.test(words.replace(/[^a-z0-9]+/g, ' '))
}

/** Blanks the values of secret headers, and secrets in addresses (`Location`, `Referer`); names, order and case stay. */
export function redactHeaders(headers: HeaderList): HeaderList {
  return headers.map(([name, value]) => [
    name,
    isSecretName(name) ? REDACTED : redactAddress(value),
  ])
}

/** Blanks the secret parameters of a path, or of whatever else stands in a request line. */
export function redactPath(target: string): string {
  // `user:password@host`: no path begins so, but a request that is refused may.
  return redactAddress(target.replace(/^[^/?#@]+@/, `${REDACTED}@`))
}

/** A name in front of `=`; bounded, so that no text costs more than in proportion to its length. */
const PARAMETER = /[?&;#]([^=&#;?/]{1,64})=/g

/** Where a value ends that stands in a path (`;jsessionid=…`), and one in a query or fragment. */
const PATH_VALUE_END = /[;/?&#\s]/g
const QUERY_VALUE_END = /[&#\s]/g

function redactAddress(text: string): string {
  const address = text.includes('@') ? text.replace(/:\/\/[^/?#@\s]+@/g, `://${REDACTED}@`) : text
  if (!address.includes('=')) return address
  // OAuth's implicit answers carry their tokens in a fragment, which is written as a query is.
  const query = address.search(/[?#]/)
  let redacted = ''
  let done = 0
  PARAMETER.lastIndex = 0
  for (let found = PARAMETER.exec(address); found; found = PARAMETER.exec(address)) {
    if (!isSecretParameter(found[1] as string)) continue
    const inQuery = query >= 0 && found.index >= query
    const end = inQuery ? QUERY_VALUE_END : PATH_VALUE_END
    redacted += address.slice(done, PARAMETER.lastIndex) + REDACTED
    end.lastIndex = PARAMETER.lastIndex
    done = end.exec(address)?.index ?? address.length
    PARAMETER.lastIndex = done
  }
  return redacted + address.slice(done)
}

/** `code` is OAuth's; in `country_code` it is none. */
function isSecretParameter(name: string): boolean {
  const plain = decoded(name)
  return plain.toLowerCase() === 'code' || isSecretName(plain)
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

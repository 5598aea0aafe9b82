/** Readers of the comma-separated lists in our annotations: ports and ranges, CIDRs, uids. */
import { isIP } from 'node:net'

export type ListResult = { ok: true; value: string } | { ok: false; message: string }

/** At most this many items: each becomes a rule that every new connection walks past. */
const MAX_ITEMS = 64

/** `3306,8000-8010`: ports from 1 to 65535 and ranges of them. */
export const portList = (text: string): ListResult =>
  itemsOf(text, 'a port or a range such as 3306 or 8000-8010', (item) => {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(item)
    if (!match) return false
    const first = Number(match[1])
    const last = Number(match[2] ?? match[1])
    return first >= 1 && first <= last && last <= 65_535
  })

/** The word that stands for no port at all. */
const NO_PORTS = 'none'

/** As `portList`, or `none`, which like nothing at all gives the empty list. */
export const opaquePortList = (text: string): ListResult => {
  const list = text.trim() === NO_PORTS ? '' : text
  const result = portList(list)
  if (result.ok) return result
  return { ok: false, message: `${result.message}, nor is the whole "${NO_PORTS}"` }
}

/** `10.0.0.0/8,fd00::/8`: networks of either family; a bare address is a network of one. */
export const cidrList = (text: string): ListResult =>
  itemsOf(text, 'a network such as 10.0.0.0/8 or fd00::/8', (item) => {
    const [address = '', prefix, ...rest] = item.split('/')
    const family = isIP(address)
    if (family === 0 || rest.length > 0 || address.includes('%')) return false
    if (prefix === undefined) return true
    if (!/^\d{1,3}$/.test(prefix)) return false
    return Number(prefix) <= (family === 4 ? 32 : 128)
  })

/** `101,999`: numeric user ids; names are of no use, because the rules know no /etc/passwd. */
export const uidList = (text: string): ListResult =>
  itemsOf(
    text,
    'a numeric user id such as 101',
    (item) => /^\d{1,10}$/.test(item) && Number(item) < 2 ** 32 - 1,
  )

function itemsOf(text: string, form: string, accepts: (item: string) => boolean): ListResult {
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
  const wrong = items.find((item) => !accepts(item))
  if (wrong !== undefined) return { ok: false, message: `"${wrong}" is not ${form}` }
  if (items.length > MAX_ITEMS)
    return { ok: false, message: `has ${items.length} items; at most ${MAX_ITEMS} are possible` }
  return { ok: true, value: items.join(',') }
}

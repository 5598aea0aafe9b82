/**
 * Puts the ancestors' domains into a resolv.conf, right after the pod's own, so that a name the
 * pod's space lacks is looked for in its parent next. Pure: text in, text out (resolv.conf(5)).
 *
 *   search alice.svc.cluster.local svc.cluster.local cluster.local
 *   search alice.svc.cluster.local dev.svc.cluster.local svc.cluster.local cluster.local
 */

export type ResolvConfPlan =
  | { kind: 'change'; text: string; warning: string | null }
  /** `warning`: the parent's names will not be found, e.g. under `dnsPolicy: Default`. */
  | { kind: 'unchanged'; reason: string; warning: boolean }
  | { kind: 'problem'; problem: string }

/** Kubernetes' limits of a pod's search list (pkg/apis/core/validation since 1.28): count, characters. */
export const MAX_SEARCH_DOMAINS = 32
export const MAX_SEARCH_CHARACTERS = 2048
/** glibc before 2.26 reads no more than this and ignores the rest: domains, characters. */
const OLD_GLIBC_DOMAINS = 6
const OLD_GLIBC_CHARACTERS = 256

/**
 * Plans the edit. Nothing is ever dropped: lines that are not the search list stay as they are, and a list that
 * would go beyond the limits is a problem, not a shorter list.
 * @param spaceChain the pod's space and its ancestors, nearest first
 * @param clusterDomain e.g. `cluster.local`
 */
export function planResolvConf(
  text: string,
  spaceChain: readonly string[],
  clusterDomain: string,
): ResolvConfPlan {
  const [own = '', ...ancestors] = spaceChain.map((space) => `${space}.svc.${clusterDomain}`)
  if (ancestors.length === 0) return unchanged('the space has no parent')
  const lines = text.split('\n')
  const index = effectiveLine(lines)
  const domains = index < 0 ? [] : domainsOf(lines[index] ?? '')
  if (!domains.some((domain) => sameDomain(domain, own))) {
    return { ...unchanged(`no search list has the pod's own domain ${own}`), warning: true }
  }
  const wanted = withAncestors(domains, own, ancestors)
  if (wanted.every((domain, at) => domain === domains[at]) && wanted.length === domains.length) {
    return unchanged('the ancestors are there already')
  }
  const list = wanted.join(' ')
  const problem = beyondLimits(wanted, list)
  if (problem) return { kind: 'problem', problem }
  // A `domain` line stays; the search line after it wins.
  const replaced = isSearch(lines[index] ?? '') ? 1 : 0
  const at = replaced ? index : index + 1
  const edited = lines.toSpliced(at, replaced, `search ${list}`)
  return { kind: 'change', text: edited.join('\n'), warning: oldGlibcWarning(wanted, list) }
}

const unchanged = (reason: string) => ({ kind: 'unchanged' as const, reason, warning: false })

/** The lines that an edit takes away and adds, `-` and `+`, for people. */
export function describeChange(before: string, after: string): string[] {
  const old = before.split('\n')
  const edited = after.split('\n')
  let head = 0
  while (head < old.length && head < edited.length && old[head] === edited[head]) head++
  let tail = 0
  const shorter = Math.min(old.length, edited.length) - head
  while (tail < shorter && old.at(-1 - tail) === edited.at(-1 - tail)) tail++
  return [
    ...old.slice(head, old.length - tail).map((line) => `-${line}`),
    ...edited.slice(head, edited.length - tail).map((line) => `+${line}`),
  ]
}

/** `search` and `domain` exclude each other: the last of either decides. -1 if there is none. */
const effectiveLine = (lines: readonly string[]): number =>
  lines.findLastIndex((line) => isSearch(line) || /^domain[ \t]/.test(line))

/** Resolvers want the keyword at the start of the line. */
const isSearch = (line: string): boolean => /^search([ \t]|$)/.test(line)

function domainsOf(line: string): string[] {
  const words = line.split(/\s+/).filter((word) => word !== '')
  return isSearch(line) ? words.slice(1) : words.slice(1, 2)
}

function withAncestors(domains: readonly string[], own: string, ancestors: string[]): string[] {
  // An ancestor that stands elsewhere moves up; every other entry keeps its place.
  const spelling = (domain: string) => domains.find((other) => sameDomain(other, domain)) ?? domain
  const others = domains.filter((domain) => !ancestors.some((other) => sameDomain(domain, other)))
  const at = others.findIndex((domain) => sameDomain(domain, own))
  return others.toSpliced(at + 1, 0, ...ancestors.map(spelling))
}

const sameDomain = (one: string, other: string): boolean => plain(one) === plain(other)
const plain = (domain: string): string => domain.toLowerCase().replace(/\.$/, '')

function beyondLimits(domains: readonly string[], list: string): string | null {
  if (domains.length <= MAX_SEARCH_DOMAINS && list.length <= MAX_SEARCH_CHARACTERS) return null
  return (
    `the search list would have ${domains.length} domains and ${list.length} characters, ` +
    `more than the ${MAX_SEARCH_DOMAINS} and ${MAX_SEARCH_CHARACTERS} that resolvers read: ` +
    "shorten dnsConfig.searches of the pod, the node's search list or the chain of spaces"
  )
}

function oldGlibcWarning(domains: readonly string[], list: string): string | null {
  if (domains.length <= OLD_GLIBC_DOMAINS && list.length <= OLD_GLIBC_CHARACTERS) return null
  return (
    `images with glibc before 2.26 read only the first ${OLD_GLIBC_DOMAINS} domains ` +
    `and ${OLD_GLIBC_CHARACTERS} characters of the search list; it now has ${domains.length} and ${list.length}`
  )
}

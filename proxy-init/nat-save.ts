/** Reads what `iptables-save -t nat` prints, and tells whether two rules mean the same. */
import { formatCidr, parseCidr } from './cidr.ts'

export interface SavedRule {
  chain: string
  /** Where the rule jumps to; null for a rule without `-j`. */
  target: string | null
  /** The whole line, from `-A`. */
  line: string
}

export interface NatTable {
  /** Every chain, built-in ones included. */
  chains: string[]
  /** Every rule in order. */
  rules: SavedRule[]
}

/** Reads the output of iptables-save; tables other than nat are passed over. */
export function parseNat(text: string): NatTable {
  const nat: NatTable = { chains: [], rules: [] }
  let table = ''
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim()
    if (table !== 'nat') continue
    if (line.startsWith(':')) nat.chains.push(line.slice(1).split(' ')[0] ?? '')
    if (line.startsWith('-A ')) nat.rules.push(parseRule(line))
  }
  return nat
}

/** How many rules a save has, over all its tables. */
export const countRules = (text: string): number => text.match(/^-A /gm)?.length ?? 0

export function parseRule(line: string): SavedRule {
  const words = splitWords(line)
  const jump = words.indexOf('-j')
  return { chain: words[1] ?? '', target: jump < 0 ? null : (words[jump + 1] ?? null), line }
}

/**
 * True if both lines are the same rule. Versions of iptables-save differ in quotes and in the order
 * of options, and CIDRs have more than one spelling; none of that makes another rule.
 */
export const sameRule = (one: string, other: string): boolean =>
  normalRule(one) === normalRule(other)

function normalRule(line: string): string {
  const options: string[] = []
  let option: string[] = []
  let negated = false
  for (const word of splitWords(line)) {
    if (word === '!') {
      negated = true
      continue
    }
    if (word.startsWith('-')) {
      option = []
      options.push('')
      option.push(negated ? `! ${word}` : word)
      negated = false
    } else option.push(normalWord(word))
    options[Math.max(options.length - 1, 0)] = option.join(' ')
  }
  return options.toSorted().join('|')
}

function normalWord(word: string): string {
  const cidr = word.includes('/') ? parseCidr(word) : null
  return cidr ? formatCidr(cidr) : word
}

/** Splits at blanks; double quotes hold a word together and are dropped. */
function splitWords(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '')
}

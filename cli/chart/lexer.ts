/** Cuts a chart's template into text and the tokens of its actions (Go's text/template syntax). */

export type Token =
  /** A word: a keyword, a function, `true`, `nil`. */
  | { kind: 'word'; text: string; line: number }
  /** `.a.b` (names `a`, `b`); a lone `.` has none. */
  | { kind: 'field'; names: string[]; line: number; glued: boolean }
  /** `$x`; the root is the empty name. */
  | { kind: 'variable'; name: string; line: number }
  | { kind: 'literal'; value: string | number; line: number }
  | { kind: 'sign'; text: '(' | ')' | '|' | ':=' | '=' | ','; line: number }

export type Piece =
  | { kind: 'text'; text: string }
  | { kind: 'action'; tokens: Token[]; line: number }

/** A fault of a template: `templates/11-webhook.yaml:23: …`. */
export class TemplateError extends Error {
  constructor(file: string, line: number, message: string) {
    super(`${file}:${line}: ${message}`)
    this.name = 'TemplateError'
  }
}

/** In this order: a number before a field, `:=` before anything with its letters. */
const PATTERNS = {
  blank: /[ \t\r\n]+/y,
  quoted: /"(?:[^"\\\n]|\\.)*"/y,
  raw: /`[^`]*`/y,
  number: /[+-]?\d+(?:\.\d+)?(?![\w.])/y,
  variable: /\$(\w*)/y,
  field: /\.(?:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)?/y,
  word: /[A-Za-z_]\w*/y,
  sign: /:=|[()|=,]/y,
} as const

/**
 * Cuts a whole file. `{{-` takes the blanks before it away, `-}}` those behind it; comments leave nothing.
 * Throws a `TemplateError` for what is no template.
 */
export function lex(file: string, source: string): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  let line = 1
  /** Whether the action before ended with `-}}`. */
  let trimNext = false
  const advance = (to: number) => {
    for (let i = at; i < to; i++) if (source.charCodeAt(i) === 10) line++
    at = to
  }
  while (at < source.length) {
    const open = source.indexOf('{{', at)
    const end = open < 0 ? source.length : open
    const trims = open >= 0 && /^\{\{-[ \t\r\n]/.test(source.slice(open, open + 4))
    let text = source.slice(at, end)
    if (trimNext) text = text.trimStart()
    if (trims) text = text.trimEnd()
    if (text !== '') pieces.push({ kind: 'text', text })
    advance(end)
    if (open < 0) break
    const inner = readAction(file, source, trims ? at + 3 : at + 2, line)
    if (inner.tokens.length > 0) pieces.push({ kind: 'action', tokens: inner.tokens, line })
    trimNext = inner.trims
    advance(inner.end)
  }
  return pieces
}

interface Action {
  tokens: Token[]
  /** Where the text goes on. */
  end: number
  trims: boolean
}

function readAction(file: string, source: string, from: number, startLine: number): Action {
  const comment = /[ \t\r\n]*\/\*[\s\S]*?\*\/[ \t\r\n]*(-?)\}\}/y
  comment.lastIndex = from
  const skipped = comment.exec(source)
  if (skipped) return { tokens: [], end: comment.lastIndex, trims: skipped[1] === '-' }

  const tokens: Token[] = []
  let at = from
  let line = startLine
  let glued = false
  for (;;) {
    const close = /[ \t\r\n]+(-)\}\}|\}\}/y
    close.lastIndex = at
    const closed = close.exec(source)
    if (closed) return { tokens, end: close.lastIndex, trims: closed[1] === '-' }
    if (at >= source.length) throw new TemplateError(file, startLine, 'the action has no "}}"')
    const [kind, match] = tokenAt(source, at)
    if (!kind || !match) {
      const rest = source.slice(at, at + 12).split('\n')[0]
      throw new TemplateError(file, line, `"${rest}" is no part of an action`)
    }
    const token = toToken(file, line, kind, match, glued)
    if (token) tokens.push(token)
    for (const char of match[0]) if (char === '\n') line++
    at += match[0].length
    // Only after these does a field belong to what is before it: `$x.a`, `(f).a`.
    glued = kind === 'variable' || match[0] === ')'
  }
}

type Kind = keyof typeof PATTERNS

function tokenAt(source: string, at: number): [Kind, RegExpExecArray] | [null, null] {
  for (const [kind, pattern] of Object.entries(PATTERNS)) {
    pattern.lastIndex = at
    const match = pattern.exec(source)
    if (match) return [kind as Kind, match]
  }
  return [null, null]
}

function toToken(
  file: string,
  line: number,
  kind: Kind,
  match: RegExpExecArray,
  glued: boolean,
): Token | null {
  const [text] = match
  switch (kind) {
    case 'blank':
      return null
    case 'quoted':
      return { kind: 'literal', value: unquoted(file, line, text), line }
    case 'raw':
      return { kind: 'literal', value: text.slice(1, -1), line }
    case 'number':
      return { kind: 'literal', value: Number(text), line }
    case 'variable':
      return { kind: 'variable', name: match[1] ?? '', line }
    case 'field':
      return { kind: 'field', names: text.split('.').filter(Boolean), line, glued }
    case 'word':
      return { kind: 'word', text, line }
    case 'sign':
      return { kind: 'sign', text: text as '(', line }
  }
}

/** Go's escapes that JSON has too; the others are not in our subset. */
function unquoted(file: string, line: number, text: string): string {
  try {
    return JSON.parse(text.replaceAll('\t', '\\t'))
  } catch {
    throw new TemplateError(file, line, `${text} has an escape that is not known here`)
  }
}

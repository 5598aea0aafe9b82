/** Makes a tree of a template's pieces: text, pipelines, and the blocks `if`, `with`, `range`, `define`. */
import { lex, type Piece, TemplateError, type Token } from './lexer.ts'

/** A value of a command: what stands alone, or is handed to a function. */
export type Operand =
  | { kind: 'literal'; value: string | number | boolean | null }
  /** `.a.b`, from the dot. */
  | { kind: 'field'; names: string[] }
  /** `$x.a`. */
  | { kind: 'variable'; name: string; names: string[] }
  /** `(…).a`. */
  | { kind: 'group'; pipe: Pipe; names: string[] }
  | { kind: 'function'; name: string }

export interface Pipe {
  line: number
  /** `$x :=` (new) or `$x =` (an old one); `range` may name two. */
  assign: { names: string[]; fresh: boolean } | null
  /** Each is a function or value with its arguments; each but the first gets the one before as its last. */
  commands: Operand[][]
}

export type Node =
  | { kind: 'text'; text: string }
  | { kind: 'print'; pipe: Pipe }
  | { kind: 'if'; pipe: Pipe; body: Node[]; otherwise: Node[] }
  | { kind: 'with'; pipe: Pipe; body: Node[]; otherwise: Node[] }
  | { kind: 'range'; pipe: Pipe; body: Node[]; otherwise: Node[] }
  | { kind: 'template'; name: string; pipe: Pipe | null; line: number }

export interface ParsedTemplate {
  body: Node[]
  /** What `define` names in this file. */
  defined: Map<string, Node[]>
}

/** Parses one file; throws a `TemplateError` with its line. */
export function parseTemplate(file: string, source: string): ParsedTemplate {
  const cursor = new Cursor(file, lex(file, source))
  const { nodes, end } = readNodes(cursor)
  if (end) throw new TemplateError(file, end.line, `"${end.word}" without a block that is open`)
  return { body: nodes, defined: cursor.defined }
}

class Cursor {
  readonly file: string
  readonly defined = new Map<string, Node[]>()
  readonly #pieces: readonly Piece[]
  #at = 0

  constructor(file: string, pieces: readonly Piece[]) {
    this.file = file
    this.#pieces = pieces
  }

  next(): Piece | undefined {
    return this.#pieces[this.#at++]
  }
}

/** What closed a list of nodes: `end`, or `else` with the rest of its action. */
interface End {
  word: 'end' | 'else'
  rest: Token[]
  line: number
}

function readNodes(cursor: Cursor): { nodes: Node[]; end: End | null } {
  const nodes: Node[] = []
  for (let piece = cursor.next(); piece; piece = cursor.next()) {
    if (piece.kind === 'text') {
      nodes.push(piece)
      continue
    }
    const { tokens, line } = piece
    const [first, ...rest] = tokens
    const word = first?.kind === 'word' ? first.text : ''
    if (word === 'end' || word === 'else') return { nodes, end: { word, rest, line } }
    const node = readNode(cursor, word, tokens, line)
    if (node) nodes.push(node)
  }
  return { nodes, end: null }
}

function readNode(cursor: Cursor, word: string, tokens: Token[], line: number): Node | null {
  const rest = tokens.slice(1)
  switch (word) {
    case 'if':
    case 'with':
    case 'range':
      return readBlock(cursor, word, rest, line)
    case 'define': {
      const name = nameOf(cursor.file, rest, line)
      const { nodes, end } = readNodes(cursor)
      expectEnd(cursor.file, end, 'define', line)
      cursor.defined.set(name, nodes)
      return null
    }
    case 'template': {
      const name = nameOf(cursor.file, rest.slice(0, 1), line)
      const pipe = rest.length > 1 ? readPipe(cursor.file, rest.slice(1), line) : null
      return { kind: 'template', name, pipe, line }
    }
    case 'block':
    case 'break':
    case 'continue':
      throw new TemplateError(cursor.file, line, `"${word}" is not in the subset that azds renders`)
    default:
      return { kind: 'print', pipe: readPipe(cursor.file, tokens, line) }
  }
}

function readBlock(
  cursor: Cursor,
  kind: 'if' | 'with' | 'range',
  tokens: Token[],
  line: number,
): Node {
  const pipe = readPipe(cursor.file, tokens, line)
  const { nodes: body, end } = readNodes(cursor)
  if (end?.word !== 'else') {
    expectEnd(cursor.file, end, kind, line)
    return { kind, pipe, body, otherwise: [] }
  }
  const [next, ...rest] = end.rest
  // `else if` is an if inside of the else, which shares its end.
  if (next?.kind === 'word' && (next.text === 'if' || next.text === 'with')) {
    return { kind, pipe, body, otherwise: [readBlock(cursor, next.text, rest, end.line)] }
  }
  const second = readNodes(cursor)
  expectEnd(cursor.file, second.end, kind, line)
  return { kind, pipe, body, otherwise: second.nodes }
}

function expectEnd(file: string, end: End | null, block: string, line: number): void {
  if (end?.word === 'end') return
  const what = end ? `has a second "else" at line ${end.line}` : 'has no "end"'
  throw new TemplateError(file, line, `"${block}" ${what}`)
}

function nameOf(file: string, tokens: Token[], line: number): string {
  const [token] = tokens
  if (tokens.length === 1 && token?.kind === 'literal' && typeof token.value === 'string') {
    return token.value
  }
  throw new TemplateError(file, line, 'expected a name in quotes')
}

function readPipe(file: string, tokens: readonly Token[], line: number): Pipe {
  const assign = readAssign(tokens)
  const rest = tokens.slice(assign?.taken ?? 0)
  const { commands, taken } = readCommands(file, rest, line)
  if (taken < rest.length) throw new TemplateError(file, line, 'a ")" too many')
  return { line, assign: assign && { names: assign.names, fresh: assign.fresh }, commands }
}

function readAssign(tokens: readonly Token[]) {
  const names: string[] = []
  for (const [index, token] of tokens.entries()) {
    if (token.kind === 'variable') names.push(token.name)
    else if (token.kind !== 'sign') return null
    else if (token.text === ':=' || token.text === '=') {
      return { names, fresh: token.text === ':=', taken: index + 1 }
    } else if (token.text !== ',') return null
  }
  return null
}

/** Reads to the end, or to the ")" that closes what is read. */
function readCommands(file: string, tokens: readonly Token[], line: number) {
  const commands: Operand[][] = []
  let command: Operand[] = []
  let at = 0
  const close = () => {
    if (command.length === 0) throw new TemplateError(file, line, 'a value is missing')
    commands.push(command)
    command = []
  }
  for (let token = tokens[at]; token; token = tokens[at]) {
    if (token.kind === 'sign' && token.text === ')') break
    at++
    if (token.kind === 'sign' && token.text === '|') close()
    else if (token.kind === 'sign' && token.text === '(') {
      const inner = readCommands(file, tokens.slice(at), token.line)
      at += inner.taken
      if (tokens[at]?.kind !== 'sign') throw new TemplateError(file, token.line, '"(" has no ")"')
      at++
      const pipe: Pipe = { line: token.line, assign: null, commands: inner.commands }
      command.push({ kind: 'group', pipe, names: [] })
    } else addOperand(file, command, token)
  }
  close()
  return { commands, taken: at }
}

function addOperand(file: string, command: Operand[], token: Token): void {
  const before = command.at(-1)
  if (token.kind === 'field' && token.glued && before && 'names' in before) {
    before.names.push(...token.names)
  } else command.push(operandOf(file, token))
}

function operandOf(file: string, token: Token): Operand {
  switch (token.kind) {
    case 'literal':
      return { kind: 'literal', value: token.value }
    case 'field':
      return { kind: 'field', names: [...token.names] }
    case 'variable':
      return { kind: 'variable', name: token.name, names: [] }
    case 'word':
      if (token.text === 'true' || token.text === 'false') {
        return { kind: 'literal', value: token.text === 'true' }
      }
      return token.text === 'nil'
        ? { kind: 'literal', value: null }
        : { kind: 'function', name: token.text }
    case 'sign':
      throw new TemplateError(file, token.line, `"${token.text}" stands in a wrong place`)
  }
}

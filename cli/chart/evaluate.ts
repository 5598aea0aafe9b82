/** Runs a parsed template over its data. */
import { asText, FUNCTIONS, isMap, isTrue } from './functions.ts'
import { TemplateError } from './lexer.ts'
import type { Node, Operand, Pipe } from './parser.ts'

/** What `include` and `template` may name. */
export type Partials = ReadonlyMap<string, { file: string; body: Node[] }>

/** Names of variables of one block; those of the blocks around it are behind `outer`. */
interface Scope {
  values: Map<string, unknown>
  outer: Scope | null
}

interface Frame {
  file: string
  partials: Partials
  dot: unknown
  scope: Scope
  /** Calls of `include` that are open: a partial that includes itself would never end. */
  depth: number
}

const MAX_DEPTH = 100

/** The text of a file; throws a `TemplateError` with file and line. */
export function evaluate(
  file: string,
  body: readonly Node[],
  data: unknown,
  partials: Partials,
  depth = 0,
): string {
  const scope: Scope = { values: new Map([['', data]]), outer: null }
  return runNodes(body, { file, partials, dot: data, scope, depth })
}

function runNodes(nodes: readonly Node[], frame: Frame): string {
  return nodes.map((node) => runNode(node, frame)).join('')
}

function inner(frame: Frame, dot: unknown): Frame {
  return { ...frame, dot, scope: { values: new Map(), outer: frame.scope } }
}

function runNode(node: Node, frame: Frame): string {
  switch (node.kind) {
    case 'text':
      return node.text
    case 'print': {
      const value = runPipe(node.pipe, frame)
      return node.pipe.assign ? '' : at(frame, node.pipe.line, () => asText(value))
    }
    case 'if': {
      const block = inner(frame, frame.dot)
      return runNodes(isTrue(runPipe(node.pipe, block)) ? node.body : node.otherwise, block)
    }
    case 'with': {
      const block = inner(frame, frame.dot)
      const value = runPipe(node.pipe, block)
      if (!isTrue(value)) return runNodes(node.otherwise, block)
      return runNodes(node.body, { ...block, dot: value })
    }
    case 'range':
      return runRange(node, frame)
    case 'template': {
      const data = node.pipe ? runPipe(node.pipe, frame) : null
      return at(frame, node.line, () => include(frame, node.name, data))
    }
  }
}

function runRange(node: Extract<Node, { kind: 'range' }>, frame: Frame): string {
  const { assign, line } = node.pipe
  const value = runPipe({ ...node.pipe, assign: null }, frame)
  const entries = at(frame, line, () => entriesOf(value))
  if (entries.length === 0) return runNodes(node.otherwise, inner(frame, frame.dot))
  return entries
    .map(([key, item]) => {
      const block = inner(frame, item)
      // One name takes the item, two take key and item.
      const names = assign?.names ?? []
      if (names.length > 0) block.scope.values.set(names.at(-1) ?? '', item)
      if (names.length > 1) block.scope.values.set(names[0] ?? '', key)
      return runNodes(node.body, block)
    })
    .join('')
}

/** Maps are walked in the order of their keys, as Go does. */
function entriesOf(value: unknown): [unknown, unknown][] {
  if (value === null || value === undefined) return []
  if (Array.isArray(value)) return [...value.entries()]
  if (isMap(value)) return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  throw new Error(`range cannot walk over ${JSON.stringify(value)}`)
}

function runPipe(pipe: Pipe, frame: Frame): unknown {
  let value: unknown
  for (const [index, command] of pipe.commands.entries()) {
    value = runCommand(command, index > 0 ? [value] : [], pipe.line, frame)
  }
  const [name] = pipe.assign?.names ?? []
  if (pipe.assign && name !== undefined) {
    const scope = pipe.assign.fresh ? frame.scope : scopeOf(name, pipe.line, frame)
    scope.values.set(name, value)
  }
  return value
}

function runCommand(command: Operand[], piped: unknown[], line: number, frame: Frame): unknown {
  const [head, ...operands] = command
  if (!head) throw new TemplateError(frame.file, line, 'a value is missing')
  if (head.kind !== 'function') {
    const args = [...operands.map((one) => operandValue(one, line, frame)), ...piped]
    const value = operandValue(head, line, frame)
    if (typeof value === 'function') return at(frame, line, () => value(...args))
    if (args.length === 0) return value
    throw new TemplateError(frame.file, line, 'a value that is no function was given arguments')
  }
  if (head.name === 'and' || head.name === 'or') {
    return runLogic(head.name, operands, piped, line, frame)
  }
  const args = [...operands.map((one) => operandValue(one, line, frame)), ...piped]
  return at(frame, line, () => callFunction(head.name, args, frame))
}

/** The first operand that decides is the answer, and those behind it are not evaluated. */
function runLogic(
  name: 'and' | 'or',
  operands: Operand[],
  piped: unknown[],
  line: number,
  frame: Frame,
): unknown {
  let value: unknown
  for (const operand of operands) {
    value = operandValue(operand, line, frame)
    if (isTrue(value) === (name === 'or')) return value
  }
  return piped.length > 0 ? piped[0] : value
}

function callFunction(name: string, args: unknown[], frame: Frame): unknown {
  if (name === 'include') return include(frame, asText(args[0]), args[1])
  const called = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined
  if (!called) throw new Error(`the function "${name}" is not in the subset that azds renders`)
  return called(...args)
}

function include(frame: Frame, name: string, data: unknown): string {
  const partial = frame.partials.get(name)
  if (!partial) throw new Error(`no template is called "${name}"`)
  if (frame.depth >= MAX_DEPTH) throw new Error(`"${name}" includes itself without end`)
  return evaluate(partial.file, partial.body, data, frame.partials, frame.depth + 1)
}

function operandValue(operand: Operand, line: number, frame: Frame): unknown {
  switch (operand.kind) {
    case 'literal':
      return operand.value
    case 'field':
      return at(frame, line, () => walk(frame.dot, operand.names))
    case 'variable': {
      const value = scopeOf(operand.name, line, frame).values.get(operand.name)
      return at(frame, line, () => walk(value, operand.names))
    }
    case 'group': {
      const value = runPipe(operand.pipe, frame)
      return at(frame, line, () => walk(value, operand.names))
    }
    case 'function':
      return at(frame, line, () => callFunction(operand.name, [], frame))
  }
}

/** A key that a map does not have is nothing; a key of what is no map is an error, as in Go. */
function walk(from: unknown, names: readonly string[]): unknown {
  return names.reduce((value, name) => {
    if (isMap(value)) return Object.hasOwn(value, name) ? value[name] : null
    const what = value === null || value === undefined ? 'nothing' : JSON.stringify(value)
    throw new Error(`${what} has no field "${name}" (.${names.join('.')})`)
  }, from)
}

function scopeOf(name: string, line: number, frame: Frame): Scope {
  for (let scope: Scope | null = frame.scope; scope; scope = scope.outer) {
    if (scope.values.has(name)) return scope
  }
  throw new TemplateError(frame.file, line, `the variable $${name} is not set`)
}

/** Gives an error the place where it came up; one that has a place keeps it. */
function at<T>(frame: Frame, line: number, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof TemplateError) throw error
    throw new TemplateError(frame.file, line, (error as Error).message)
  }
}

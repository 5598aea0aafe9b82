/** What a program's CPU time goes into, told from samples of its stacks as perf(1) prints them. Pure. */

/** The parts, in the order in which they are shown. */
export const PARTS = [
  'kernel: sending',
  'kernel: receiving',
  'kernel: passing on (splice)',
  'kernel: waiting for events',
  'kernel: connections, made and closed',
  'kernel: all else',
  'the program itself',
  'JavaScript and built-ins',
  'Node, libuv, V8 and libc',
  'other threads: collector, compiler',
] as const

export type Part = (typeof PARTS)[number]
/** How many samples fell into each part. */
export type TimeSplit = ReadonlyMap<Part, number>

/** System calls by what a proxy wants of them; those that are not here are `all else`. */
const CALLS: readonly (readonly [Part, RegExp])[] = [
  ['kernel: sending', /^(p?writev?|send(to|msg|mmsg|file64|file))$/],
  ['kernel: receiving', /^(p?readv?|recv(from|msg|mmsg))$/],
  ['kernel: passing on (splice)', /^splice$/],
  ['kernel: waiting for events', /^(epoll_\w+|p?poll|select)$/],
  [
    'kernel: connections, made and closed',
    /^(accept4?|socket|connect|close|shutdown|bind|[gs]etsockopt|get(sock|peer)name|ioctl|fcntl)$/,
  ],
]

/**
 * The functions by which the kernel begins a system call, on x86-64 and on arm64: `__x64_sys_epoll_pwait`, or what is left
 * where the compiler has put the first into its caller, such as `ksys_write`, `__sys_accept4` and `do_writev`.
 */
const CALL = /^(?:__(?:x64|arm64|se|do)_sys_|__sys_|ksys_|do_)(\w+)$/

/** A program that has frames of this file is a Node. */
const NODE = /\/node( \(deleted\))?\)$/m

/**
 * Sorts the output of `perf script -F pid,tid,ip,sym,dso` with call chains.
 * @param text one block for each sample, innermost frame first, an empty line between blocks
 */
export function splitOf(text: string): TimeSplit {
  const split = new Map<Part, number>()
  const isNode = NODE.test(text)
  for (const block of text.split(/\n\s*\n/)) {
    const part = partOf(block.trim(), isNode)
    if (part !== null) split.set(part, (split.get(part) ?? 0) + 1)
  }
  return split
}

interface Frame {
  symbol: string
  /** File of the program or library; `[kernel.kallsyms]` for the kernel. */
  file: string
}

function partOf(block: string, isNode: boolean): Part | null {
  const [head = '', ...lines] = block.split('\n')
  const threads = /^(\d+)\/(\d+)/.exec(head)
  const frames = lines.map(frameOf).filter((frame) => frame !== null)
  const [leaf] = frames
  if (threads === null || leaf === undefined) return null
  // Of Node's threads, only the first runs the program.
  if (threads[1] !== threads[2]) return 'other threads: collector, compiler'
  if (leaf.file.startsWith('[kernel') || leaf.file.startsWith('[guest.kernel')) {
    return kernelPart(frames)
  }
  if (isJavaScriptFile(leaf.file) || leaf.symbol.startsWith('Builtins_')) {
    return 'JavaScript and built-ins'
  }
  return isNode ? 'Node, libuv, V8 and libc' : 'the program itself'
}

/** `ffffffff816b98bc ksys_write ([kernel.kallsyms])` */
function frameOf(line: string): Frame | null {
  const match = /^\s*[0-9a-f]+ (.*) \((.*)\)\s*$/.exec(line)
  if (match === null) return null
  return { symbol: match[1] ?? '', file: match[2] ?? '' }
}

/** Code that was made at run time is in no file; perf looks for its names in one of /tmp. */
function isJavaScriptFile(file: string): boolean {
  return /(^|\/)perf-\d+\.map$/.test(file) || file === '[anon]' || file === '//anon'
}

function kernelPart(frames: readonly Frame[]): Part {
  // From the system call inwards: deeper functions may be called like another one.
  for (const { symbol } of frames.toReversed()) {
    const call = CALL.exec(symbol.replace(/\.(part|isra|constprop)\.\d+$/, ''))?.[1] ?? ''
    const part = CALLS.find(([, calls]) => calls.test(call))?.[0]
    if (part !== undefined) return part
  }
  return 'kernel: all else'
}

/** What one column of the table is about. */
export interface SplitColumn {
  name: string
  split: TimeSplit
  /** CPU time of a unit (a request, a GB), which the parts share. */
  whole: number
}

/**
 * The table as lines of text: a part each, and the CPU time of a unit that goes into it for each program.
 * @param unit what the figures are, e.g. `µs of CPU per request`
 */
export function splitLines(unit: string, columns: readonly SplitColumn[]): string[] {
  const width = Math.max(...PARTS.map((part) => part.length), unit.length) + 2
  const line = (label: string, cells: readonly string[]) =>
    `${label.padEnd(width)}${cells.map((cell) => cell.padStart(14)).join('')}`
  const shown = PARTS.filter((part) => columns.some(({ split }) => split.has(part)))
  const names = columns.map(({ name }) => name)
  const rows = shown.map((part) =>
    line(
      part,
      columns.map((column) => timeOf(column, part)),
    ),
  )
  const totals = columns.map(({ whole }) => whole.toFixed(1))
  return [line(unit, names), ...rows, line('together', totals)]
}

function timeOf({ split, whole }: SplitColumn, part: Part): string {
  const all = [...split.values()].reduce((sum, samples) => sum + samples, 0)
  const samples = split.get(part)
  return samples === undefined ? '–' : ((samples / all) * whole).toFixed(1)
}

/** The flags of `npm start`. */

export interface Flag {
  flag: string
  doc: string
}

export const flags: readonly Flag[] = [
  {
    flag: '--once',
    doc: 'Make the demonstration requests, check every answer and trace, take all down, and end with `N passed, N failed` and exit code 0 or 1.',
  },
  { flag: '--help', doc: 'Print this and end.' },
]

export type Options =
  | { kind: 'run'; once: boolean }
  | { kind: 'help' }
  | { kind: 'wrong'; message: string }

/** Reads the arguments behind `npm start --`. */
export function readOptions(args: readonly string[]): Options {
  if (args.includes('--help')) return { kind: 'help' }
  const unknown = args.find((arg) => arg !== '--once')
  if (unknown === undefined) return { kind: 'run', once: args.includes('--once') }
  return {
    kind: 'wrong',
    message: `npm start does not know "${unknown}". It knows: npm start -- --once`,
  }
}

export function helpText(): string {
  const rows = flags.map(({ flag, doc }) => `  ${flag.padEnd(8)} ${doc}`)
  return `npm start [-- FLAG]\nStarts a one-machine cluster with the sample app and shows what spaces do.\n\n${rows.join('\n')}`
}

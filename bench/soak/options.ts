/** The command line of `npm run soak`. */
import { parseArgs } from 'node:util'

export interface SoakOptions {
  minutes: number
  /** Path of the sidecar's bundle in the repository. */
  bundle: string
  /** Names of the kinds of traffic; empty for all. */
  only: string[]
}

export type ReadSoakOptions =
  | { ok: true; options: SoakOptions }
  | { ok: false; text: string; help: boolean }

const MINUTES = 10
/** A soak always ends by itself. */
const MOST_MINUTES = 240

export const SOAK_USAGE = `Usage: npm run soak -- [options]

  --minutes N     how long traffic flows, from 1 to ${MOST_MINUTES} (default ${MINUTES})
  --only KIND,…   these kinds of traffic only, to find which one makes something grow
  --bundle FILE   the sidecar's bundle in the repository (default dist/proxy.mjs, built first)

Mixed traffic through two sidecars; samples their memory, files and sockets, and fails if one of them grows.
`

export function readSoakOptions(argv: readonly string[]): ReadSoakOptions {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        minutes: { type: 'string', default: `${MINUTES}` },
        bundle: { type: 'string', default: 'dist/proxy.mjs' },
        only: { type: 'string', default: '' },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) return { ok: false, help: true, text: SOAK_USAGE }
    const minutes = Number(values.minutes)
    const only = values.only.split(',').filter((kind) => kind !== '')
    if (minutes >= 1 && minutes <= MOST_MINUTES) {
      return { ok: true, options: { minutes, bundle: values.bundle, only } }
    }
    const text = `--minutes is ${values.minutes}: expected a number from 1 to ${MOST_MINUTES}`
    return { ok: false, help: false, text: `${text}\n\n${SOAK_USAGE}` }
  } catch (error) {
    return { ok: false, help: false, text: `${(error as Error).message}\n\n${SOAK_USAGE}` }
  }
}

/** `azds viewer`: the page with traces, on this machine, with the rights of who runs it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CliError, type Command, EXIT_OK, textFlag, usageError } from '../command.ts'
import { painter } from '../output.ts'
import { startViewerServer } from '../viewer/server.ts'

/** As the playground's, so that the address is a habit. */
const PORT = 7081

/** Beside azds where that is one file; in the build of the repository where it runs from its sources. */
const PLACES = ['viewer', '../../dist/viewer']

function viewerDirectory(): string {
  const places = PLACES.map((place) => join(import.meta.dirname, place))
  const found = places.find((place) => existsSync(join(place, 'index.html')))
  if (found) return found
  throw new CliError(
    `the viewer’s page is not in ${places[0]}: install azds with the folder viewer beside it`,
  )
}

function portOf(text: string | undefined): number {
  if (text === undefined) return PORT
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw usageError(`--port ${text}: expected a port, or 0 for any`)
}

export const viewer: Command = {
  words: ['viewer'],
  summary: 'Show traces in a browser',
  description: [
    'Serves the page with traces on 127.0.0.1 until Ctrl-C, and prints the link to it. The link works once, in\none browser. What the page shows is read with your own rights: who may not read all spaces chooses one.',
  ],
  args: [],
  flags: [{ name: 'port', value: 'PORT', doc: `Port on 127.0.0.1; 0: any; default ${PORT}.` }],
  examples: [['azds viewer', 'prints a link to open']],
  async run(invocation, world) {
    const port = portOf(textFlag(invocation, 'port'))
    const parts = {
      client: world.cluster(),
      source: await world.traces(),
      directory: viewerDirectory(),
      access: 'link',
    } as const
    const server = await startViewerServer({ ...parts, port }).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EADDRINUSE') throw error
        throw new CliError(
          `port ${port} of 127.0.0.1 is in use: choose another with --port, or 0 for any`,
        )
      },
    )
    const paint = painter(world.colour)
    world.out(`${paint('cyan', server.url)}\n`)
    world.err('Open the link; it works once. Ctrl-C ends.\n')
    if (!world.stop.aborted) {
      await new Promise((resolve) => world.stop.addEventListener('abort', resolve, { once: true }))
    }
    await server.close()
    return EXIT_OK
  },
}

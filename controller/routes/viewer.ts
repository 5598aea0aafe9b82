/** The viewer's files at `/`. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import type { Log } from '../../core/log.ts'
import { ApiError } from '../server.ts'

/** Serves a directory; where it is missing, `/` says how to get it and the API works all the same. */
export async function viewerRoutes(
  app: FastifyInstance,
  directory: string,
  log: Log,
): Promise<void> {
  const root = resolve(directory)
  if (existsSync(root)) {
    await app.register(fastifyStatic, { root, cacheControl: true, maxAge: 0 })
    return
  }
  log.warn({ directory: root }, 'the viewer is not built')
  app.get('/', { schema: { querystring: { type: 'object' } } }, async () => {
    throw new ApiError(
      404,
      'no-viewer',
      `the viewer is not in ${root}: run "npm run build" or set AZDS_VIEWER_DIR`,
    )
  })
}

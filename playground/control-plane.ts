/** API server and controllers together: what a cluster is before it has a node. */
import { type ApiServer, type ApiServerOptions, startApiServer } from './apiserver/server.ts'
import { startControllers } from './controllers/controllers.ts'

/** Rejects if one of the addresses to listen on cannot be had. */
export async function startControlPlane(options: ApiServerOptions): Promise<ApiServer> {
  const api = await startApiServer(options)
  const { objects, caPem } = api
  const controllers = startControllers({ objects, caPem, ...(options.log && { log: options.log }) })
  return {
    ...api,
    close: async () => {
      await controllers.close()
      await api.close()
    },
  }
}

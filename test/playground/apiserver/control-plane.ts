/** A control plane for tests: API server and controllers on a free port, closed together. */
import {
  type ApiServer,
  type ApiServerOptions,
  startApiServer,
} from '../../../playground/apiserver/server.ts'
import { startControllers } from '../../../playground/controllers/controllers.ts'

export async function startControlPlane(
  options: Partial<ApiServerOptions> = {},
): Promise<ApiServer> {
  const api = await startApiServer({ host: '127.0.0.1', port: 0, ...options })
  const controllers = startControllers({ objects: api.objects, caPem: api.caPem })
  return {
    ...api,
    close: async () => {
      await controllers.close()
      await api.close()
    },
  }
}

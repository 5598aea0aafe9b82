/** Asks a controller that is behind TLS, with Node's own client. */
import type { AskController, ControllerTarget } from './controller-endpoint.ts'

/** @param request for tests; that of `node:https` otherwise, which is loaded only then: 11 MB of every pod's memory */
export function createAskOverTls(
  target: ControllerTarget,
  request: typeof import('node:https').request = process.getBuiltinModule('node:https').request,
): AskController {
  return ({ method, path, headers, body, silenceMs }, listener) => {
    let over = false
    const fail = (problem: string) => {
      if (over) return
      over = true
      listener.onFail(problem)
    }
    const asked = request({
      method,
      hostname: target.hostname,
      // The certificate knows nothing of the dot.
      servername: target.hostname.replace(/\.$/, ''),
      port: target.port,
      path: target.prefix + path,
      headers: { ...headers, host: target.hostHeader },
      timeout: silenceMs,
    })
    asked.on('timeout', () => asked.destroy(new Error(`nothing came for ${silenceMs} ms`)))
    asked.on('error', (error) => fail(error.message || String(error)))
    asked.on('close', () => fail('the connection was closed before an answer'))
    asked.on('response', (response) => {
      if (over) return
      listener.onStatus(response.statusCode ?? 0)
      response.on('data', (bytes: Buffer) => {
        if (!over) listener.onData(bytes)
      })
      response.on('error', (error) => fail(error.message))
      response.on('end', () => {
        if (over) return
        over = true
        listener.onEnd()
      })
    })
    asked.end(body)
    const abort = () => {
      over = true
      asked.destroy()
    }
    return { abort }
  }
}

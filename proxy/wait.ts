/**
 * `proxy wait`: waits until the proxy in this pod is ready. In the classic layout it runs as the
 * proxy container's postStart hook, which holds back the containers that follow.
 */

export interface WaitOptions {
  adminPort: number
  /** Longest wait in milliseconds. */
  timeoutMs: number
}

/** Longest wait of the hook, in ms: an image pull is over by then, what follows takes seconds. */
export const WAIT_TIMEOUT_MS = 120_000

/** How often it asks, in ms: a pod's start is at most this much longer. */
const POLL_MS = 50
/** Longest time for one answer, in ms. */
const ANSWER_MS = 1000

/** Resolves to true once `/ready` says 200, and to false when the time is over. */
export async function waitUntilReady({ adminPort, timeoutMs }: WaitOptions): Promise<boolean> {
  const end = performance.now() + timeoutMs
  while (performance.now() < end) {
    if (await isReady(adminPort)) return true
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  return false
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path: '/ready', agent: false, timeout: ANSWER_MS }
    // Loaded here, because the proxy itself does without.
    const { get } = process.getBuiltinModule('node:http')
    const request = get(options, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    request.on('timeout', () => request.destroy())
    request.on('close', () => resolve(false))
    request.on('error', () => resolve(false))
  })
}

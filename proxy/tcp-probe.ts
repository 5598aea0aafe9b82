/**
 * Answers for TCP probes of the app. A kubelet that dialled an app's redirected port itself would reach the
 * sidecar, which takes every connection, and would find the app well whatever it does.
 */
import type { Dial, StreamListener } from './stream.ts'

/** What a probe has found; why, where the app does not answer. */
export type ProbeOutcome = { reached: true } | { reached: false; problem: string }

export type ProbeTcp = (port: number) => Promise<ProbeOutcome>

/** Where the app is if nobody has said which addresses the pod has. */
const LOOPBACK = '127.0.0.1'

/**
 * Makes the probe of this pod. It dials what a kubelet would, the first of the pod's addresses, and no other: an
 * app that listens on loopback alone gets no connection of anybody's. Connections of the proxy's own uid are
 * not redirected.
 * @returns resolves once the connection stands or has failed, in the transport's time to connect at most
 */
export function createTcpProbe(podIps: readonly string[], dial: Dial): ProbeTcp {
  const ip = podIps[0] ?? LOOPBACK
  return (port) => {
    return new Promise((resolve) => {
      const stream = dial({ ip, port })
      const listener: StreamListener = {
        onConnect: () => {
          resolve({ reached: true })
          // FIN, as a kubelet does: a reset would fill the logs of some apps.
          stream.close()
        },
        onData: () => {},
        onEnd: () => {},
        onDrain: () => {},
        onClose: (error) =>
          resolve({ reached: false, problem: error?.message ?? 'the connection was closed' }),
      }
      stream.listen(listener)
    })
  }
}

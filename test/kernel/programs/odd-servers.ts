/** Starts the servers of `odd-server.ts` in a pod, with a client pod and a Service before them. */
import { type LabProcess, NODE_INSIDE, REPO_INSIDE, spawnIn, waitForPort } from '../lab.ts'
import {
  type AddPodOptions,
  APP_UID,
  createSidecarPods,
  eventually,
  RECORD_TIMEOUT_MS,
  type SidecarPod,
  type SidecarPods,
} from './sidecar-pods.ts'

export interface OddServers {
  pods: SidecarPods
  client: SidecarPod
  server: SidecarPod
  program: LabProcess
  /** Has the deaf servers read what was sent to them; resolves when they do. */
  hear(): Promise<void>
}

/**
 * @param behaviours by port; a port with none has no server, but is one of the Service
 * @param options of both pods
 */
export async function startOddServers(
  clusterIp: string,
  behaviours: Readonly<Record<number, string | null>>,
  options: AddPodOptions = {},
): Promise<OddServers> {
  const pods = await createSidecarPods()
  try {
    const client = await pods.addPod('client', options)
    const server = await pods.addPod('odd', options)
    const ports = Object.keys(behaviours).map((port) => ({
      port: Number(port),
      targetPort: Number(port),
    }))
    const pairs = Object.entries(behaviours).filter(([, behaviour]) => behaviour !== null)
    const args = pairs.flatMap(([port, behaviour]) => [`${behaviour}`, port])
    const argv = [NODE_INSIDE, `${REPO_INSIDE}/test/kernel/programs/odd-server.ts`, ...args]
    const program = spawnIn(server, argv, { uid: APP_UID })
    for (const [port] of pairs) await waitForPort(server, Number(port), { server: program })
    await pods.publish([{ space: 'dev', name: 'odd', clusterIp, ports, pod: server }])
    let asked = 0
    const hear = async () => {
      program.child.stdin.write('\n')
      asked++
      const heard = () => program.output.stdout.split('READ\n').length - 1
      await eventually(
        () => heard() >= asked,
        RECORD_TIMEOUT_MS,
        () => `the servers do not read: ${program.output.stderr}`,
      )
    }
    return { pods, client, server, program, hear }
  } catch (cause) {
    await pods.close()
    throw cause
  }
}

/** The kubelet: follows the pods of this node and gives each a worker; ends them when they are deleted. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import type { Exec, ExecResult } from '../../core/exec.ts'
import { type Cached, watchCache } from '../../core/kube/cache.ts'
import { type KubeClient, KubeError } from '../../core/kube/client.ts'
import type { KubeObject } from '../../core/kube/types.ts'
import type { Log } from '../../core/log.ts'
import type { PodConnection } from '../apiserver/pod-forward.ts'
import { type AddressPool, NODE_NAME } from './addresses.ts'
import type { ContainerLog } from './container-log.ts'
import { eventRecorder } from './events.ts'
import { launchContainer } from './launch.ts'
import type { Machine } from './machine.ts'
import { nodeObject } from './node-object.ts'
import { dialPod } from './pod-dial.ts'
import { readReferences, referencesOf } from './pod-references.ts'
import { PodTokens, tokenRequester } from './pod-tokens.ts'
import type { PodView } from './pod-view.ts'
import { PodVolumes } from './pod-volumes.ts'
import { type PodDeps, PodWorker } from './pod-worker.ts'
import { createSandbox } from './sandbox.ts'
import { StatusWriter } from './status-writer.ts'

export interface KubeletDeps {
  client: KubeClient
  log: Log
  exec: Exec
  machine: Machine
  addresses: AddressPool
  /** Directory for the pods' files. */
  podsDir: string
  repo: string
  nodeBinary: string
  caCertificate: string
  now(): number
}

export interface Kubelet {
  /** A container's log, or that of the run before; null if there is none. */
  logOf(pod: PodName, container: string, previous: boolean): ContainerLog | null
  /** Runs a command in a running container, as its user. */
  exec(pod: PodName, container: string, command: readonly string[]): Promise<ExecResult>
  /** Connects to a port on the pod's own loopback; throws a sentence if the pod does not run. */
  dial(pod: PodName, port: number): PodConnection
  /** As `exec`, with its streams open. */
  attach(
    pod: PodName,
    container: string,
    command: readonly string[],
  ): Promise<ChildProcessWithoutNullStreams>
}

export interface PodName {
  namespace: string
  name: string
}

/** A command run in a container by hand may take this long (ms). */
const EXEC_LIMIT_MS = 60_000

/** Registers the node and starts to run its pods. */
export async function startKubelet(deps: KubeletDeps): Promise<Kubelet> {
  const { client, log, now } = deps
  const time = new Date(now()).toISOString().replace(/\.\d+Z$/, 'Z')
  await client.create('/api/v1/nodes', nodeObject(time))
  const statuses = new StatusWriter(client, log, now)
  const podDeps = podDependencies(deps, statuses)
  const workers = new Map<string, PodWorker>()
  const path = `/api/v1/pods?fieldSelector=${encodeURIComponent(`spec.nodeName=${NODE_NAME}`)}`
  const pods: Cached<PodView> = watchCache(client, path, log)

  const adopt = (pod: PodView): PodWorker => {
    const worker = new PodWorker(pod, podDeps)
    workers.set(pod.metadata.uid ?? '', worker)
    void worker.finished.then(() => statuses.changed(worker))
    worker.start()
    return worker
  }
  const end = (worker: PodWorker, pod: PodView) => {
    const first = !worker.runtime.ending
    worker.terminate(pod.metadata.deletionGracePeriodSeconds ?? 0)
    if (!first) return
    void worker.finished.then(async () => {
      await statuses.flushed(worker)
      await deleteNow(client, worker.pod, log)
    })
  }
  pods.onChange(({ old, now: pod }) => {
    const gone = old && old.metadata.uid !== pod?.metadata.uid ? old : null
    if (gone) {
      const worker = workers.get(gone.metadata.uid ?? '')
      workers.delete(gone.metadata.uid ?? '')
      worker?.terminate(0)
      if (worker) statuses.forget(worker)
    }
    if (!pod) return
    const worker = workers.get(pod.metadata.uid ?? '') ?? adopt(pod)
    worker.pod = pod
    if (old && shownMetadata(old) !== shownMetadata(pod)) worker.refreshVolumes()
    if (pod.metadata.deletionTimestamp) end(worker, pod)
  })
  await pods.synced
  followReferences(deps, () => workers.values())

  const find = ({ namespace, name }: PodName, container: string) => {
    const uid = pods.get(`${namespace}/${name}`)?.metadata.uid ?? ''
    const { containers = [] } = workers.get(uid)?.runtime ?? {}
    return containers.find(({ spec }) => spec.name === container) ?? null
  }
  return {
    logOf: (pod, container, previous) => {
      const found = find(pod, container)
      return (previous ? found?.previousLog : found?.log) ?? null
    },
    exec: async (pod, container, command) => {
      const process = find(pod, container)?.process
      if (process) return process.exec(command, EXEC_LIMIT_MS)
      throw notRunning(pod, container)
    },
    dial: (pod, port) => {
      const uid = pods.get(`${pod.namespace}/${pod.name}`)?.metadata.uid ?? ''
      const pid = workers.get(uid)?.sandboxPid
      if (pid) return dialPod(deps.nodeBinary, pid, port)
      throw new Error(`pod ${pod.namespace}/${pod.name} is not running`)
    },
    attach: async (pod, container, command) => {
      const child = await find(pod, container)?.process?.attach(command)
      if (child) return child
      throw notRunning(pod, container)
    },
  }
}

function notRunning({ namespace, name }: PodName, container: string): Error {
  return new Error(`container "${container}" of pod ${namespace}/${name} is not running`)
}

/** What of a pod's metadata its volumes can show, to compare. */
function shownMetadata({ metadata: { labels, annotations } }: PodView): string {
  return JSON.stringify([labels, annotations])
}

/** A ConfigMap or Secret that changes, or appears at last, is seen in the pods that show it. */
function followReferences(
  { client, log }: KubeletDeps,
  workers: () => IterableIterator<PodWorker>,
): void {
  for (const [plural, list] of [
    ['configmaps', 'configMaps'],
    ['secrets', 'secrets'],
  ] as const) {
    // Only that something has changed is of interest: what, is read by the pod concerned.
    const keep = ({ metadata }: KubeObject): KubeObject => {
      const { namespace = '', name = '', resourceVersion = '' } = metadata
      return { metadata: { namespace, name, resourceVersion } }
    }
    watchCache<KubeObject>(client, `/api/v1/${plural}`, log, { keep }).onChange(({ key }) => {
      for (const worker of workers()) {
        const prefix = `${worker.pod.metadata.namespace}/`
        const names = referencesOf(worker.pod)[list]
        if (names.some((name) => prefix + name === key)) worker.refreshVolumes()
      }
    })
  }
}

function podDependencies(deps: KubeletDeps, statuses: StatusWriter): PodDeps {
  const { client, log, now } = deps
  const request = tokenRequester(client)
  return {
    createSandbox: (pod) => createSandbox(pod, { ...deps, ipv6: deps.machine.ipv6 }),
    createVolumes: (pod, { dir, ips }) =>
      new PodVolumes({
        pod,
        dir: `${dir}/volumes`,
        tokens: new PodTokens(request, now),
        facts: async (current, token) => ({
          pod: current,
          podIps: ips,
          ...(await readReferences(client, current)),
          token,
          caCertificate: deps.caCertificate,
        }),
        now,
        log,
      }),
    launch: async (pod, place, container, containerLog) => {
      try {
        const references = await readReferences(client, pod)
        const facts = { pod, podIps: place.sandbox.ips, ...references }
        return await launchContainer(container, { pod, ...place, facts }, containerLog, deps)
      } catch (error) {
        const { message } = error as Error
        return { ok: false, reason: 'CreateContainerError', message, final: false }
      }
    },
    changed: (worker) => statuses.changed(worker),
    event: eventRecorder(client, log, now),
    now,
  }
}

async function deleteNow(client: KubeClient, pod: PodView, log: Log): Promise<void> {
  const { namespace, name } = pod.metadata
  try {
    await client.delete(`/api/v1/namespaces/${namespace}/pods/${name}?gracePeriodSeconds=0`)
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return
    log.error({ namespace, name, error: (error as Error).message }, 'pod not deleted')
  }
}

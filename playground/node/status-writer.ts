/** Writes pods' statuses to the API server: the newest one only, one request at a time for each pod. */
import { type KubeClient, KubeError } from '../../core/kube/client.ts'
import type { Log } from '../../core/log.ts'
import { type Condition, podStatus } from './pod-status.ts'
import type { PodWorker } from './pod-worker.ts'

interface Slot {
  dirty: boolean
  writing: Promise<void> | null
  conditions: Condition[]
}

export class StatusWriter {
  readonly #client: KubeClient
  readonly #log: Log
  readonly #now: () => number
  readonly #slots = new Map<PodWorker, Slot>()

  constructor(client: KubeClient, log: Log, now: () => number) {
    this.#client = client
    this.#log = log
    this.#now = now
  }

  /** The pod's state has changed. */
  changed(worker: PodWorker): void {
    const slot = this.#slots.get(worker) ?? { dirty: false, writing: null, conditions: [] }
    this.#slots.set(worker, slot)
    slot.dirty = true
    slot.writing ??= this.#write(worker, slot).finally(() => {
      slot.writing = null
    })
  }

  /** Resolves once the last change is written. */
  async flushed(worker: PodWorker): Promise<void> {
    await this.#slots.get(worker)?.writing
  }

  forget(worker: PodWorker): void {
    this.#slots.delete(worker)
  }

  async #write(worker: PodWorker, slot: Slot): Promise<void> {
    // Changes that come together in one turn of the event loop make one request.
    await new Promise((resolve) => setImmediate(resolve))
    while (slot.dirty) {
      slot.dirty = false
      const status = podStatus(worker.pod, worker.runtime, slot.conditions, this.#now())
      slot.conditions = status['conditions'] as Condition[]
      const { namespace, name, uid } = worker.pod.metadata
      const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`
      try {
        await this.#client.patch(path, 'application/merge-patch+json', {
          metadata: { uid },
          status,
        })
      } catch (error) {
        // Not there any more, or another pod of this name: its status is nobody's concern.
        if (error instanceof KubeError && (error.status === 404 || error.status === 409)) return
        this.#log.error({ namespace, name, error: (error as Error).message }, 'status not written')
      }
    }
  }
}

/** Runs one pod: sandbox, init containers in order, sidecars, main containers, and the end of them all. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ContainerLog } from './container-log.ts'
import { type ContainerDeps, ContainerWorker, type Launch } from './container-worker.ts'
import { type ContainerRuntime, newRuntime, type PodRuntime } from './pod-runtime.ts'
import type { PodView } from './pod-view.ts'
import type { PodVolumes } from './pod-volumes.ts'
import type { Sandbox } from './sandbox.ts'
import type { Volumes } from './volumes.ts'

export interface PodDeps {
  createSandbox(pod: PodView): Promise<Sandbox>
  /** @param pod gives the pod as it is at the time */
  createVolumes(pod: () => PodView, sandbox: Sandbox): PodVolumes
  launch(
    pod: PodView,
    place: { sandbox: Sandbox; volumes: Volumes },
    container: ContainerRuntime,
    log: ContainerLog,
  ): Promise<Launch>
  changed(worker: PodWorker): void
  event(pod: PodView, type: 'Normal' | 'Warning', reason: string, message: string): void
  now(): number
}

/** Pause (ms) before a sandbox or a volume that failed is tried again. */
const SETUP_RETRY_MS = 1000
/** Grace period (s) of a pod that names none. */
const DEFAULT_GRACE_SECONDS = 30

export class PodWorker {
  pod: PodView
  readonly runtime: PodRuntime
  readonly #deps: PodDeps
  readonly #ending = new AbortController()
  readonly #killNow = new AbortController()
  readonly #finished = Promise.withResolvers<void>()
  #workers: ContainerWorker[] = []
  #killTimer: NodeJS.Timeout | undefined
  #volumes: PodVolumes | null = null
  #sandbox: Sandbox | null = null

  constructor(pod: PodView, deps: PodDeps) {
    this.pod = pod
    this.#deps = deps
    this.runtime = newRuntime(pod, deps.now())
  }

  /** Every container has ended for good and the sandbox is gone. */
  get finished(): Promise<void> {
    return this.#finished.promise
  }

  start(): void {
    this.#run().then(
      () => this.#finished.resolve(),
      (error: Error) => {
        this.#deps.event(this.pod, 'Warning', 'Failed', error.message)
        this.runtime.failure = { reason: 'PlaygroundError', message: error.message }
        this.#deps.changed(this)
        this.#finished.resolve()
      },
    )
  }

  /** A process in the pod's namespaces; null before they are there and after they have gone. */
  get sandboxPid(): number | null {
    return this.#sandbox?.pid ?? null
  }

  /** The pod, or something that it refers to, is no longer what it was: its volumes follow. */
  refreshVolumes(): void {
    this.#volumes?.refresh()
  }

  /** Ends the pod within `graceSeconds`; a later call may only shorten that. */
  terminate(graceSeconds: number): void {
    clearTimeout(this.#killTimer)
    if (graceSeconds <= 0) this.#killNow.abort()
    else this.#killTimer = setTimeout(() => this.#killNow.abort(), graceSeconds * 1000)
    if (this.#ending.signal.aborted) return
    this.runtime.ending = true
    this.#ending.abort()
    this.#deps.event(this.pod, 'Normal', 'Killing', 'Stopping containers')
  }

  async #run(): Promise<void> {
    const sandbox = await this.#untilDone(
      () => this.#deps.createSandbox(this.pod),
      'FailedCreatePodSandBox',
    )
    if (!sandbox) return
    this.#sandbox = sandbox
    const podVolumes = this.#deps.createVolumes(() => this.pod, sandbox)
    this.#volumes = podVolumes
    try {
      this.runtime.ips = sandbox.ips
      this.#deps.changed(this)
      const volumes = await this.#untilDone(async () => {
        const result = await podVolumes.mount()
        if (!result.ok) throw new Error(result.mistake)
        return result.volumes
      }, 'FailedMount')
      if (volumes) await this.#runContainers(sandbox, volumes)
    } finally {
      clearTimeout(this.#killTimer)
      this.#sandbox = null
      await podVolumes.close()
      await sandbox.remove()
      this.#deps.changed(this)
    }
  }

  async #runContainers(sandbox: Sandbox, volumes: Volumes): Promise<void> {
    const place = { sandbox, volumes }
    this.#workers = this.runtime.containers.map(
      (container) => new ContainerWorker(container, this.#containerDeps(place)),
    )
    const ended = this.#endAll()
    if (await this.#initialize()) await this.#runMains()
    // Sidecars end last, in reverse order; also where the pod was not told to end.
    if (!this.#ending.signal.aborted) await this.#stopSidecars()
    else await ended
  }

  /** True if every init container succeeded and every sidecar started. */
  async #initialize(): Promise<boolean> {
    for (const worker of this.#of('init', 'sidecar')) {
      if (this.#ending.signal.aborted) return false
      worker.start()
      if (worker.container.kind === 'sidecar') await worker.started
      else if ((await worker.finished) !== 0) return false
    }
    return !this.#ending.signal.aborted
  }

  /** Starts them one after the other, as each postStart hook holds the next one back. */
  async #runMains(): Promise<void> {
    const mains = this.#of('main')
    const running: ContainerWorker[] = []
    for (const worker of mains) {
      if (this.#ending.signal.aborted) break
      worker.start()
      running.push(worker)
      await worker.launched
    }
    await Promise.all(running.map((worker) => worker.finished))
  }

  /** Waits for the order to end, then ends first the main and init containers, then the sidecars. */
  async #endAll(): Promise<void> {
    const { signal } = this.#ending
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
    const first = this.#of('init', 'main').map((worker) => worker.stop(this.#killNow.signal))
    await Promise.all(first)
    await this.#stopSidecars()
  }

  async #stopSidecars(): Promise<void> {
    for (const worker of this.#of('sidecar').reverse()) await worker.stop(this.#killNow.signal)
  }

  #of(...kinds: string[]): ContainerWorker[] {
    return this.#workers.filter(({ container }) => kinds.includes(container.kind))
  }

  #containerDeps(place: { sandbox: Sandbox; volumes: Volumes }): ContainerDeps {
    const grace = this.pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS
    return {
      restartPolicy: this.pod.spec.restartPolicy ?? 'Always',
      podIp: place.sandbox.ips[0] ?? '',
      launch: (container, log) => this.#deps.launch(this.pod, place, container, log),
      changed: () => this.#deps.changed(this),
      event: (type, reason, message) => this.#deps.event(this.pod, type, reason, message),
      now: this.#deps.now,
      graceMs: grace * 1000,
    }
  }

  /** Tries until it works or the pod is to end (null); each new cause becomes an Event. */
  async #untilDone<T>(attempt: () => Promise<T>, reason: string): Promise<T | null> {
    let told = ''
    while (!this.#ending.signal.aborted) {
      try {
        return await attempt()
      } catch (error) {
        const { message } = error as Error
        // The same trouble has another process number in it each time.
        const gist = message.replace(/\d+/g, '')
        if (gist !== told) this.#deps.event(this.pod, 'Warning', reason, message)
        told = gist
      }
      await this.#pause(SETUP_RETRY_MS)
    }
    return null
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#ending.signal }).catch(() => {})
  }
}

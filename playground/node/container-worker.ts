/** Runs one container of a pod until it has ended for good: start, hooks, probes, restarts, stop. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Outcome, tryAction } from './action.ts'
import { Backoff } from './backoff.ts'
import { ContainerLog } from './container-log.ts'
import type { ContainerProcess, Exit } from './container-process.ts'
import type { ContainerRuntime } from './pod-runtime.ts'
import { restarts } from './pod-status.ts'
import type { Action, Probe } from './pod-view.ts'
import { runProbe } from './probe-loop.ts'

export type Launch =
  | { ok: true; process: ContainerProcess; id: string }
  /** `final`: no later try can succeed. */
  | { ok: false; reason: string; message: string; final: boolean }

export interface ContainerDeps {
  restartPolicy: string
  podIp: string
  /** Makes the process; says why not where the pod's definition is at fault. */
  launch(container: ContainerRuntime, log: ContainerLog): Promise<Launch>
  /** The runtime has changed: the pod's status is to be written. */
  changed(): void
  event(type: 'Normal' | 'Warning', reason: string, message: string): void
  now(): number
  graceMs: number
}

/** Pause (ms) before a container whose definition is at fault is looked at again. */
const CONFIG_RETRY_MS = 1000
/** A hook may take this long (ms); Kubernetes has no limit but the grace period. */
const HOOK_LIMIT_MS = 120_000

export class ContainerWorker {
  readonly container: ContainerRuntime
  readonly #deps: ContainerDeps
  readonly #stopping = new AbortController()
  #begun = false
  readonly #launched = Promise.withResolvers<void>()
  readonly #started = Promise.withResolvers<void>()
  readonly #finished = Promise.withResolvers<number | null>()

  constructor(container: ContainerRuntime, deps: ContainerDeps) {
    this.container = container
    this.#deps = deps
  }

  /** The first run is up and its postStart hook is done, or the first try was refused. */
  get launched(): Promise<void> {
    return this.#launched.promise
  }

  /** The startup probe has passed (or the container runs and has none), or it has ended for good. */
  get started(): Promise<void> {
    return this.#started.promise
  }

  /** It will not run again: the last exit code, or null if it never ran. */
  get finished(): Promise<number | null> {
    return this.#finished.promise
  }

  start(): void {
    this.#begun = true
    void this.#loop()
  }

  /**
   * Ends it: preStop hook, SIGTERM, and SIGKILL once `killNow` aborts. Resolves when it has ended. Also
   * right for one that was never started.
   */
  async stop(killNow: AbortSignal): Promise<void> {
    const first = !this.#stopping.signal.aborted
    this.#stopping.abort()
    const { process } = this.container
    if (process && first) await this.#end(process, killNow)
    if (this.#begun) await this.finished
  }

  async #loop(): Promise<void> {
    const backoff = new Backoff()
    let code: number | null = null
    try {
      while (!this.#stopping.signal.aborted) {
        const ran = await this.#runOnce()
        if (ran === null) continue
        code = ran.code
        if (this.#stopping.signal.aborted || !this.#restarts(code)) break
        await this.#waitForRestart(backoff.after(ran.ranMs))
      }
    } finally {
      this.#launched.resolve()
      this.#started.resolve()
      this.#finished.resolve(code)
    }
  }

  #restarts(code: number): boolean {
    const { kind } = this.container
    if (kind === 'sidecar') return true
    if (kind === 'init') return code !== 0 && this.#deps.restartPolicy !== 'Never'
    return restarts(this.#deps.restartPolicy, code)
  }

  async #waitForRestart(pauseMs: number): Promise<void> {
    const { container } = this
    const { name } = container.spec
    if (container.state.kind === 'terminated') container.lastState = container.state
    if (pauseMs > 0) {
      const message = `back-off ${pauseMs / 1000}s restarting failed container ${name}`
      container.state = { kind: 'waiting', reason: 'CrashLoopBackOff', message }
      this.#deps.changed()
      this.#deps.event('Warning', 'BackOff', `Back-off restarting failed container ${name}`)
      await this.#pause(pauseMs)
      if (this.#stopping.signal.aborted && container.lastState)
        container.state = container.lastState
    }
    if (!this.#stopping.signal.aborted) container.restartCount += 1
  }

  /** One run; null if it could not be started (and was waited for). */
  async #runOnce(): Promise<{ code: number; ranMs: number } | null> {
    const { container } = this
    const log = new ContainerLog(this.#deps.now)
    const launch = await this.#deps.launch(container, log)
    if (!launch.ok) {
      await this.#refused(launch)
      return null
    }
    const { process } = launch
    const startedAt = this.#deps.now()
    container.previousLog = container.log
    container.log = log
    container.id = launch.id
    container.process = process
    container.state = { kind: 'running', startedAt }
    this.#deps.event('Normal', 'Started', `Started container ${container.spec.name}`)
    const watching = new AbortController()
    this.#afterStart(process, watching.signal)
    // A stop that came while the process was being made has not seen it.
    if (this.#stopping.signal.aborted) void process.signal('SIGKILL')
    const exit = await process.exit
    watching.abort()
    this.#ended(exit, startedAt)
    return { code: exit.code, ranMs: this.#deps.now() - startedAt }
  }

  async #refused({ reason, message, final }: Extract<Launch, { ok: false }>): Promise<void> {
    const { container } = this
    this.#launched.resolve()
    const known = container.state
    if (known.kind !== 'waiting' || known.reason !== reason || known.message !== message) {
      container.state = { kind: 'waiting', reason, message }
      this.#deps.event('Warning', 'Failed', message)
      this.#deps.changed()
    }
    if (final && reason === 'ErrImagePull') {
      await this.#pause(CONFIG_RETRY_MS)
      const backOff = { reason: 'ImagePullBackOff', message: `Back-off pulling image: ${message}` }
      container.state = { kind: 'waiting', ...backOff }
      this.#deps.event('Normal', 'BackOff', backOff.message)
      this.#deps.changed()
    }
    await this.#pause(final ? null : CONFIG_RETRY_MS)
  }

  /** Hook and probes of a run; they end with `signal`. */
  #afterStart(process: ContainerProcess, signal: AbortSignal): void {
    const { startupProbe, lifecycle } = this.container.spec
    const hook = lifecycle?.postStart
    if (hook) void this.#postStart(hook, process)
    else this.#launched.resolve()
    if (startupProbe) this.#probe('Startup', startupProbe, process, signal)
    else this.#markStarted(process, signal)
    this.#deps.changed()
  }

  async #postStart(hook: Action, process: ContainerProcess): Promise<void> {
    const outcome = await this.#act(hook, process, HOOK_LIMIT_MS)
    if (!outcome.ok) {
      this.#deps.event('Warning', 'FailedPostStartHook', outcome.message)
      await this.#endGently(process)
    }
    this.#launched.resolve()
  }

  #markStarted(process: ContainerProcess, signal: AbortSignal): void {
    const { readinessProbe, livenessProbe } = this.container.spec
    this.container.started = true
    this.container.ready = !readinessProbe
    this.#started.resolve()
    this.#deps.changed()
    if (readinessProbe) this.#probe('Readiness', readinessProbe, process, signal)
    if (livenessProbe) this.#probe('Liveness', livenessProbe, process, signal)
  }

  #probe(
    name: 'Startup' | 'Readiness' | 'Liveness',
    probe: Probe,
    process: ContainerProcess,
    signal: AbortSignal,
  ): void {
    const onVerdict = (ok: boolean, message: string): boolean => {
      if (!ok) this.#deps.event('Warning', 'Unhealthy', `${name} probe failed: ${message}`)
      if (name === 'Readiness') {
        this.container.ready = ok
        this.#deps.changed()
        return false
      }
      if (!ok) {
        const { name: container } = this.container.spec
        const why = `Container ${container} failed ${name.toLowerCase()} probe, will be restarted`
        this.#deps.event('Normal', 'Killing', why)
        void this.#endGently(process)
        return true
      }
      if (name === 'Startup') this.#markStarted(process, signal)
      return name === 'Startup'
    }
    const attempt = (timeoutMs: number) => this.#act(probe, process, timeoutMs)
    void runProbe({ probe, eager: name !== 'Liveness', attempt, onVerdict }, signal)
  }

  #act(action: Action, process: ContainerProcess, timeoutMs: number): Promise<Outcome> {
    const target = { podIp: this.#deps.podIp, container: this.container.spec, process }
    return tryAction(action, target, timeoutMs)
  }

  #endGently(process: ContainerProcess): Promise<void> {
    return this.#end(process, AbortSignal.timeout(this.#deps.graceMs))
  }

  async #end(process: ContainerProcess, killNow: AbortSignal): Promise<void> {
    const ended = process.exit.then(() => {})
    const kill = () => void process.signal('SIGKILL')
    if (killNow.aborted) kill()
    else killNow.addEventListener('abort', kill, { once: true })
    const hook = this.container.spec.lifecycle?.preStop
    if (hook && !killNow.aborted) {
      const hooked = this.#act(hook, process, HOOK_LIMIT_MS).then((outcome) => {
        if (!outcome.ok) this.#deps.event('Warning', 'FailedPreStopHook', outcome.message)
      })
      await Promise.race([hooked, ended])
    }
    await process.signal('SIGTERM')
    await ended
    killNow.removeEventListener('abort', kill)
  }

  #ended({ code, signal }: Exit, startedAt: number): void {
    const { container } = this
    container.process = null
    container.ready = false
    container.started = false
    container.state = {
      kind: 'terminated',
      exitCode: code,
      signal,
      reason: code === 0 ? 'Completed' : 'Error',
      startedAt,
      finishedAt: this.#deps.now(),
    }
    this.#deps.changed()
  }

  /** @param ms null waits until the worker is stopped */
  async #pause(ms: number | null): Promise<void> {
    const { signal } = this.#stopping
    if (signal.aborted) return
    if (ms === null) {
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
      return
    }
    await sleep(ms, undefined, { signal }).catch(() => {})
  }
}

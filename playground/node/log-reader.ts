/** Reads a container's log as `kubectl logs` asks for it. */
import type { LogOptions } from '../apiserver/pod-log.ts'
import type { ContainerLog, LogLine } from './container-log.ts'

/** The lines that are there, then (if followed) those that come, each with its line feed. */
export async function* readLog(log: ContainerLog, options: LogOptions): AsyncGenerator<string> {
  const render = ({ time, text }: LogLine) =>
    options.timestamps ? `${new Date(time).toISOString()} ${text}\n` : `${text}\n`
  const { tailLines } = options
  const queue: (LogLine | null)[] = []
  let wake = () => {}
  // Listening begins before the old lines are taken, so that none falls between.
  const stop = options.follow
    ? log.follow((line) => {
        queue.push(line)
        wake()
      })
    : () => {}
  const aborted = () => wake()
  options.signal.addEventListener('abort', aborted)
  try {
    const old = log.lines.slice(tailLines === null ? 0 : Math.max(0, log.lines.length - tailLines))
    if (old.length > 0) yield old.map(render).join('')
    if (!options.follow) return
    while (!options.signal.aborted) {
      const next = queue.shift()
      if (next === null) return
      if (next) {
        yield render(next)
        continue
      }
      await new Promise<void>((resolve) => {
        wake = resolve
        if (queue.length > 0 || options.signal.aborted) resolve()
      })
    }
  } finally {
    stop()
    options.signal.removeEventListener('abort', aborted)
  }
}

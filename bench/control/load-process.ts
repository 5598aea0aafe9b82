/** The processes of the row `admission` beside the webhook: the load, and a server that answers at once. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pinned } from '../cores.ts'
import type { LoadResult } from './admission-load.ts'

/** Of the load, as nice(1) has it; root alone may. */
const LOAD_PRIORITY = -10
/** The load collects its garbage when it is told to, and else not within a round. */
const LOAD_FLAGS = ['--expose-gc', '--max-semi-space-size=64'] as const

export interface Bare {
  load: Load
  stop(): void
}

/**
 * A server that has nothing to do, where the webhook runs.
 * @param spaces that the load asks about
 */
export async function startBare(spaces: number): Promise<Bare> {
  const program = join(import.meta.dirname, 'programs/answer-at-once.ts')
  const command = pinned('proxy', [process.execPath, program])
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [line] = await once(createInterface({ input: child.stdout }), 'line')
    const { port, ca } = JSON.parse(String(line)) as { port: number; ca: string }
    const load = startLoad(port, ca, spaces)
    return {
      load,
      stop() {
        load.stop()
        child.kill('SIGKILL')
      },
    }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}

export interface Load {
  ask(command: string): Promise<LoadResult>
  stop(): void
}

export function startLoad(port: number, ca: string, spaces: number): Load {
  const directory = mkdtempSync(join(tmpdir(), 'azds-load-'))
  const file = join(directory, 'ca.crt')
  writeFileSync(file, ca)
  const program = join(import.meta.dirname, 'admission-load.ts')
  const argv = [program, String(port), file, String(spaces)]
  const command = pinned('load', [process.execPath, ...LOAD_FLAGS, ...argv])
  const child: ChildProcess = spawn(command[0] ?? '', command.slice(1), {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  goFirst(child.pid ?? 0)
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  return {
    async ask(command) {
      child.stdin?.write(`${command}\n`)
      const line = await Promise.race([
        once(lines, 'line').then(([text]) => String(text)),
        once(child, 'exit').then(() => null),
      ])
      if (line === null) throw new Error('the load ended early')
      return JSON.parse(line) as LoadResult
    },
    stop() {
      child.kill('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Without the right to it the load shares its processor with the API server as equals, and shows that in its times. */
function goFirst(pid: number): void {
  try {
    setPriority(pid, LOAD_PRIORITY)
  } catch {
    // Figures of the server that answers at once tell what it costs.
  }
}

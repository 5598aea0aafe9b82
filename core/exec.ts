/** Runs one program without a shell and returns what it printed; failures name program and output. */
import { execFile } from 'node:child_process'

export interface ExecResult {
  code: number
  stdout: string
  stderr: string
}

/** Runs `file` with `args`; resolves whatever the exit code, rejects only if it could not start. */
export type Exec = (
  file: string,
  args: readonly string[],
  options?: { input?: string; timeoutMs?: number; env?: Record<string, string> },
) => Promise<ExecResult>

/** Output beyond this is an error: nothing we run prints more than a few kilobytes. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024
/** What we run takes milliseconds; waiting for another program's iptables lock is the slowest part. */
const DEFAULT_TIMEOUT_MS = 30_000

export const exec: Exec = (file, args, options = {}) =>
  new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      {
        encoding: 'utf8',
        maxBuffer: MAX_OUTPUT_BYTES,
        timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
        // A program that ignores SIGTERM would outlive its time-out, and the promise with it.
        killSignal: 'SIGKILL',
        ...(options.env && { env: { ...process.env, ...options.env } }),
      },
      (error, stdout, stderr) => {
        if (error && typeof error.code !== 'number') {
          const cause = error.killed
            ? `did not end within ${options.timeoutMs ?? DEFAULT_TIMEOUT_MS} ms`
            : error.message
          reject(new Error(`${commandLine(file, args)}: ${cause}`, { cause: error }))
          return
        }
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
      },
    )
    child.stdin?.on('error', () => {
      // The program ended without reading its input; its exit code tells the story.
    })
    child.stdin?.end(options.input ?? '')
  })

/** Runs and rejects on any exit code but 0, with the command line and its output in the message. */
export async function execOk(run: Exec, ...call: Parameters<Exec>): Promise<ExecResult> {
  const result = await run(...call)
  if (result.code === 0) return result
  const output = (result.stderr.trim() || result.stdout.trim() || 'no output').slice(0, 2000)
  throw new Error(`${commandLine(call[0], call[1])} exited with ${result.code}: ${output}`)
}

function commandLine(file: string, args: readonly string[]): string {
  return [file, ...args].join(' ')
}

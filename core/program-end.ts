/**
 * How a program ends for sure. Node 24 waits for V8's threads when a program ends; one of them that compiles may wait
 * for memory that only a collection by the main thread would free, and then neither ever ends (nodejs/node#54918,
 * #64274). An init container would hold its pod up for ever, a sidecar its pod's end.
 */

/** Maglev and Sparkplug write machine code into the heap on other threads; TurboFan does so on the main one. */
export const COMPILE_ON_MAIN_THREAD = ['--no-maglev', '--no-concurrent-sparkplug'] as const

/** How long what is being compiled may still take, ms: some need one, on a throttled processor ten. */
const SETTLE_MS = 100

/**
 * From now on, nothing that waits for the main thread is compiled on another one. For programs that end soon: in one
 * that runs for long, code becomes fast later.
 */
export function compileOnMainThread(): void {
  // Not imported: it would be in a sidecar's memory all the time, with Node's streams 2 MB. The early versions of
  // Node 20 that cannot say it this way do not have these compilers either.
  const v8 = process.getBuiltinModule?.('node:v8')
  for (const flag of COMPILE_ON_MAIN_THREAD) v8?.setFlagsFromString(flag)
}

/** To be awaited before `process.exit` by a program that has compiled on other threads: none is at it any more. */
export async function compilersAtRest(): Promise<void> {
  compileOnMainThread()
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
}

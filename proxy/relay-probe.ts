/**
 * Tries to have the kernel pass bytes before any connection relies on it: over loopback, through a relay, to a server
 * that sends them back through it. A container may forbid splice(2), and another Node may read into a buffer of
 * no size in another way.
 */
import type { PipeCalls } from './pipe-calls.ts'
import { Pipes } from './pipes.ts'
import type { RawBindings } from './raw-bindings.ts'
import { echo, tryOut } from './raw-probe.ts'
import { createRawTransport } from './raw-transport.ts'
import { splice } from './splice.ts'

/** Resolves with what went wrong, or null if all is well. */
export async function probeRelay(
  bindings: RawBindings,
  load: () => PipeCalls,
): Promise<string | null> {
  const pipes = new Pipes(load, { afterBytes: 1, prove: async () => null })
  await pipes.prove()
  const transport = createRawTransport(bindings, { pipes })
  const server = await transport.listen({
    port: 0,
    host: '127.0.0.1',
    onAccept: ({ stream }) => echo(stream),
    onAcceptError: (error) => pipes.giveUp(error.message),
  })
  try {
    const problem = await tryOut(transport, (stream) => {
      splice(stream, transport.dial(server.address), undefined, () => {})
    })
    if (problem !== null) return problem
    return pipes.passed > 0 ? null : 'no byte went through a pipe'
  } finally {
    server.close()
    pipes.close()
  }
}

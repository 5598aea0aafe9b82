/** Joins two connections: bytes and ends pass in both directions, and one that breaks closes the other. */
import type { Socket } from 'node:net'

/** Both sockets must have been made with `allowHalfOpen`. One that is gone already takes the other along. */
export function splice(a: Socket, b: Socket): void {
  if (a.destroyed || b.destroyed) {
    a.destroy()
    b.destroy()
    return
  }
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.on('error', () => to.destroy())
    from.on('close', () => {
      // A connection that broke (rather than ended) must not look like an end on the other side.
      if (!from.readableEnded || from.errored) to.destroy()
    })
    from.pipe(to)
  }
}

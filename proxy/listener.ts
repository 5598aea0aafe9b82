/** Accepts connections and finds out where each of them meant to go. */
import type { Log } from '../core/log.ts'
import { type Address, formatAddress } from '../core/routing-table.ts'
import type { Arrival } from './connection.ts'
import type { FindOriginalDestination } from './original-destination.ts'
import { DEAF } from './stream.ts'
import { type Accepted, CONNECTION_FAULT, type Listening, type Transport } from './transport.ts'

export interface ListenerOptions {
  port: number
  /** Address to listen on; all of both families if absent. */
  host?: string | undefined
  transport: Transport
  /** Null for a gateway, to which clients connect on purpose. */
  originalDestination: FindOriginalDestination | null
  /** Whether an address is one of this proxy's own listeners. */
  isOwn: (address: Address) => boolean
  onArrival: (arrival: Arrival) => void
  /** Told the file descriptor of each connection. */
  onDescriptor: (descriptor: number) => void
  log: Log
}

/** Rejects if the port cannot be had. */
export async function listen(options: ListenerOptions): Promise<Listening> {
  const { port, host, transport, log } = options
  // Known before the first connection comes: that is a turn of the loop away.
  let own = { ip: '', port }
  try {
    const listening = await transport.listen({
      port,
      host,
      onAccept: (accepted) => arrive(accepted, own.port, options),
      onAcceptError: (error) => log.error({ port, error: error.message }, 'accept failed'),
      onFault: (err, { remote }) =>
        log.error({ err, client: formatAddress(remote), port }, CONNECTION_FAULT),
    })
    own = listening.address
    return listening
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`cannot listen on port ${port}: ${reason}`, { cause })
  }
}

function arrive(accepted: Accepted, ownPort: number, options: ListenerOptions): void {
  const { originalDestination, isOwn, onArrival, onDescriptor, log } = options
  const { stream: client, fd } = accepted
  onDescriptor(fd)
  const original = originalDestination?.(fd, client.remote) ?? null
  if (original?.kind === 'failed') {
    log.warn(
      { client: formatAddress(client.remote), problem: original.message },
      'connection refused: its destination is unknown',
    )
    client.listen(DEAF)
    client.reset()
    return
  }
  if (original?.kind !== 'redirected') {
    onArrival({ client, destination: accepted.local(), loop: original !== null })
    return
  }
  const { destination } = original
  // To ask for the own address costs a system call, and only one with this port can be it.
  const itself = destination.port === ownPort && isSame(destination, accepted.local())
  onArrival({ client, destination, loop: itself || isOwn(destination) })
}

function isSame(a: Address, b: Address): boolean {
  return a.port === b.port && a.ip === b.ip
}

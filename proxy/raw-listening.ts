/**
 * Opens a port for the raw transport. Libuv accepts one connection of a listening socket in a turn of the event loop; so
 * there are some sockets for the same port, among which the kernel shares out what comes, and a turn takes up
 * as many connections. With one, clients that connect for each request pay for a turn each: 10 to 15 µs
 * of 100.
 */
import { errnoError, type RawBindings, type TcpHandle } from './raw-bindings.ts'
import { BACKLOG, KEEP_ALIVE_SECONDS, type ListenOptions } from './transport.ts'

/** Sockets of a port. Eight are no better, and each is a descriptor and 1 KiB of memory. */
const DOORS = 4

type Where = Pick<ListenOptions, 'host' | 'port'>

/**
 * Sockets that listen on one port, each with its own queue.
 * @param portOf says the port of a socket, where the kernel chooses it
 * @throws NodeJS.ErrnoException if the port cannot be had
 */
export function openListeners(
  where: Where,
  bindings: RawBindings,
  portOf: (handle: TcpHandle) => number,
): TcpHandle[] {
  // Sockets that share a port would also share it with another proxy that was started by mistake. One that
  // does not share finds out whether there is any.
  const { handle, ip } = openAlone(where, bindings)
  if (bindings.reusePort === 0) return [handle]
  const port = portOf(handle)
  handle.close()
  const shared: TcpHandle[] = []
  for (let door = 0; door < DOORS; door++) {
    const other = new bindings.Tcp(bindings.serverKind)
    shared.push(other)
    if (bindAndListen(other, ip, port, bindings.reusePort) === 0) continue
    // Not known to this kernel, or forbidden by whoever has made the sandbox.
    for (const each of shared) each.close()
    return [openAlone({ host: ip, port }, bindings).handle]
  }
  return shared
}

function openAlone(
  { host, port }: Where,
  bindings: RawBindings,
): { handle: TcpHandle; ip: string } {
  // A kernel without IPv6 has no `::` to bind.
  const ips = host === undefined ? ['::', '0.0.0.0'] : [host]
  let first = 0
  for (const ip of ips) {
    const handle = new bindings.Tcp(bindings.serverKind)
    const errno = bindAndListen(handle, ip, port, 0)
    if (errno === 0) return { handle, ip }
    handle.close()
    first ||= errno
    if (!NO_SUCH_FAMILY.includes(errnoError(errno, 'listen').code ?? '')) break
  }
  throw errnoError(first, 'listen', { ip: ips[0] ?? '', port })
}

const NO_SUCH_FAMILY = ['EAFNOSUPPORT', 'EINVAL', 'EADDRNOTAVAIL']

function bindAndListen(handle: TcpHandle, ip: string, port: number, flags: number): number {
  const errno = ip.includes(':') ? handle.bind6(ip, port, flags) : handle.bind(ip, port, flags)
  if (errno !== 0) return errno
  // Linux hands both on to every socket that is accepted, which saves five system calls each.
  handle.setNoDelay(true)
  handle.setKeepAlive(true, KEEP_ALIVE_SECONDS)
  return handle.listen(BACKLOG)
}

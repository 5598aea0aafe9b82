/** The cluster's DNS server: UDP and TCP on port 53. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { decode, encode, TRUNCATED_RESPONSE } from 'dns-packet'
import type { Log } from '../../core/log.ts'
import { responseTo } from './dns-answer.ts'
import type { Zone } from './dns-zone.ts'

/** Longest answer over UDP (bytes) to a client that says nothing else (RFC 1035, 4.2.1). */
const UDP_LIMIT = 512
/** A TCP client that is silent this long (ms) is let go; RFC 7766 asks for a few seconds. */
const TCP_IDLE_MS = 10_000

export interface DnsServer {
  port: number
  close(): void
}

/**
 * Listens on both protocols; resolves once bound.
 * @param zone gives the names as they are now
 * @param at address and port; port 0 lets the kernel choose one (the same for both)
 */
export async function startDnsServer(
  zone: () => Zone,
  at: { address: string; port: number },
  log: Log,
): Promise<DnsServer> {
  const tcp = createServer((socket) => serveTcp(socket, zone))
  tcp.listen(at.port, at.address)
  await once(tcp, 'listening')
  const { port } = tcp.address() as { port: number }
  const udp = createSocket('udp4')
  udp.on('message', (message, from) => {
    const reply = replyTo(message, zone())
    if (!reply) return
    const short = reply.length <= UDP_LIMIT ? reply : truncated(message)
    udp.send(short, from.port, from.address)
  })
  udp.on('error', (error) => log.error({ error: error.message }, 'dns socket'))
  udp.bind(port, at.address)
  await once(udp, 'listening')
  return {
    port,
    close: () => {
      udp.close()
      tcp.close()
    },
  }
}

/** The reply's bytes; null for what is not a query, which gets no answer. */
function replyTo(message: Buffer, zone: Zone): Buffer | null {
  try {
    const query = decode(message)
    return query.type === 'query' ? encode(responseTo(query, zone)) : null
  } catch {
    return null
  }
}

/** The question with the truncation flag: the client asks again over TCP. */
function truncated(message: Buffer): Buffer {
  const query = decode(message)
  return encode({
    type: 'response',
    ...(query.id !== undefined && { id: query.id }),
    flags: TRUNCATED_RESPONSE,
    questions: query.questions ?? [],
  })
}

/** Over TCP each message has its length (2 bytes) before it. */
function serveTcp(socket: Socket, zone: () => Zone): void {
  let buffered = Buffer.alloc(0)
  socket.setTimeout(TCP_IDLE_MS, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    buffered = Buffer.concat([buffered, chunk])
    while (buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0)) {
      const end = 2 + buffered.readUInt16BE(0)
      const reply = replyTo(buffered.subarray(2, end), zone())
      buffered = buffered.subarray(end)
      if (!reply) return void socket.destroy()
      const length = Buffer.alloc(2)
      length.writeUInt16BE(reply.length)
      socket.write(Buffer.concat([length, reply]))
    }
  })
}

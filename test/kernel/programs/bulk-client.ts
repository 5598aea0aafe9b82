/**
 * Program of the tests: makes the transfers of the TCP protocol of `bulk-server.ts`, all at the same
 * time, and prints the sha256 that each came to. Arguments: host, port, path of the file to send, then
 * the transfers: `down`, `down-slow` (a slow reader), `up`, `up-slow` (a slow writer), `up-slowly-read`.
 */
import { createReadStream } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { SLOW_BYTES_PER_SECOND, sha256Of } from './slow-digest.ts'

const [host = '', port, file = '', ...transfers] = process.argv.slice(2)

const digests = await Promise.all(transfers.map(transfer))
process.stdout.write(digests.map((digest) => `${digest}\n`).join(''))

async function transfer(kind: string): Promise<string> {
  const socket = connect({ host, port: Number(port), allowHalfOpen: true })
  if (kind.startsWith('down')) {
    socket.write('D')
    const digest = await sha256Of(socket, kind === 'down-slow')
    socket.end()
    return digest
  }
  socket.write(kind === 'up-slowly-read' ? 'S' : 'U')
  const answer = answerOf(socket)
  if (kind === 'up-slow') await sendSlowly(socket)
  else createReadStream(file).pipe(socket)
  return answer
}

async function sendSlowly(socket: Socket): Promise<void> {
  const start = performance.now()
  let bytes = 0
  for await (const chunk of createReadStream(file)) {
    if (!socket.write(chunk)) await new Promise((resolve) => socket.once('drain', resolve))
    bytes += chunk.length
    const dueMs = (bytes / SLOW_BYTES_PER_SECOND) * 1000 - (performance.now() - start)
    if (dueMs > 5) await new Promise((resolve) => setTimeout(resolve, dueMs))
  }
  socket.end()
}

async function answerOf(socket: Socket): Promise<string> {
  let answer = ''
  for await (const chunk of socket) answer += chunk
  return answer
}

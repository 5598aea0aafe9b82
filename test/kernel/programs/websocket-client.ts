/**
 * Program of the tests: has one WebSocket conversation with `websocket-server.ts` and prints what it
 * saw as JSON. Arguments: URL, and what to do last: `close`, `be-closed` or `vanish`.
 */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { WebSocket } from 'ws'

/** What the client has seen; sizes in bytes. */
export interface WebSocketReport {
  text: string
  /** Binary messages came back as they were sent, in order. */
  intact: boolean
  binaryBytes: number
  pong: string
  end: { code: number; reason: string } | null
}

const [url = '', last] = process.argv.slice(2)
const socket = new WebSocket(url, { perMessageDeflate: false })
await once(socket, 'open')
const report: WebSocketReport = { text: '', intact: true, binaryBytes: 0, pong: '', end: null }

socket.send('grüße')
report.text = (await next()).toString()

// Lengths of 7, 16 and 64 bits.
for (const size of [1, 125, 126, 65_535, 65_536, 1024 * 1024]) {
  const sent = randomBytes(size)
  socket.send(sent)
  const back = await next()
  report.binaryBytes += back.length
  if (digest(back) !== digest(sent)) report.intact = false
}

socket.ping('are you there')
report.pong = String((await once(socket, 'pong'))[0])

const closed = once(socket, 'close')
if (last === 'close') socket.close(4001, 'client is done')
else if (last === 'be-closed') socket.send('close 4002 server is done')
else socket.terminate()
const [code, reason] = await closed
if (last !== 'vanish') report.end = { code, reason: String(reason) }
process.stdout.write(JSON.stringify(report))

async function next(): Promise<Buffer> {
  const [data] = await once(socket, 'message')
  return data as Buffer
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

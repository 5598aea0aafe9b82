import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { startDialServer } from '../../playground/bridge/dial-server.ts'
import { dial, type Forward, openForward } from '../../playground/bridge/forward.ts'
import { splitLine } from '../../playground/bridge/target.ts'

let dir: string
let path: string
let service: Server
let servicePort: number
const closing: { close(): void }[] = []

/** Answers what it got once the other side has ended: needs half-closed connections to pass through. */
const echo = (socket: Socket) => {
  const chunks: Buffer[] = []
  socket.on('error', () => {})
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('end', () => socket.end(Buffer.concat(chunks)))
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'azds-bridge-'))
  path = join(dir, 'node.sock')
  service = createServer({ allowHalfOpen: true }, echo).listen(0, '127.0.0.1')
  await once(service, 'listening')
  servicePort = (service.address() as { port: number }).port
  const server = await startDialServer(path, {
    addressOf: (namespace, name) => {
      if (name === 'web') return '127.0.0.1'
      throw new Error(`service ${namespace}/${name} does not exist`)
    },
    exec: async ({ command }) => ({ code: 0, stdout: command.join(' '), stderr: '' }),
  })
  closing.push(server, service)
})

afterEach(async () => {
  for (const each of closing.splice(0)) each.close()
  await rm(dir, { recursive: true })
})

async function forwardTo(name: string): Promise<Forward> {
  const target = { want: 'service', namespace: 'dev', name, port: servicePort } as const
  const forward = await openForward(path, target, 0)
  closing.push(forward)
  return forward
}

test('sixteen megabytes and an end pass there and back unchanged', async () => {
  const { host, port } = await forwardTo('web')
  const sent = randomBytes(16 * 1024 * 1024)
  const socket = connect({ host, port, allowHalfOpen: true })
  socket.end(sent)
  const received: Buffer[] = []
  for await (const chunk of socket) received.push(chunk)
  expect(Buffer.concat(received).equals(sent)).toBe(true)
})

test('bytes that a client sends at once are not lost while the way is being made', async () => {
  const { host, port } = await forwardTo('web')
  const answers = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const socket = connect({ host, port, allowHalfOpen: true })
      socket.end(`request ${index}`)
      let text = ''
      for await (const chunk of socket.setEncoding('utf8')) text += chunk
      return text
    }),
  )
  expect(answers).toEqual(answers.map((_, index) => `request ${index}`))
})

test('a service that does not exist resets the client and tells the asker why', async () => {
  const { host, port } = await forwardTo('none')
  const socket = connect({ host, port })
  const [error] = await once(socket, 'error').catch((thrown) => [thrown])
  expect(error).toMatchObject({ code: 'ECONNRESET' })
  const target = { want: 'service', namespace: 'dev', name: 'none', port: 80 } as const
  await expect(dial(path, target)).rejects.toThrow('service dev/none does not exist')
})

test('a port where nobody listens resets the client', async () => {
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as { port: number }
  free.close()
  await once(free, 'close')
  await expect(dial(path, { want: 'tcp', ip: '127.0.0.1', port })).rejects.toThrow('ECONNREFUSED')
})

test('a client that breaks off takes its connection inside with it', async () => {
  const { host, port } = await forwardTo('web')
  const accepted = once(service, 'connection')
  const socket = connect({ host, port })
  socket.write('half a request')
  const [inside] = (await accepted) as [Socket]
  const closed = once(inside, 'close')
  socket.resetAndDestroy()
  await closed
})

test('a command is carried out and its result comes back', async () => {
  const target = {
    want: 'exec',
    namespace: 'dev',
    pod: 'web-1',
    container: 'web',
    command: ['echo', 'a b'],
  } as const
  const { socket, result } = await dial(path, { ...target, command: [...target.command] })
  socket.destroy()
  expect(result).toEqual({ code: 0, stdout: 'echo a b', stderr: '' })
})

test('what is not a line of ours gets an answer that says so', async () => {
  const socket = connect({ path })
  socket.write('GET / HTTP/1.1\r\n')
  let text = ''
  for await (const chunk of socket.setEncoding('utf8')) text += chunk
  expect(JSON.parse(text)).toMatchObject({ ok: false, message: expect.stringContaining('JSON') })
})

test('a line is taken off with the rest kept, and an endless one is refused', () => {
  expect(splitLine(Buffer.from('one\ntwo\nthree'))).toEqual({
    line: 'one',
    rest: Buffer.from('two\nthree'),
  })
  expect(splitLine(Buffer.from('no end yet'))).toBeNull()
  expect(() => splitLine(Buffer.alloc(70_000, 'x'))).toThrow('no line within')
})

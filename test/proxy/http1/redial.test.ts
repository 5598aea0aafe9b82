import net from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import type { Address } from '../../../core/routing-table.ts'
import { redial } from '../../../proxy/http1/redial.ts'
import { rawTransport } from '../transports.ts'

const open: { close(): unknown }[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

/** An address where nobody listens, and a way to change that. */
async function refusing(): Promise<{ address: Address; serve(): void; seen: () => string }> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      seen += chunk.toString('latin1')
      socket.write('answer')
    })
  })
  let seen = ''
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  const serve = () => {
    server.listen(port, '127.0.0.1')
    open.push(server)
  }
  return { address: { ip: '127.0.0.1', port }, serve, seen: () => seen }
}

function ask(target: Address, elsewhere: () => Address) {
  const stream = redial(rawTransport.dial, target, elsewhere)
  const answer = new Promise<string>((resolve) => {
    stream.listen({
      onData: (chunk) => resolve(chunk.toString('latin1')),
      onEnd: () => {},
      onDrain: () => {},
      onClose: (error) => resolve(error?.code ?? 'closed'),
    })
  })
  stream.write(Buffer.from('head '))
  stream.write(Buffer.from('body'))
  return { stream, answer }
}

test('a target that refuses is dialled again, and gets everything that was written', async () => {
  const { address, serve, seen } = await refusing()
  const { stream, answer } = ask(address, () => address)
  setTimeout(serve, 60)
  expect(await answer).toBe('answer')
  expect(seen()).toBe('head body')
  stream.reset()
})

test('the next dial goes where the plan leads by then, and the stream says so', async () => {
  const first = await refusing()
  const second = await refusing()
  second.serve()
  const { stream, answer } = ask(first.address, () => second.address)
  expect(await answer).toBe('answer')
  expect(stream.remote).toEqual(second.address)
  stream.reset()
})

test('a target that goes on refusing is reported, with the errno, within a second', async () => {
  const { address } = await refusing()
  let asked = 0
  const { answer } = ask(address, () => {
    asked += 1
    return address
  })
  expect(await answer).toBe('ECONNREFUSED')
  expect(asked).toBe(6)
})

test('whoever gives up before there is a connection hears of its end, and nothing is dialled any more', async () => {
  const { address, serve, seen } = await refusing()
  const { stream, answer } = ask(address, () => address)
  await new Promise((resolve) => setTimeout(resolve, 15))
  stream.reset()
  serve()
  expect(await answer).toBe('closed')
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(seen()).toBe('')
})

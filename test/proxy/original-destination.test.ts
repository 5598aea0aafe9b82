import net from 'node:net'
import { expect, test } from '@jest/globals'
import { descriptorOf } from '../../proxy/descriptor.ts'
import { type GetSockOpt, loadGetSockOpt } from '../../proxy/getsockopt.ts'
import { createOriginalDestination, readSockaddrIn6 } from '../../proxy/original-destination.ts'
import { plainIp } from '../../proxy/transport.ts'

/** Connects once to a listener on `host` and asks for the accepted socket's destination. */
async function ask(host: string, getSockOpt: GetSockOpt) {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '::', resolve))
  const { port } = server.address() as net.AddressInfo
  const client = net.connect(port, host)
  try {
    const socket = await new Promise<net.Socket>((resolve) => server.once('connection', resolve))
    const remote = { ip: plainIp(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 }
    const answer = createOriginalDestination(getSockOpt)(descriptorOf(socket), remote)
    socket.destroy()
    return answer
  } finally {
    client.destroy()
    server.close()
  }
}

function fill(hex: string, seen: number[][] = []): GetSockOpt {
  return (fd, level, name, value) => {
    seen.push([fd > 0 ? 1 : 0, level, name, value.length])
    Buffer.from(hex.replaceAll(' ', ''), 'hex').copy(value)
    return 0
  }
}

test('an IPv4 client of a dual-stack listener is asked about as IPv4', async () => {
  const seen: number[][] = []
  const answer = await ask('127.0.0.1', fill('0200 0050 0a600001 0000000000000000', seen))
  expect(seen).toEqual([[1, 0, 80, 16]])
  expect(answer).toEqual({ kind: 'redirected', destination: { ip: '10.96.0.1', port: 80 } })
})

test('an IPv6 client is asked about as IPv6', async () => {
  const seen: number[][] = []
  const address = 'fd000000000000000000000000000007'
  const answer = await ask('::1', fill(`0a00 1f90 00000000 ${address} 00000000`, seen))
  expect(seen).toEqual([[1, 41, 80, 28]])
  expect(answer).toEqual({ kind: 'redirected', destination: { ip: 'fd00::7', port: 8080 } })
})

test.each([
  ['ENOENT', 2, 'direct'],
  ['ENOPROTOOPT', 92, 'direct'],
  ['EBADF', 9, 'failed'],
])('%s means %s', async (_, errno, kind) => {
  expect((await ask('127.0.0.1', () => errno)).kind).toBe(kind)
})

test('the kernel itself says that nobody has redirected a plain connection', async () => {
  expect(await ask('127.0.0.1', loadGetSockOpt())).toEqual({ kind: 'direct' })
})

test('a socket that is closed already has no destination, and nobody is asked', () => {
  const find = createOriginalDestination(() => {
    throw new Error('asked')
  })
  expect(find(descriptorOf(new net.Socket()), { ip: '10.0.0.1', port: 1 }).kind).toBe('failed')
})

test.each([
  '::',
  '::1',
  'fd00::1',
  '2001:db8::1:0:0:1',
  '1:0:0:2::3',
  '1:2:3:4:5:6:7:8',
  '1:0:3:4:5:6:7:8',
  '1:2:3:4:5:6::',
  '::2:3:4:5:6:7',
])('%s is written as RFC 5952 asks, which is how the routing table has it', (ip) => {
  const [left = '', right = ''] = ip.split('::')
  const before = left === '' ? [] : left.split(':')
  const after = right === '' ? [] : right.split(':')
  const zeros = Array(8 - before.length - after.length).fill('0')
  const value = Buffer.alloc(28)
  for (const [i, group] of [...before, ...zeros, ...after].entries()) {
    value.writeUInt16BE(Number.parseInt(group, 16), 8 + 2 * i)
  }
  expect(readSockaddrIn6(value).ip).toBe(ip)
})

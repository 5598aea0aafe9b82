/** The webhook's call to itself, by what an API server would trust. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { selfDial } from '../../webhook/self-dial.ts'
import { authorityFor, type TestAuthority } from '../core/kube/tls-fixture.ts'

const NAME = 'azds-webhook-service.azds.svc'
let own: TestAuthority
let other: TestAuthority
let server: Server
let address: AddressInfo

beforeAll(async () => {
  own = await authorityFor(NAME)
  other = await authorityFor(NAME)
  server = createServer(own.leaf)
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  address = server.address() as AddressInfo
})
afterAll(() => void server.close())

test('it passes where the bundle holds our authority, alone or among others', async () => {
  expect(await selfDial(address, NAME, own.cert)).toBeNull()
  expect(await selfDial(address, NAME, `${other.cert}${own.cert}`)).toBeNull()
})

test('a server on all addresses is called where it is also without IPv6 on the loopback', async () => {
  // The server is on IPv4 alone, as a wildcard is in a pod whose loopback has no ::1.
  expect(await selfDial({ ...address, address: '::', family: 'IPv6' }, NAME, own.cert)).toBeNull()
})

test('it tells why an API server would not be served', async () => {
  expect(await selfDial(address, NAME, '')).toContain('trusts nobody')
  expect(await selfDial(address, NAME, other.cert)).toMatch(/certificate|signature/)
  expect(await selfDial(address, 'elsewhere.svc', own.cert)).toMatch(/elsewhere\.svc/)
})

test('a port where nobody speaks TLS is no answer', async () => {
  const plain = createTcpServer((socket) => {
    // What is not read has no end: the socket would outlive the test, and the process with it.
    socket.on('error', () => {}).resume()
    socket.end('hello')
  })
  plain.listen(0, '127.0.0.1')
  await once(plain, 'listening')
  expect(await selfDial(plain.address() as AddressInfo, NAME, own.cert)).toEqual(expect.any(String))
  plain.close()
  await once(plain, 'close')
})

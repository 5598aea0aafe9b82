import { afterEach, describe, expect, test } from '@jest/globals'
import { HEADER } from '../../core/names.ts'
import type { Address } from '../../core/routing-table.ts'
import { createWorld, echoServer, readAll, type World } from './proxy-world.ts'
import { service, snapshot } from './sample-tree.ts'

let world: World

afterEach(async () => {
  await world.close()
})

describe('a sidecar whose controller is away', () => {
  test('it becomes ready after a bounded wait and leads by DNS along the chain', async () => {
    const dev = { ip: '127.0.11.1', port: 0 }
    const alice = { ip: '127.0.11.2', port: 0 }
    const addresses: Record<string, string> = {
      'orders.alice.svc.cluster.local.': alice.ip,
      'orders.dev.svc.cluster.local.': dev.ip,
    }
    const resolve = async (name: string) => [addresses[name]].filter((ip) => ip !== undefined)
    world = await createWorld({ controllerUp: false, outside: { resolve } })
    dev.port = (await world.serve(echoServer('dev'), dev.ip)).port
    await world.serve(echoServer('alice'), alice.ip, dev.port)
    expect(await world.ready()).toBe(503)
    await world.untilReady()
    alice.port = dev.port

    const ask = (to: Address, headers: Record<string, string>) =>
      world
        .request('outbound', to, { headers: { ...headers } })
        .then(({ body }) => JSON.parse(body))
    const own = await ask(alice, { Host: `orders:${dev.port}` })
    expect(own).toMatchObject({ name: 'alice', headers: { [HEADER.routeAs]: 'alice' } })
    const parent = await ask(alice, { Host: 'orders', [HEADER.routeAs]: 'dev' })
    expect(parent.name).toBe('dev')
    const elsewhere = await ask(alice, { Host: 'example.test' })
    expect(elsewhere.name).toBe('alice')
    expect(elsewhere.headers[HEADER.routeAs]).toBeUndefined()
    expect(elsewhere.headers['traceparent']).toBeUndefined()
  })
})

describe('a gateway', () => {
  test('it leads preview addresses to their spaces, and knows no others', async () => {
    world = await createWorld({ env: { AZDS_MODE: 'gateway' } })
    const alice = await world.serve(echoServer('alice'), '127.0.12.1')
    const one = service('alice', 'web', alice.ip)
    const services = [{ ...one, ports: one.ports.map((port) => ({ ...port, port: alice.port })) }]
    await world.publish(snapshot({ services, self: [] }))
    expect(world.controller.queries).toEqual(['/v1/feed?scope=all'])

    const Host = 'alice.s.dev.web.localhost:8000'
    const answer = await world.request('gateway', null, { headers: { Host } })
    const { name, headers } = JSON.parse(answer.body)
    expect(name).toBe('alice')
    expect(headers).toMatchObject({ host: Host, [HEADER.routeAs]: 'alice', [HEADER.hop]: '1' })

    const unknown = await world.request('gateway', null, { headers: { Host: 'localhost' } })
    expect(unknown.status).toBe(404)
    expect(unknown.headers[HEADER.proxyError]).toBe('unknown-host')
    expect(unknown.body).toContain('<space>.s.<root>.<service>.<suffix>')
    const record = await world.recordWhere((found) => found.error !== null)
    expect(record).toMatchObject({ direction: 'gateway', status: 404, authority: 'localhost' })

    for (const [text, rule] of [
      ['GET / HTTP/1.1\nHost: a\n\n', 'LF with no CR'],
      ['\r\n\r\nGET / HTTP/1.1\r\n', '2.2'],
      ['GET / HTTP/2.0\r\n\r\n', 'version'],
      ['GET /\r\n', 'HTTP/0.9'],
    ]) {
      const nearly = world.connect('gateway')
      nearly.write(text ?? '')
      const refusal = await readAll(nearly)
      expect(refusal).toMatch(/^HTTP\/1\.1 400 .*azds-proxy-error: bad-request/s)
      expect(refusal).toContain(rule)
    }

    const socket = world.connect('gateway')
    socket.write('\0')
    await expect(readAll(socket)).rejects.toThrow('ECONNRESET')
  })
})

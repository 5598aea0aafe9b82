/** Feed and traces over TLS: who is trusted, who signs in, and what happens when either changes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { KeyPair } from '../../core/authority/certificate.ts'
import { createAskController } from '../../proxy/controller-endpoint.ts'
import { keepIdentity } from '../../proxy/controller-identity.ts'
import { authority, leaf, type TlsFront, tlsFront } from './tls-fixture.ts'
import { rawTransport } from './transports.ts'

const NAME = 'azds-controller.azds.svc'
const HOUR_MS = 3_600_000

let dir: string
let plain: http.Server
/** Header `authorization` of the requests so far. */
let seen: (string | undefined)[]
let accepted: string
let front: TlsFront | null
let ours: KeyPair
let nowMs: number

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'azds-identity-'))
  seen = []
  accepted = 'Bearer token-one'
  front = null
  nowMs = 0
  ours = await authority()
  write({ token: 'token-one', 'ca.crt': ours.cert })
  plain = http.createServer((request, response) => {
    seen.push(request.headers.authorization)
    response.writeHead(request.headers.authorization === accepted ? 200 : 401).end('{}')
  })
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
})

afterEach(async () => {
  await front?.close()
  plain.closeAllConnections()
  await new Promise((resolve) => plain.close(resolve))
  rmSync(dir, { recursive: true })
})

function write(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  // The next request reads them.
  nowMs += 1000
}

async function serve(pair: KeyPair, options = {}): Promise<TlsFront> {
  front = await tlsFront(pair, (plain.address() as AddressInfo).port, options)
  return front
}

function client(host = NAME) {
  return createAskController(`https://${host}:${front?.port}`, 'cluster.local', {
    dial: (target) => rawTransport.dial(target),
    resolve: async (_name, family) => (family === 4 ? ['127.0.0.1'] : []),
    identity: keepIdentity({ dir, now: () => nowMs }),
  })
}

/** Status, or what failed. */
function ask(asked: ReturnType<typeof client>): Promise<number | string> {
  return new Promise((resolve) => {
    let status = 0
    asked(
      { method: 'GET', path: '/v1/feed', headers: {}, silenceMs: 5000 },
      {
        onStatus: (answered) => {
          status = answered
        },
        onData: () => {},
        onEnd: () => resolve(status),
        onFail: resolve,
      },
    )
  })
}

test('a controller with a certificate of the authority is shown the token, on one connection', async () => {
  const { secured } = await serve(await leaf(ours, [NAME])).then(async (served) => {
    const asked = client()
    expect(await ask(asked)).toBe(200)
    expect(await ask(asked)).toBe(200)
    return served
  })
  expect(secured).toBe(1)
  expect(seen).toEqual(['Bearer token-one', 'Bearer token-one'])
})

test('a controller may be known by its address', async () => {
  await serve(await leaf(ours, ['127.0.0.1']))
  expect(await ask(client('127.0.0.1'))).toBe(200)
})

test.each([
  ['another address', '127.0.0.2'],
  ['a name, be it that of an address', 'localhost'],
])('a certificate for %s is refused', async (_, name) => {
  await serve(await leaf(ours, [name]))
  const problem = 'the certificate of 127.0.0.1 is refused: IP address mismatch'
  expect(await ask(client('127.0.0.1'))).toContain(problem)
  expect(seen).toEqual([])
})

const STRANGERS: [string, () => Promise<KeyPair>, object | null][] = [
  ['of another authority', async () => leaf(await authority('somebody else'), [NAME]), null],
  ['of another authority of the same name', async () => leaf(await authority(), [NAME]), null],
  ['for another name', () => leaf(ours, ['azds-controller.other.svc']), null],
  ['that has expired', () => leaf(ours, [NAME], Date.now() - 2 * HOUR_MS), null],
  ['for a part of the name', () => leaf(ours, ['azds-controller.azds', '*.svc', 'svc']), null],
  ['and old TLS', () => leaf(ours, [NAME]), { maxVersion: 'TLSv1.2' }],
]

test.each(STRANGERS)('a server with a certificate %s is told nothing', async (_, pair, options) => {
  await serve(await pair(), options ?? {})
  const problem = await ask(client())
  expect(problem).toEqual(expect.any(String))
  expect(problem).not.toContain('token-one')
  if (!options) expect(problem).toContain(`the certificate of ${NAME} is refused`)
  expect(seen).toEqual([])
})

test('authorities that are swapped, and those that come late, are taken from the file', async () => {
  const next = await authority('the next')
  const served = await serve(await leaf(next, [NAME]))
  const asked = client()
  expect(await ask(asked)).toContain('is refused')
  write({ 'ca.crt': `${ours.cert}\n${next.cert}` })
  expect(await ask(asked)).toBe(200)
  write({ 'ca.crt': 'no certificate' })
  served.show(await leaf(ours, [NAME]))
  const fresh = client()
  expect(await ask(fresh)).toMatch(/ca\.crt|certificate/)
  rmSync(join(dir, 'ca.crt'))
  write({})
  const early = client()
  expect(await ask(early)).toContain('ca.crt cannot be read (ENOENT)')
  // Who had authorities keeps them while the file is gone.
  expect(await ask(asked)).toBe(200)
  write({ 'ca.crt': ours.cert })
  expect(await ask(early)).toBe(200)
  expect(await ask(fresh)).toBe(200)
})

test('a token that is refused is read again, however fresh it was', async () => {
  await serve(await leaf(ours, [NAME]))
  const asked = client()
  expect(await ask(asked)).toBe(200)
  accepted = 'Bearer token-two'
  writeFileSync(join(dir, 'token'), 'token-two')
  expect(await ask(asked)).toBe(401)
  expect(await ask(asked)).toBe(200)
})

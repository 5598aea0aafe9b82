import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from '@jest/globals'
import Fastify from 'fastify'
import { openTlsPort } from '../../controller/tls-port.ts'
import type { AuthorityKeeper } from '../../core/authority/keeper.ts'
import { silentLog } from '../../core/log.ts'

test('a port that is taken is tried again until it is free, and changes of the certificate are heard once', async () => {
  const taker = createServer().listen(0, '127.0.0.1')
  await once(taker, 'listening')
  const { port } = taker.address() as AddressInfo
  let tries = 0
  let listeners = 0
  const keeper: Partial<AuthorityKeeper> = {
    leaf: () => ({ cert: '', key: '' }),
    onChange: () => void listeners++,
    close: () => {},
  }
  const tls = openTlsPort({
    keepIdentity: async () => keeper as AuthorityKeeper,
    createServer: async () => {
      // Freed while the second try is on its way.
      if (++tries === 2) await new Promise((resolve) => taker.close(resolve))
      return Fastify()
    },
    ...{ host: '127.0.0.1', port, onIdentity: () => {}, log: silentLog },
  })
  try {
    expect(await tls.open).toEqual({ host: '127.0.0.1', port })
    expect({ tries, listeners }).toEqual({ tries: 2, listeners: 1 })
  } finally {
    await tls.close()
  }
})

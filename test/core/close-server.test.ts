/** The end of a server over real sockets. */
import { createServer, get } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from '@jest/globals'
import { closeServer } from '../../core/close-server.ts'

async function listening() {
  const server = createServer((_request, response) => {
    setTimeout(() => response.end('done'), 100)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = () => new Promise((resolve) => server.close(resolve))
  return { port, app: { close, server } }
}

test('a connection on which nothing was ever sent does not hold up the end', async () => {
  const { port, app } = await listening()
  const silent = connect(port, '127.0.0.1')
  await new Promise((resolve) => silent.once('connect', resolve))
  const ended = new Promise((resolve) => silent.once('close', resolve))
  silent.on('error', () => {})
  await closeServer(app, 50)
  await ended
})

test('a request that is being answered is answered to the end', async () => {
  const { port, app } = await listening()
  // By a client that does not keep its connection, for which the end would wait.
  const answer = new Promise<string>((resolve) => {
    get({ port, host: '127.0.0.1', agent: false }, async (response) =>
      resolve(await text(response)),
    )
  })
  await new Promise((resolve) => app.server.once('request', resolve))
  await closeServer(app, 10_000)
  expect(await answer).toBe('done')
})

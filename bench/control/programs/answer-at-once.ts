/**
 * Program of the benchmarks: answers reviews at once, as long as the webhook does but always with the same. What a load
 * measures here is the load's own, and the machine's. Says its port and authority in a line of JSON.
 */
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createAuthority, createLeaf } from '../../../core/authority/certificate.ts'
import { SERVER_NAME } from '../review-connection.ts'

/** About as long as an answer with its patch (characters). */
const PATCH_LENGTH = 6000
/** Longer than the load needs to make its reviews (ms). */
const KEEP_ALIVE_MS = 120_000

const times = { lifeMs: 3_600_000, now: new Date() }
const authority = await createAuthority({ subject: 'bench', ...times })
const leaf = await createLeaf(authority, { names: [SERVER_NAME], ...times })
const answer = JSON.stringify({ patchType: 'JSONPatch', patch: 'x'.repeat(PATCH_LENGTH) })
const keys = { cert: leaf.cert, key: leaf.key, keepAliveTimeout: KEEP_ALIVE_MS }
const server = createServer(keys, (request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    JSON.parse(Buffer.concat(chunks).toString('utf8'))
    response.setHeader('content-length', answer.length)
    response.end(answer)
  })
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo
process.stdout.write(`${JSON.stringify({ port, ca: authority.cert })}\n`)

/** Questions of this server's own to the servers behind it: are you there, and what do you serve? */
import { request as httpsRequest } from 'node:https'
import type { User } from '../caller.ts'
import type { JsonObject } from '../object.ts'
import { readAnswer, type WholeAnswer } from '../read-answer.ts'
import { type AggregatedApi, addressOf } from './api-services.ts'
import type { ForwardContext } from './forward.ts'
import { remoteHeaders } from './front-proxy.ts'

const AGGREGATOR: User = {
  username: 'system:kube-aggregator',
  uid: '',
  groups: ['system:masters'],
}

/** Time for an answer, in ms: what Kubernetes gives it. */
const LIMIT_MS = 5000
/** Longest answer read, in bytes: a document of discovery has some kilobytes. */
const MAX_ANSWER = 8 * 1024 * 1024

/** The JSON at a path; rejects with a sentence unless the answer is 200. */
export async function askApi(
  { store, connections, certificate }: ForwardContext,
  api: AggregatedApi,
  path: string,
  accept = 'application/json',
): Promise<JsonObject> {
  const address = addressOf(store, api)
  const { certPem: cert, keyPem: key } = certificate
  const url = `https://${address.host}:${address.port}${path}`
  const text = await new Promise<string>((resolve, reject) => {
    const fail = (why: string) =>
      reject(new Error(`failing or missing response from ${url}: ${why}`))
    const request = httpsRequest({
      ...connections.optionsFor(address, { ...api.identity, cert, key }),
      path,
      headers: {
        accept,
        'user-agent': 'kube-aggregator',
        ...remoteHeaders(AGGREGATOR),
        host: `${address.serverName}:${address.port}`,
      },
      signal: AbortSignal.timeout(LIMIT_MS),
    })
    request.on('error', (error) => fail(`Get "${url}": ${error.message}`))
    request.on('response', (response) => {
      const settled = ({ status, body }: WholeAnswer) => {
        if (status === 200) resolve(body)
        else fail(`bad status from ${url}: ${status}`)
      }
      readAnswer(request, response, MAX_ANSWER).then(settled, (error) => fail(error.message))
    })
    request.end()
  })
  return JSON.parse(text) as JsonObject
}

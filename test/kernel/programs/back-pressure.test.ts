/**
 * A peer that stops reading stops the other one, through two sidecars: what is under way then fits
 * into the kernel's socket buffers, however much the writer has to say.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { mostUnderWay } from '../../proxy/kernel-buffers.ts'
import { describeKernel } from '../requirements.ts'
import { converse, type Step } from './conversation-steps.ts'
import { type OddServers, startOddServers } from './odd-servers.ts'
import { residentMb } from './sidecar-state.ts'

const CLUSTER_IP = '10.96.0.80'
const PORT = { flood: 9001, httpFlood: 9002, deaf: 9003 }
const FLOOD_MS = 1500

/** Three connections lie on the way. Without back-pressure it is a GB and more a second. */
const MOST_UNDER_WAY = mostUnderWay(3) + 10e6
const LEAST_UNDER_WAY = 100e3

/**
 * What a sidecar's own memory may gain while a writer is held back, MB: a lent buffer or two, and the
 * garbage of a start. Without back-pressure it is the GB that the writer has to say.
 */
const MOST_GAINED_MB = 40

describeKernel('a peer that stops reading', () => {
  let odd: OddServers

  beforeAll(async () => {
    const { flood, httpFlood, deaf } = PORT
    odd = await startOddServers(CLUSTER_IP, {
      [flood]: 'flood',
      [httpFlood]: 'http-flood',
      [deaf]: 'deaf',
    })
  })

  afterAll(() => odd?.pods.close())

  const hold: Step[] = [{ hold: true }, { pauseMs: FLOOD_MS }, { reset: true }]
  const flood: Step[] = [{ floodMs: FLOOD_MS }, { reset: true }]
  const put = `PUT /up HTTP/1.1\r\nHost: odd\r\nContent-Length: ${2 ** 40}\r\n\r\n`

  test.each([
    ['a TCP client', PORT.flood, 'tcp', 'responseBytes', [{ send: 'go\n' }, ...hold]],
    [
      'an HTTP client',
      PORT.httpFlood,
      'http/1.1',
      'responseBytes',
      [{ send: 'GET /down HTTP/1.1\r\nHost: odd\r\n\r\n' }, ...hold],
    ],
    ['a TCP server', PORT.deaf, 'tcp', 'requestBytes', [{ send: 'go\n' }, ...flood]],
    ['an HTTP server', PORT.deaf, 'http/1.1', 'requestBytes', [{ send: put }, ...flood]],
  ] as const)('%s holds the other side back', async (_who, port, protocol, bytes, steps) => {
    const sidecars = [odd.client, odd.server]
    const before = sidecars.map(residentMb)
    const most = [...before]
    const watching = setInterval(() => {
      for (const [index, pod] of sidecars.entries()) {
        most[index] = Math.max(most[index] as number, residentMb(pod))
      }
    }, 50)
    await converse(odd.client, { host: CLUSTER_IP, port }, steps)
    clearInterval(watching)
    await odd.hear()
    for (const [index, mb] of before.entries()) {
      expect((most[index] as number) - mb).toBeLessThan(MOST_GAINED_MB)
    }
    for (const direction of ['outbound', 'inbound']) {
      const record = await odd.pods.recordWhere(
        `${protocol} to ${port}, ${direction}`,
        (each) =>
          each.direction === direction &&
          each.protocol === protocol &&
          each.route.originalDestination.endsWith(`:${port}`),
      )
      expect(record[bytes]).toBeGreaterThan(LEAST_UNDER_WAY)
      expect(record[bytes]).toBeLessThan(MOST_UNDER_WAY)
      expect(record.error).not.toBeNull()
    }
  })
})

/** Long lines of the feed in the pieces in which they are sent. */
import { expect, test } from '@jest/globals'
import { snapshotHead, tail } from '../../../controller/feed/feed-lines.ts'
import { NO_POD } from '../../../controller/feed/pod-state.ts'
import type { FeedService } from '../../../core/routing-feed.ts'

/** Clear text of one record (RFC 8446, section 5.1): what is longer makes Node keep room for several. */
const RECORD_BYTES = 16 * 1024
/** Length in hexadecimal and two line ends, which HTTP/1.1 puts around a piece. */
const FRAME_BYTES = 10

test('a snapshot of 5,000 services is cut into pieces that each fit a record of TLS', () => {
  const services = Array.from({ length: 5000 }, (_, index) => serviceAt(index))
  const stamp = { version: { epoch: 'e', number: 1 }, digest: '0'.repeat(32) }
  const view = { spaces: new Map(), services: new Map(services.map((one) => [one.name, one])) }
  const pieces = [...snapshotHead(view, stamp), tail([], NO_POD)]
  const longest = Math.max(...pieces.map(({ length }) => length))
  expect(longest + FRAME_BYTES).toBeLessThanOrEqual(RECORD_BYTES)
  // Nor in crumbs, of which each costs a write.
  expect(pieces.length).toBeLessThan(2 + Buffer.concat(pieces).length / 14_000)
  expect(JSON.parse(Buffer.concat(pieces).toString())).toMatchObject({ type: 'snapshot', services })
})

function serviceAt(index: number): FeedService {
  const port = { name: 'http', port: 80, appProtocol: '', ready: 1, endpoints: [] }
  const clusterIPs = [`10.96.${index >> 8}.${index & 255}`]
  return { space: 'dev', name: `service-${index}`, clusterIPs, ports: [port, port] }
}

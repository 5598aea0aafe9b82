/** The row of opaque TCP in bulk: gigabytes per CPU-second of the proxy. */
import { type Place, spawnIn, waitForPort } from '../../test/kernel/lab.ts'
import { APP_UID, BACKEND, TARGET } from '../backend.ts'
import { DIRECT } from '../contestant.ts'
import { azds } from '../contestants/azds.ts'
import { HAPROXY_SPLICE, HAPROXY_SPLICE_AUTO, HAPROXY_TCP } from '../contestants/haproxy.ts'
import { NET_PIPE } from '../contestants/pipe.ts'
import { pinned } from '../cores.ts'
import { underLoad } from '../load.ts'
import { type Measured, runPaired } from '../paired-rounds.ts'
import { readIperf3 } from '../readers/iperf3-output.ts'
import { mustAndAim, type Row } from '../row.ts'
import type { Seat } from '../stage.ts'

const GB = 1e9
/** iperf3 opens one connection for control and one for the data. */
const CONNECTIONS = 2

export const BULK_ROW: Row = {
  name: 'bulk',
  title: 'opaque TCP in bulk, one stream (iperf3 -Z)',
  placements: ['redirect', 'loopback'],
  profilable: true,
  remark:
    '`haproxy-splice` has `option splice-request` and `splice-response`: with the sender’s `sendfile` nothing is copied from its file to the receiver. `haproxy-splice-auto` lets haproxy choose, and it hardly ever splices. The goals come from a measurement in which haproxy’s splicing was 1.07 × its copying, so it did not splice: `haproxy-splice-auto` is the peer that they were made for. They are held against both. 1.3 × a haproxy that really splices is out of reach of anything that uses sockets: a C program that does nothing but splice(2) has 1.0 to 1.2 × (docs/adr/0020).',
  metrics: [
    { key: 'gbPerCpuSecond', title: 'GB per CPU-second', digits: 2 },
    { key: 'gbPerSecond', title: 'GB per second', digits: 2 },
  ],
  goals: ['haproxy-splice-auto', 'haproxy-splice'].flatMap((peer) =>
    mustAndAim(
      { metric: 'gbPerCpuSecond', of: 'azds', against: [peer], better: 'higher' },
      1.3,
      1.6,
    ),
  ),
  run: (run) => {
    const { baseline } = run.settings
    const sidecar = { sidecar: true }
    const ours = [azds(sidecar)]
    if (baseline !== null) ours.push(azds({ ...sidecar, name: 'baseline', bundle: baseline }))
    return runPaired(
      {
        contestants: [...ours, HAPROXY_SPLICE, HAPROXY_SPLICE_AUTO, HAPROXY_TCP, NET_PIPE, DIRECT],
        target: TARGET.bulk,
        loopbackRules: true,
        serve: startIperf3,
        measure: measureBulk,
      },
      run,
    )
  },
}

async function startIperf3(place: Place): Promise<void> {
  const argv = pinned('load', ['iperf3', '-s', '-p', `${BACKEND.bulk}`])
  const server = spawnIn(place, argv, { uid: APP_UID })
  await waitForPort(place, BACKEND.bulk, { server })
}

async function measureBulk(seat: Seat, seconds: number): Promise<Measured> {
  const { ip, port } = seat.address
  const argv = ['iperf3', '-c', ip, '-p', `${port}`, '-Z', '-P1', `-t${seconds}`, '--json']
  const { cpuSeconds, output } = await underLoad(seat, argv, seconds)
  const read = readIperf3(output.stdout)
  if (!read.ok) return read
  const values = {
    gbPerSecond: read.bytes / read.seconds / GB,
    ...(seat.process && { gbPerCpuSecond: read.bytes / cpuSeconds / GB }),
  }
  return { ok: true, exchanges: CONNECTIONS, values }
}

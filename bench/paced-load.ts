/** Load at a fixed rate, open loop: h2load's HTTP/1.1, with a log of every request. */
import { runOk, SCRATCH_INSIDE } from '../test/kernel/lab.ts'
import { APP_UID } from './backend.ts'
import { underLoad } from './load.ts'
import type { Measured } from './paired-rounds.ts'
import { readH2load, readPacedLog } from './readers/h2load-output.ts'
import { hostFor, type Seat } from './stage.ts'
import { quantile } from './statistics.ts'

export interface PacedLoad {
  /** Requests a second, on all connections together. */
  rate: number
  /** They begin 1 ms apart, so that their requests do not come in bursts. */
  connections: number
}

const LOG = `${SCRATCH_INSIDE}/paced.log`

/** Latencies as the client saw them, and requests per CPU-second of the proxy. */
export async function measurePaced(
  seat: Seat,
  { rate, connections }: PacedLoad,
  seconds: number,
): Promise<Measured> {
  const { ip, port } = seat.address
  const requests = rate * seconds
  const pace = rate / connections
  const argv = [
    ...['h2load', '--h1', '-t1', '-m1', `-c${connections}`, `-n${requests}`],
    ...[`--rps=${pace}`, '-r1', '--rate-period=1ms', `--log-file=${LOG}`],
    ...['-H', `:authority: ${hostFor(seat)}`, `http://${ip}:${port}/`],
  ]
  // h2load adds to a log that is there.
  await runOk(seat.place, ['rm', '-f', LOG])
  const { cpuSeconds, output } = await underLoad(seat, argv, seconds)
  const read = readH2load(output.stdout)
  if (!read.ok) return read
  const log = await runOk(seat.place, ['cat', LOG], { uid: APP_UID })
  const latencies = readPacedLog(log, 1e6 / pace)
  if (latencies === null || latencies.length < requests) {
    return {
      ok: false,
      problem: `the log has ${latencies?.length ?? 'bad'} answers of ${requests}`,
    }
  }
  const values = {
    p50Us: quantile(latencies, 0.5),
    p99Us: quantile(latencies, 0.99),
    ...(seat.process && { perCpuSecond: requests / cpuSeconds }),
  }
  return { ok: true, exchanges: requests, values }
}

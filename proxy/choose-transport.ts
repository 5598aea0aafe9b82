/** Chooses the transport at start: the raw one where Node's inside is as it expects. */
import type { Log } from '../core/log.ts'
import { netTransport } from './net-transport.ts'
import { loadPipeCalls } from './pipe-calls.ts'
import { PASS_AFTER_BYTES, Pipes } from './pipes.ts'
import { loadRawBindings, type RawBindings } from './raw-bindings.ts'
import { probeRaw } from './raw-probe.ts'
import { createRawTransport } from './raw-transport.ts'
import { probeRelay } from './relay-probe.ts'
import { loadSendLast } from './send-last.ts'
import type { Transport } from './transport.ts'

/** `auto`: raw where it works, else net. The other two: that one or none. */
export const TRANSPORTS = ['auto', 'raw', 'net'] as const
export type TransportSetting = (typeof TRANSPORTS)[number]

export interface ChooseOptions {
  passAfterBytes?: number
  load?: typeof loadRawBindings
}

/**
 * @param options.passAfterBytes what a connection carries before the kernel is to pass its bytes; 0: it never is
 * @param options.load for tests; Node's own inside otherwise
 * @throws Error if `raw` is asked for and does not work here
 */
export async function chooseTransport(
  setting: TransportSetting,
  log: Pick<Log, 'info' | 'warn'>,
  { passAfterBytes = PASS_AFTER_BYTES, load = loadRawBindings }: ChooseOptions = {},
): Promise<Transport> {
  if (setting === 'net') return netTransport
  const loaded = load()
  const problem = loaded.ok ? await probeRaw(loaded.bindings) : loaded.problem
  if (loaded.ok && problem === null) return rawTransport(loaded.bindings, passAfterBytes, log)
  const what = `the raw transport does not work with Node ${process.version}: ${problem}`
  if (setting === 'raw') {
    throw new Error(`${what}. Set AZDS_TRANSPORT to auto or net, or use the Node of the image`)
  }
  log.warn({ problem, node: process.version }, `${what}; using the slower one of node:net`)
  return netTransport
}

function rawTransport(
  bindings: RawBindings,
  afterBytes: number,
  log: Pick<Log, 'info'>,
): Transport {
  if (afterBytes === 0) return createRawTransport(bindings, { loadSendLast })
  const pipes = new Pipes(loadPipeCalls, {
    afterBytes,
    prove: () => probeRelay(bindings, loadPipeCalls),
    onUseless: (problem) =>
      log.info({ problem }, 'busy connections are copied here: the kernel cannot pass their bytes'),
  })
  return createRawTransport(bindings, { pipes, loadSendLast })
}

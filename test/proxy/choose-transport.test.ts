import { expect, test } from '@jest/globals'
import { chooseTransport } from '../../proxy/choose-transport.ts'
import {
  type GetBinding,
  loadRawBindings,
  type RawBindings,
  type RawRequest,
} from '../../proxy/raw-bindings.ts'
import { rawBindings } from './transports.ts'

const real: GetBinding = (name) =>
  (process as unknown as { binding: GetBinding }).binding(name) as object

function logged() {
  const warnings: string[] = []
  const log = { info: () => {}, warn: (_: unknown, text?: string) => warnings.push(text ?? '') }
  return { log: log as unknown as Parameters<typeof chooseTransport>[1], warnings }
}

test.each([
  ['auto', 'raw'],
  ['raw', 'raw'],
  ['net', 'net'],
] as const)('AZDS_TRANSPORT=%s is %s on this Node, without a warning', async (setting, name) => {
  const { log, warnings } = logged()
  expect((await chooseTransport(setting, log)).name).toBe(name)
  expect(warnings).toEqual([])
})

/** Another inside of Node, and what is said of it. */
const OTHERS: [string, GetBinding, string][] = [
  [
    'without such a module',
    () => {
      throw new Error('No such module: tcp_wrap')
    },
    'No such module: tcp_wrap',
  ],
  ['without a type', without('tcp_wrap', 'TCPConnectWrap'), 'a type of handle is missing'],
  ['without constants', without('tcp_wrap', 'constants'), 'the kinds of handles are missing'],
  ['without state', without('stream_wrap', 'streamBaseState'), 'the state of streams'],
  ['without a place', without('stream_wrap', 'kReadBytesOrError'), 'the places in the state'],
  [
    'without a method',
    (name) =>
      name === 'tcp_wrap' ? { ...(real(name) as object), TCP: class Bare {} } : real(name),
    'handles have no bind, bind6',
  ],
]

function without(module: string, key: string): GetBinding {
  return (name) => (name === module ? { ...(real(name) as object), [key]: undefined } : real(name))
}

test.each(OTHERS)('a Node %s gets node:net, and a warning that says why', async (_, get, why) => {
  const { log, warnings } = logged()
  const load = () => loadRawBindings(get)
  expect((await chooseTransport('auto', log, { load })).name).toBe('net')
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toContain(why)
  await expect(chooseTransport('raw', log, { load })).rejects.toThrow('Set AZDS_TRANSPORT to auto')
})

class OtherBytes extends rawBindings.Tcp {
  override writeBuffer(request: RawRequest, bytes: Buffer): number {
    return super.writeBuffer(request, Buffer.from(bytes).fill(0))
  }
}

class NoFin extends rawBindings.Tcp {
  override shutdown(): number {
    return -1
  }
}

/** The same shapes, and another behaviour. */
const BROKEN: [string, Partial<RawBindings>, RegExp][] = [
  ['send other bytes', { Tcp: OtherBytes }, /did not come back as they left/],
  ['send no FIN', { Tcp: NoFin }, /no answer over loopback/],
  ['tell elsewhere what was read', { readAt: rawBindings.asyncAt }, /no answer|fault|connect/],
]

test.each(BROKEN)('handles that %s are noticed before they are used', async (_, change, why) => {
  const { log, warnings } = logged()
  const load = () => ({ ok: true as const, bindings: { ...rawBindings, ...change } })
  expect((await chooseTransport('auto', log, { load })).name).toBe('net')
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toMatch(why)
})

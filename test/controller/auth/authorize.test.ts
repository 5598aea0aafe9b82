/** The truth table of the TLS port, row by row. */
import { expect, test } from '@jest/globals'
import { authorize, type Deed } from '../../../controller/auth/authorize.ts'
import type { Caller } from '../../../controller/auth/caller.ts'

const caller = (namespace: string, account: string, pod: string | null): Caller => ({
  namespace,
  account,
  pod,
})
const CALLERS = {
  api: caller('azds', 'azds-api', 'azds-api-1'),
  gateway: caller('azds', 'azds-gateway', 'gateway-1'),
  sidecar: caller('alice', 'default', 'orders-1'),
  unbound: caller('alice', 'default', null),
  'azds-api of another namespace': caller('alice', 'azds-api', 'orders-1'),
  'azds-gateway of another namespace': caller('alice', 'azds-gateway', 'orders-1'),
  'gateway without a pod': caller('azds', 'azds-gateway', null),
} as const

const record = (space: string, pod: string, direction: 'inbound' | 'outbound' | 'gateway') => ({
  space,
  pod,
  direction,
})
const records = (namespace: string, pod: string, ...list: ReturnType<typeof record>[]): Deed => ({
  route: 'records',
  batch: { namespace, pod, records: list },
})
const feed = (query: { namespace?: string; pod?: string; scope?: 'tree' | 'all' }): Deed => ({
  route: 'feed',
  query,
})

/** Each deed as the pod alice/orders-1 does it, and as the gateway does. */
const DEEDS = {
  'own feed': feed({ namespace: 'alice', pod: 'orders-1' }),
  'feed of another pod': feed({ namespace: 'alice', pod: 'orders-2' }),
  'feed of another space': feed({ namespace: 'bob', pod: 'orders-1' }),
  'feed of nobody': feed({}),
  'every tree': feed({ scope: 'all' }),
  'every tree by own name': feed({ scope: 'all', namespace: 'alice', pod: 'orders-1' }),
  'own records': records('alice', 'orders-1', record('alice', 'orders-1', 'inbound')),
  'no records': records('alice', 'orders-1'),
  'batch of another pod': records('alice', 'orders-2'),
  'batch of another space': records('bob', 'orders-1'),
  'record of another pod': records('alice', 'orders-1', record('alice', 'orders-2', 'inbound')),
  'record of another space': records(
    'alice',
    'orders-1',
    record('alice', 'orders-1', 'outbound'),
    record('bob', 'orders-1', 'outbound'),
  ),
  'gateway’s direction': records('alice', 'orders-1', record('alice', 'orders-1', 'gateway')),
  'gateway’s own records': records('azds', 'gateway-1', record('azds', 'gateway-1', 'gateway')),
  'azds.io/v1': { route: 'api' },
} as const satisfies Record<string, Deed>

const MAY: Record<keyof typeof CALLERS, (keyof typeof DEEDS)[]> = {
  api: ['azds.io/v1'],
  gateway: ['every tree', 'every tree by own name', 'gateway’s own records'],
  sidecar: ['own feed', 'own records', 'no records'],
  unbound: [],
  'azds-api of another namespace': ['own feed', 'own records', 'no records'],
  'azds-gateway of another namespace': ['own feed', 'own records', 'no records'],
  'gateway without a pod': [],
}

const ROWS = (Object.keys(CALLERS) as (keyof typeof CALLERS)[]).flatMap((who) =>
  (Object.keys(DEEDS) as (keyof typeof DEEDS)[]).map(
    (what) => [who, MAY[who].includes(what) ? 'may' : 'may not', what] as const,
  ),
)

test.each(ROWS)('%s %s: %s', (who, expected, what) => {
  const verdict = authorize(CALLERS[who], DEEDS[what], 'azds')
  expect(verdict.allowed).toBe(expected === 'may')
})

test('the control plane’s own namespace is where it was installed', () => {
  const moved = caller('tools', 'azds-api', 'azds-api-1')
  expect(authorize(moved, { route: 'api' }, 'tools').allowed).toBe(true)
  expect(authorize(CALLERS.api, { route: 'api' }, 'tools').allowed).toBe(false)
})

test('who is turned away is told who it is and what it may not do', () => {
  expect(authorize(CALLERS.sidecar, DEEDS['record of another space'], 'azds')).toEqual({
    allowed: false,
    message: 'pod alice/orders-1 (account default) may not deliver records of pod bob/orders-1',
  })
  expect(authorize(CALLERS.unbound, DEEDS['own feed'], 'azds')).toMatchObject({
    message: expect.stringContaining('its token is bound to no pod'),
  })
})

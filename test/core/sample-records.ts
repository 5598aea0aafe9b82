/** Trace records for tests: any single one, and the whole of a usual request through a child space. */
import type { TraceRecord } from '../../core/trace-record.ts'

export const START = Date.UTC(2026, 2, 1, 12)

const hex = (number: number, digits: number) => number.toString(16).padStart(digits, '0')
export const traceIdOf = (number: number) => hex(number, 32)
export const spanIdOf = (number: number) => hex(number, 16)

type Overrides = Partial<Omit<TraceRecord, 'route'>> & { route?: Partial<TraceRecord['route']> }

/** A valid record: an inbound request to web in dev, with what is given put over it. */
export function sampleRecord({ route, ...rest }: Overrides = {}): TraceRecord {
  return {
    traceId: traceIdOf(1),
    spanId: spanIdOf(1),
    parentSpanId: null,
    space: 'dev',
    pod: 'web-1',
    workload: 'web',
    service: 'web',
    direction: 'inbound',
    protocol: 'http/1.1',
    hop: 0,
    method: 'GET',
    authority: 'web.dev:80',
    path: '/',
    status: 200,
    sni: null,
    startedAt: START,
    firstByteMs: 3,
    durationMs: 4,
    requestBytes: 120,
    responseBytes: 340,
    requestHeaders: [['Host', 'web.dev:80']],
    responseHeaders: [['Content-Type', 'text/plain']],
    requestBody: null,
    responseBody: null,
    client: '10.244.0.1:40000',
    error: null,
    ...rest,
    route: {
      context: null,
      contextSource: 'none',
      reason: 'no-context',
      originalDestination: '10.244.0.10:8080',
      target: '10.244.0.10:8080',
      service: { space: 'dev', name: 'web', port: 80 },
      tried: [],
      ...route,
    },
  }
}

/**
 * A request of space alice: client → web (dev) → orders (alice's own) → stock (dev, because alice has
 * none), where stock answers 503.
 */
export function sampleTrace(traceId = traceIdOf(7), startedAt = START): TraceRecord[] {
  const alice = { context: 'alice', contextSource: 'header' } as const
  const toOrders = {
    ...alice,
    reason: 'child',
    originalDestination: '10.96.0.20:80',
    target: '10.96.0.21:80',
    service: { space: 'alice', name: 'orders', port: 80 },
    tried: [{ space: 'alice', outcome: 'chosen' }],
  } satisfies Overrides['route']
  const toStock = {
    ...alice,
    reason: 'fallback-absent',
    originalDestination: '10.96.0.30:80',
    target: '10.96.0.30:80',
    service: { space: 'dev', name: 'stock', port: 80 },
    tried: [
      { space: 'alice', outcome: 'absent' },
      { space: 'dev', outcome: 'chosen' },
    ],
  } satisfies Overrides['route']
  const orders = { space: 'alice', pod: 'orders-1', workload: 'orders' }
  const step = (span: number, parent: number | null, fields: Overrides) =>
    sampleRecord({
      traceId,
      spanId: spanIdOf(span),
      parentSpanId: parent === null ? null : spanIdOf(parent),
      ...fields,
    })
  return [
    step(1, null, {
      startedAt,
      durationMs: 20,
      path: '/cart',
      requestHeaders: [
        ['Host', 'web.dev'],
        ['azds-route-as', 'alice'],
        ['Authorization', '[redacted]'],
      ],
      route: { ...alice, reason: 'fallback-absent' },
    }),
    step(2, 1, {
      direction: 'outbound',
      startedAt: startedAt + 2,
      durationMs: 16,
      hop: 1,
      service: 'orders',
      authority: 'orders',
      path: '/orders',
      route: toOrders,
    }),
    step(3, 2, {
      ...orders,
      service: 'orders',
      startedAt: startedAt + 3,
      durationMs: 14,
      hop: 1,
      authority: 'orders',
      path: '/orders',
      route: { ...toOrders, reason: 'delivered', tried: [] },
    }),
    step(4, 3, {
      ...orders,
      direction: 'outbound',
      service: 'stock',
      startedAt: startedAt + 5,
      durationMs: 10,
      hop: 2,
      authority: 'stock',
      path: '/stock?id=5',
      status: 503,
      route: toStock,
    }),
    step(5, 4, {
      pod: 'stock-1',
      workload: 'stock',
      service: 'stock',
      startedAt: startedAt + 6,
      durationMs: 8,
      hop: 2,
      authority: 'stock',
      path: '/stock?id=5',
      status: 503,
      error: { code: 'connect-refused', message: 'connect ECONNREFUSED 127.0.0.1:8080' },
      route: { ...toStock, reason: 'delivered', tried: [] },
    }),
  ]
}

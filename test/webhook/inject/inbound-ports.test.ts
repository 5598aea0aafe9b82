/** Which inbound ports go straight to the app: the truth table's rows, and what must hold for all pods. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { DIRECT_REASON } from '../../../core/injection/reasons.ts'
import type { Container, Pod, Service } from '../../../core/kube/types.ts'
import { decideInboundPorts, describeDirect } from '../../../webhook/inject/inbound-ports.ts'
import { covers, formatRanges, rangesOf, without } from '../../../webhook/inject/port-ranges.ts'
import { WELL_KNOWN_PORTS } from '../../../webhook/inject/well-known-ports.ts'

type ServicePort = NonNullable<Service['spec']['ports']>[number]
type ContainerPort = NonNullable<Container['ports']>[number]

type Lists = Parameters<typeof decideInboundPorts>[1]
const NO_LISTS: Lists = { skipInboundPorts: null, opaquePorts: null, namespaceOpaquePorts: null }

function podWith(ports: ContainerPort[] = []): Pod {
  return { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'db', ports }] } }
}

function serviceWith(name: string, ports: ServicePort[]): Service {
  return { metadata: { name }, spec: { selector: { app: 'db' }, ports } }
}

interface Row {
  port: number
  lists?: Partial<Lists>
  containerPort?: Partial<ContainerPort>
  service?: Partial<ServicePort>
  other?: Partial<ServicePort>
  goes: keyof typeof DIRECT_REASON | 'to the sidecar'
}

const ROWS: Row[] = [
  { port: 8080, goes: 'to the sidecar' },
  { port: 6379, goes: 'well-known' },
  { port: 6379, containerPort: { name: 'tcp-redis' }, goes: 'well-known' },
  { port: 6379, containerPort: { name: 'http' }, goes: 'to the sidecar' },
  { port: 6379, containerPort: { name: 'grpc-web' }, goes: 'to the sidecar' },
  { port: 6379, containerPort: { name: 'http', protocol: 'UDP' }, goes: 'well-known' },
  { port: 6379, service: { name: 'http-1' }, goes: 'to the sidecar' },
  { port: 6379, service: { name: 'web' }, goes: 'well-known' },
  { port: 6379, service: { appProtocol: 'HTTP' }, goes: 'to the sidecar' },
  { port: 6379, service: { appProtocol: 'kubernetes.io/ws' }, goes: 'to the sidecar' },
  { port: 6379, service: { appProtocol: 'example.com/own' }, goes: 'well-known' },
  { port: 6379, service: { protocol: 'UDP', appProtocol: 'http' }, goes: 'well-known' },
  { port: 8080, service: { name: 'tcp-admin' }, goes: 'to the sidecar' },
  { port: 8080, service: { appProtocol: 'tcp' }, goes: 'app-protocol' },
  { port: 8080, service: { appProtocol: 'TLS' }, goes: 'app-protocol' },
  { port: 8080, service: { appProtocol: 'mysql' }, goes: 'app-protocol' },
  { port: 8080, service: { appProtocol: 'linkerd.io/opaque' }, goes: 'app-protocol' },
  { port: 8080, service: { appProtocol: 'https' }, goes: 'to the sidecar' },
  { port: 8080, service: { name: 'http', appProtocol: 'tcp' }, goes: 'app-protocol' },
  {
    port: 8080,
    service: { appProtocol: 'tcp' },
    containerPort: { name: 'http' },
    goes: 'app-protocol',
  },
  {
    port: 8080,
    service: { appProtocol: 'tcp' },
    other: { appProtocol: 'grpc' },
    goes: 'to the sidecar',
  },
  { port: 8080, lists: { opaquePorts: '8000-8100' }, goes: 'opaque-ports' },
  {
    port: 8080,
    lists: { opaquePorts: '8080' },
    service: { appProtocol: 'http' },
    goes: 'opaque-ports',
  },
  { port: 6379, lists: { opaquePorts: '8080' }, goes: 'to the sidecar' },
  { port: 6379, lists: { opaquePorts: '' }, goes: 'to the sidecar' },
  {
    port: 6379,
    lists: { opaquePorts: '' },
    service: { appProtocol: 'tcp' },
    goes: 'app-protocol',
  },
  { port: 7000, lists: { namespaceOpaquePorts: '7000' }, goes: 'namespace-opaque-ports' },
  {
    port: 7000,
    lists: { namespaceOpaquePorts: '6000-8000' },
    service: { name: 'http' },
    goes: 'to the sidecar',
  },
  { port: 6379, lists: { namespaceOpaquePorts: '' }, goes: 'to the sidecar' },
  { port: 6379, lists: { skipInboundPorts: '80' }, goes: 'well-known' },
  {
    port: 8080,
    lists: { skipInboundPorts: '8080', opaquePorts: '8080' },
    service: { appProtocol: 'http' },
    goes: 'skip-inbound-ports',
  },
]

test.each(ROWS)('port $port with $lists, $containerPort, $service, $other goes: $goes', (row) => {
  const { port, lists, containerPort, service, other, goes } = row
  const services = [service, other].flatMap((rest, index) =>
    rest ? [serviceWith(`s${index}`, [{ port: 1, targetPort: port, ...rest }])] : [],
  )
  const ports = containerPort ? [{ containerPort: port, ...containerPort }] : []
  const { direct } = decideInboundPorts(podWith(ports), { ...NO_LISTS, ...lists }, services)
  const by = direct.filter((entry) => covers(rangesOf(entry.ports), port))
  expect(by.map(({ reason }) => reason)).toEqual(goes === 'to the sidecar' ? [] : [goes])
})

test('what a Service says is told with its name, one entry for each protocol', () => {
  const services = [
    serviceWith('redis', [
      { port: 7001, appProtocol: 'tcp' },
      { port: 7000, appProtocol: 'tcp' },
      { port: 7443, appProtocol: 'tls' },
    ]),
    serviceWith('redis-headless', [{ port: 7000, appProtocol: 'tcp' }]),
  ]
  const { direct, opaquePorts } = decideInboundPorts(
    podWith(),
    { ...NO_LISTS, opaquePorts: '' },
    services,
  )
  expect(direct.map(describeDirect)).toEqual([
    '7000-7001 (app-protocol: Service redis, tcp)',
    '7443 (app-protocol: Service redis, tls)',
  ])
  expect(opaquePorts).toBe('7000-7001,7443')
})

test('a port that would be opaque but for a declaration is told with who declared it', () => {
  const services = [serviceWith('search', [{ port: 80, targetPort: 9300, appProtocol: 'http' }])]
  const ports = [{ name: 'http-x', containerPort: 4222 }]
  expect(decideInboundPorts(podWith(ports), NO_LISTS, services).declaredHttp).toEqual([
    { port: 4222, by: 'container "db", port name http-x' },
    { port: 9300, by: 'Service "search", appProtocol http' },
  ])
})

test('without anything to leave alone the init container gets no list', () => {
  expect(decideInboundPorts(podWith(), { ...NO_LISTS, opaquePorts: '' }, []).opaquePorts).toBeNull()
})

test('the well-known ports fit into one multiport rule, each once and in order', () => {
  const ports = WELL_KNOWN_PORTS.map(({ port }) => port)
  expect(ports).toEqual([...new Set(ports)].toSorted((a, b) => a - b))
  expect(ports.length).toBeLessThanOrEqual(15)
})

/** Ports that tools for HTTP have as their default, or that developers count on from. */
const PORTS_OF_HTTP = [
  ...[80, 443, 3000, 3001, 4000, 4200, 4444, 4567, 4568, 5000, 5001, 5173, 5601, 6000, 7000, 7001],
  ...[8000, 8008, 8080, 8081, 8086, 8090, 8443, 8500, 8888, 9000, 9001, 9090, 9091, 9092, 9093],
  ...[9100, 9200, 9411, 15672, 16686, 50000],
]

test.each(PORTS_OF_HTTP)('port %i, which people use for HTTP, is not among them', (port) => {
  expect(WELL_KNOWN_PORTS.map((one) => one.port)).not.toContain(port)
})

const range = fc
  .tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 9 }))
  .map(([first, more]) => ({ first, last: first + more }))
const ranges = fc.array(range, { maxLength: 6 })
const NUMBERS = Array.from({ length: 72 }, (_, port) => port)

test('a set of ports without another has just the ports of the one that the other has not', () => {
  fc.assert(
    fc.property(ranges, ranges, (some, away) => {
      const left = without(some, away)
      for (const port of NUMBERS)
        expect(covers(left, port)).toBe(covers(some, port) && !covers(away, port))
      for (const [index, { first }] of left.entries())
        if (index > 0) expect(first).toBeGreaterThan((left[index - 1]?.last ?? 0) + 1)
      expect(rangesOf(formatRanges(left))).toEqual(left)
    }),
  )
})

const word = fc.constantFrom(undefined, 'tcp', 'http', 'tls', 'redis', 'grpc-x', 'x')
const servicePort = fc.record({ port: fc.integer({ min: 1, max: 60 }), name: word, protocol: word })
const list = fc.option(ranges.map(formatRanges))

test('each port is in one group at most, and the list of the rules is the sum of the groups', () => {
  const lists = fc.record({ skipInboundPorts: list, opaquePorts: list, namespaceOpaquePorts: list })
  fc.assert(
    fc.property(lists, fc.array(fc.array(servicePort, { maxLength: 4 })), (settings, drawn) => {
      const services = drawn.map((ports, index) =>
        serviceWith(
          `s${index}`,
          ports.map(({ port, name, protocol }) => ({
            port,
            ...(name && { name }),
            ...(protocol && { appProtocol: protocol }),
          })),
        ),
      )
      const { direct, opaquePorts, declaredHttp } = decideInboundPorts(
        podWith(),
        settings,
        services,
      )
      for (const port of NUMBERS) {
        const groups = direct.filter((entry) => covers(rangesOf(entry.ports), port))
        expect(groups.length).toBeLessThanOrEqual(1)
        const opaque = groups.some(({ reason }) => reason !== 'skip-inbound-ports')
        expect(covers(rangesOf(opaquePorts ?? ''), port)).toBe(opaque)
        if (groups.length > 0) expect(declaredHttp.map((one) => one.port)).not.toContain(port)
      }
    }),
  )
})

/** Which version answers a request, in a cluster: the sample app of `npm start`, and spaces around it. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { HEADER, ROUTE_AS_MEMBER } from '../../../core/names.ts'
import { describeScenario } from '../requirements.ts'
import { type Asked, Customer } from './customer.ts'
import { serviceOf, shopService, space } from './shop-objects.ts'
import { SCENARIO_LIMIT_MS, type SpaceCluster, startSpaceCluster } from './space-cluster.ts'
import { hopLines, oddities } from './trace-lines.ts'

jest.setTimeout(SCENARIO_LIMIT_MS)

const TEAM = ['web in dev', 'orders in dev', 'stock in dev', 'warehouse in dev']
const ALICE = ['web in dev', 'orders in alice', 'stock in dev', 'warehouse in dev']
const BOB = ['web in dev', 'orders in bob', 'stock in dev', 'warehouse in dev']
const EXPERIMENT = ['web in dev', 'orders in alice', 'stock in experiment', 'warehouse in dev']

/** What a request of alice's looks like from the second hop on, however the first knew her space. */
const ALICE_ONWARD = [
  'web (dev) > orders (alice): child, alice by trace, alice=chosen',
  'orders (alice) > stock (dev): fallback-absent, alice by trace, alice=absent dev=chosen',
  'stock (dev) > warehouse (dev): fallback-absent, alice by trace, alice=absent dev=chosen',
]

describeScenario('which version answers', () => {
  let it: SpaceCluster
  let customer: Customer
  beforeAll(async () => {
    it = await startSpaceCluster({ sample: true })
    customer = new Customer(it)
    await it.apply([
      space('bob', 'dev'),
      space('experiment', 'alice'),
      space('payments', null),
      space('payments-eve', 'payments'),
      ...shopService({ namespace: 'bob', service: 'orders', calls: ['stock'] }),
      ...shopService({ namespace: 'experiment', service: 'stock', calls: ['warehouse'] }),
      // A tree of its own, with a service of the same name.
      ...shopService({ namespace: 'payments', service: 'orders' }),
      ...shopService({ namespace: 'payments-eve', service: 'ledger', calls: ['orders'] }),
      // Apps that pass no header on at all.
      ...shopService({ namespace: 'dev', service: 'kiosk', calls: ['orders'], forwardHeaders: '' }),
      ...shopService({ namespace: 'bob', service: 'kiosk', calls: ['orders'], forwardHeaders: '' }),
      // Nobody answers for it: what counts is who sees it.
      serviceOf('alice', 'wishlist'),
    ])
    const settled = { 'dev.web': TEAM, 'alice.s.dev.web': ALICE, 'bob.s.dev.web': BOB }
    const all = { ...settled, 'experiment.s.dev.web': EXPERIMENT }
    await Promise.all(Object.entries(all).map(([host, answers]) => customer.settled(host, answers)))
  })
  afterAll(async () => it?.stop())

  /** The trace, which must be sound in itself, as lines. */
  const linesOf = async (asked: Asked): Promise<string[]> => {
    const records = await customer.records(asked)
    expect(oddities(records, asked)).toEqual([])
    return hopLines(records)
  }

  test('without a space all is answered by the team’s versions', async () => {
    const asked = await customer.ask('dev.web')
    expect(asked).toMatchObject({ status: 200, answers: TEAM })
    expect(await linesOf(asked)).toEqual([
      'gateway > web (dev): no-context, no space',
      'web (dev) > orders (dev): no-context, no space',
      'orders (dev) > stock (dev): no-context, no space',
      'stock (dev) > warehouse (dev): no-context, no space',
    ])
  })

  test.each([
    ['host', 'alice.s.dev.web', {}],
    ['header', 'dev.web', { [HEADER.routeAs]: 'alice' }],
    ['baggage', 'dev.web', { [HEADER.baggage]: `${ROUTE_AS_MEMBER}=alice` }],
    ['cookie', 'dev.web', { cookie: `theme=dark; ${ROUTE_AS_MEMBER}=alice` }],
  ])(
    'alice by %s, then by trace: from the parent to her version and back',
    async (source, host, headers) => {
      const asked = await customer.ask(host, headers)
      expect(asked).toMatchObject({ status: 200, answers: ALICE })
      expect(await linesOf(asked)).toEqual([
        `gateway > web (dev): fallback-absent, alice by ${source}, alice=absent dev=chosen`,
        ...ALICE_ONWARD,
      ])
    },
  )

  test('alice by origin: what her pod sends belongs to her space, named or not', async () => {
    const asked = await customer.askFrom(['alice', 'orders'], 'http://stock/')
    expect(asked).toMatchObject({ status: 200, answers: ['stock in dev', 'warehouse in dev'] })
    expect(await linesOf(asked)).toEqual([
      'orders (alice) > stock (dev): fallback-absent, alice by origin, alice=absent dev=chosen',
      'stock (dev) > warehouse (dev): fallback-absent, alice by trace, alice=absent dev=chosen',
    ])
  })

  test('of sibling spaces each gets its own version and never the other’s', async () => {
    const asked = await customer.ask('bob.s.dev.web')
    expect(asked.answers).toEqual(BOB)
    expect(await linesOf(asked)).toEqual([
      'gateway > web (dev): fallback-absent, bob by host, bob=absent dev=chosen',
      ...ALICE_ONWARD.map((line) => line.replaceAll('alice', 'bob')),
    ])
    expect((await customer.ask('alice.s.dev.web')).answers).toEqual(ALICE)
  })

  test('a service that only a sibling has is found neither by name nor by address', async () => {
    const lookUp = (namespace: string) => {
      const script = `console.log(await (await import('node:dns/promises')).lookup('wishlist').then(() => 'found', (error) => error.code))`
      return it.inPod(namespace, 'orders', ['node', '--input-type=module', '-e', script])
    }
    expect(await lookUp('alice')).toBe('found\n')
    expect(await lookUp('bob')).toBe('ENOTFOUND\n')
    const asked = await customer.ask('bob.s.dev.wishlist')
    expect(asked.status).toBe(404)
    const [record] = await customer.records(asked)
    expect(record).toMatchObject({ direction: 'gateway', error: { code: 'unknown-host' } })
  })

  test('a grandchild gets each service from the nearest of its chain of three', async () => {
    const asked = await customer.ask('experiment.s.dev.web')
    expect(asked.answers).toEqual(EXPERIMENT)
    expect(await linesOf(asked)).toEqual([
      'gateway > web (dev): fallback-absent, experiment by host, experiment=absent alice=absent dev=chosen',
      'web (dev) > orders (alice): fallback-absent, experiment by trace, experiment=absent alice=chosen',
      'orders (alice) > stock (experiment): child, experiment by trace, experiment=chosen',
      'stock (experiment) > warehouse (dev): fallback-absent, experiment by trace, experiment=absent alice=absent dev=chosen',
    ])
  })

  test.each(['payments', 'payments-eve'])(
    'a header that names %s, a space of another tree, changes nothing',
    async (name) => {
      const asked = await customer.ask('dev.web', { [HEADER.routeAs]: name })
      expect(asked).toMatchObject({ status: 200, answers: TEAM })
      expect(await linesOf(asked)).toEqual([
        `gateway > web (dev): other-tree, ${name} by header`,
        'web (dev) > orders (dev): no-context, no space',
        'orders (dev) > stock (dev): no-context, no space',
        'stock (dev) > warehouse (dev): no-context, no space',
      ])
    },
  )

  test('a call into another tree belongs to no space of the caller’s', async () => {
    const asked = await customer.askFrom(['payments-eve', 'ledger'], 'http://stock.dev/')
    expect(asked.answers).toEqual(['stock in dev', 'warehouse in dev'])
    // Sidecars know their own tree only, and change nothing in what leaves it: the two sides stand apart.
    expect(hopLines(await customer.records(asked))).toEqual([
      'ledger (payments-eve) > stock.dev: not-a-space-service, payments-eve by origin',
      expect.stringMatching(/^[\d.]+:\d+ > stock \(dev\): no-context, no space$/),
      'stock (dev) > warehouse (dev): no-context, no space',
    ])
  })

  test('a call into another tree may name a space of that tree: its receiver sends it there', async () => {
    const header = { [HEADER.routeAs]: 'experiment' }
    const from = ['payments-eve', 'ledger'] as const
    const asked = await customer.askFrom(from, 'http://stock.dev/', header, 1)
    expect(asked.answers).toEqual(['stock in experiment', 'warehouse in dev'])
    expect(hopLines(await customer.records(asked))).toEqual([
      'ledger (payments-eve) > stock.dev: not-a-space-service, experiment by header',
      expect.stringMatching(/> stock \(dev\): child, experiment by header, experiment=chosen$/),
      'stock (dev) > stock (experiment): delivered, experiment by header',
      'stock (experiment) > warehouse (dev): fallback-absent, experiment by trace, experiment=absent alice=absent dev=chosen',
    ])
  })

  test('an app that passes nothing on loses the space, unless it runs in it', async () => {
    const team = await customer.ask('alice.s.dev.kiosk')
    expect(team.answers).toEqual(['kiosk in dev', ...TEAM.slice(1)])
    expect(hopLines(await customer.records(team, 2))).toEqual([
      'gateway > kiosk (dev): fallback-absent, alice by host, alice=absent dev=chosen',
    ])
    const bob = await customer.ask('bob.s.dev.kiosk')
    expect(bob.answers).toEqual([
      'kiosk in bob',
      'orders in bob',
      'stock in dev',
      'warehouse in dev',
    ])
    expect(hopLines(await customer.records(bob, 2))).toEqual([
      'gateway > kiosk (bob): child, bob by host, bob=chosen',
    ])
    await customer.account()
    const [ofBob, ofTeam] = (await customer.stored()).filter(
      ({ services }) => services[0] === 'orders',
    )
    expect(ofTeam).toMatchObject({ context: null, spaces: ['dev'] })
    expect(ofBob).toMatchObject({ context: 'bob', spaces: ['bob', 'dev'] })
  })

  test('every exchange of these scenarios is in the store, with both its sides', async () => {
    const { stored, due, missing } = await customer.account()
    expect(missing).toEqual([])
    expect(stored).toBe(due)
  })
})

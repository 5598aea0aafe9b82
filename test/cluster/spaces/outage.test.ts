/** The controller goes away: traffic and routing go on, pods start, and traces come once it is back. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { CONTROLLER_SERVICE, SYSTEM_NAMESPACE } from '../../../core/names.ts'
import { get } from '../../../playground/requests.ts'
import { describeCluster } from '../requirements.ts'
import { type Asked, Customer } from './customer.ts'
import { shopService, space } from './shop-objects.ts'
import { eventually, isReady, type SpaceCluster, startSpaceCluster } from './space-cluster.ts'
import { hopLines, oddities } from './trace-lines.ts'

// The longest step, a pod that starts without a controller, takes 7 s on an idle machine with two cores.
jest.setTimeout(180_000)

const CHILD = ['web in dev', 'orders in alice']
const PARENT = ['web in dev', 'orders in dev']

const CHILD_HOPS = [
  'gateway > web (dev): fallback-absent, alice by host, alice=absent dev=chosen',
  'web (dev) > orders (alice): child, alice by trace, alice=chosen',
]

describeCluster('while the controller is away', () => {
  let it: SpaceCluster
  let customer: Customer
  beforeAll(async () => {
    it = await startSpaceCluster({ sample: false })
    customer = new Customer(it)
    await it.apply([
      space('dev', null),
      space('alice', 'dev'),
      ...shopService({ namespace: 'dev', service: 'web', calls: ['orders'] }),
      ...shopService({ namespace: 'dev', service: 'orders' }),
      ...shopService({ namespace: 'alice', service: 'orders' }),
    ])
    await customer.settled('alice.s.dev.web', CHILD)
  })
  afterAll(async () => it?.stop())

  const controller = async () => {
    const path = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/pods`
    const { items } = await it.client.get<{ items: Awaited<ReturnType<typeof it.pods>> }>(path)
    return items.filter(({ metadata }) => metadata.name?.startsWith(CONTROLLER_SERVICE))
  }
  /** azds-api may still hold connections that lead nowhere for some ms after it is ready. */
  const controllerAnswers = () => {
    const { viewerPort } = it.playground
    return eventually(
      () =>
        get(viewerPort, `localhost:${viewerPort}`, '/v1/traces?limit=1').then(
          ({ status }) => status,
          (error: Error) => error.message,
        ),
      (status) => status === 200,
    )
  }
  const scale = (replicas: number) => {
    const target = [`deployment/${CONTROLLER_SERVICE}`, '-n', SYSTEM_NAMESPACE]
    return it.kubectl(['scale', ...target, `--replicas=${replicas}`])
  }
  const expectTrace = async (asked: Asked, hops: string[]) => {
    const records = await customer.records(asked)
    expect(oddities(records, asked)).toEqual([])
    expect(hopLines(records)).toEqual(hops)
  }

  test('its container starts again: what it had stored is still there', async () => {
    const before = await customer.ask('alice.s.dev.web')
    await expectTrace(before, CHILD_HOPS)
    const [pod] = await controller()
    const { name = '' } = pod?.metadata ?? {}
    await it.playground.cluster.exec(SYSTEM_NAMESPACE, name, 'controller', ['sh', '-c', 'kill 1'])
    const restarted = await eventually(controller, ([now]) => {
      const [status] = (now?.status?.['containerStatuses'] ?? []) as { restartCount: number }[]
      return status?.restartCount === 1 && now !== undefined && isReady(now)
    })
    expect(restarted.answer[0]?.metadata.name).toBe(name)
    await controllerAnswers()
    await expectTrace(before, CHILD_HOPS)
    await expectTrace(await customer.ask('alice.s.dev.web'), CHILD_HOPS)
  })

  test('its pod is killed: requests are answered and routed as before, and no trace is lost', async () => {
    await scale(0)
    const [pod] = await controller()
    const kill = ['--grace-period=0', '--force']
    await it.kubectl(['delete', 'pod', pod?.metadata.name ?? '', '-n', SYSTEM_NAMESPACE, ...kill])
    await eventually(controller, (pods) => pods.length === 0)

    const meanwhile: Asked[] = []
    for (let i = 0; i < 10; i++) {
      const child = await customer.ask('alice.s.dev.web')
      const parent = await customer.ask('dev.web')
      expect([child.status, parent.status]).toEqual([200, 200])
      expect([child.answers, parent.answers]).toEqual([CHILD, PARENT])
      meanwhile.push(child)
    }

    await it.apply(shopService({ namespace: 'alice', service: 'late', calls: ['web'] }))
    const late = await customer.askFrom(['alice', 'late'], 'http://orders/')
    expect(late.answers).toEqual(['orders in alice'])
    const up = await customer.askFrom(['alice', 'late'], 'http://web/')
    expect(up.answers).toEqual(CHILD)

    await scale(1)
    await controllerAnswers()
    for (const asked of meanwhile) await expectTrace(asked, CHILD_HOPS)
    await expectTrace(late, [
      'late (alice) > orders (alice): no-table, alice by origin, alice=chosen',
    ])
    await expectTrace(up, [
      'late (alice) > web (dev): no-table, alice by origin, alice=absent dev=chosen',
      'web (dev) > orders (alice): child, alice by trace, alice=chosen',
    ])
  })

  test('it is back: sidecars that never had a table get one, and changes are followed again', async () => {
    const routed = await eventually(
      async () => {
        const asked = await customer.askFrom(['alice', 'late'], 'http://web/')
        return hopLines(await customer.records(asked))
      },
      ([first]) => first?.includes('no-table') === false,
    )
    expect(routed.answer).toEqual([
      'late (alice) > web (dev): fallback-absent, alice by origin, alice=absent dev=chosen',
      'web (dev) > orders (alice): child, alice by trace, alice=chosen',
    ])
    const viaGateway = await customer.until('alice.s.dev.late', ['late in alice', ...CHILD])
    await expectTrace(viaGateway, [
      'gateway > late (alice): child, alice by host, alice=chosen',
      'late (alice) > web (dev): fallback-absent, alice by trace, alice=absent dev=chosen',
      'web (dev) > orders (alice): child, alice by trace, alice=chosen',
    ])
  })
})

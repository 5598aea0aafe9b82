/** A child's version goes, comes or is not ready: what becomes of the requests that belong to its space. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { describeScenario } from '../requirements.ts'
import { type Asked, Customer } from './customer.ts'
import { deployment, serviceOf, shopService, space } from './shop-objects.ts'
import {
  eventually,
  isReady,
  SCENARIO_LIMIT_MS,
  type SpaceCluster,
  startSpaceCluster,
} from './space-cluster.ts'
import { hopLines, oddities } from './trace-lines.ts'

jest.setTimeout(SCENARIO_LIMIT_MS)

const HOST = 'alice.s.dev.web'
const CHILD = ['web in dev', 'orders in alice']
const PARENT = ['web in dev', 'orders in dev']
const ALICE_ORDERS = { namespace: 'alice', service: 'orders' }

const FIRST_HOP = 'gateway > web (dev): fallback-absent, alice by host, alice=absent dev=chosen'
const TO_CHILD = 'web (dev) > orders (alice): child, alice by trace, alice=chosen'
const PAST_ABSENT =
  'web (dev) > orders (dev): fallback-absent, alice by trace, alice=absent dev=chosen'
const PAST_NOT_READY =
  'web (dev) > orders (dev): fallback-not-ready, alice by trace, alice=not-ready dev=chosen'

/** The file that says whether alice's slow starter is ready. */
const READY_FILE = '/tmp/ready'

/**
 * Longest time (ms) from a pod's change of readiness to the routing by it: 20 ms in which the controller
 * collects changes, and the way there. The rest is for busy machines, where a single request takes a second.
 */
const ROUTED_LIMIT_MS = 15_000

describeScenario('a child’s version that comes and goes', () => {
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
      ...shopService(ALICE_ORDERS),
    ])
  })
  afterAll(async () => it?.stop())

  const ask = () => customer.ask(HOST)
  const answeredBy = (answers: string[]) => (asked: Asked) => same(asked.answers, answers)

  /** Asks on and on, from before something is done until the pod is gone and the parent has answered. */
  const askWhile = async (change: () => Promise<unknown>): Promise<Asked[]> => {
    const asked: Asked[] = []
    let on = true
    const asking = (async () => {
      for (; on; await sleep(10)) asked.push(await ask())
    })()
    // It is waited for below; until then a request without an answer is nobody's.
    asking.catch(() => {})
    try {
      await eventually(
        async () => asked.length,
        (count) => count > 0,
      )
      await change()
      await eventually(
        () => it.pods('alice', 'orders'),
        (pods) => pods.length === 0,
      )
      await eventually(
        async () => asked.at(-1)?.answers ?? [],
        (answers) => same(answers, PARENT),
      )
    } finally {
      on = false
      await asking
    }
    return asked
  }

  /** No request failed, and once the first was answered by the parent, all were. */
  const expectOneSwitch = (asked: readonly Asked[]) => {
    expect(asked.filter(({ status }) => status !== 200)).toEqual([])
    const first = asked.findIndex(answeredBy(PARENT))
    expect(first).toBeGreaterThan(0)
    expect(asked.slice(0, first).filter((one) => !answeredBy(CHILD)(one))).toEqual([])
    expect(asked.slice(first).filter((one) => !answeredBy(PARENT)(one))).toEqual([])
  }

  const expectTrace = async (asked: Asked, secondHop: string) => {
    const records = await customer.records(asked)
    expect(oddities(records, asked)).toEqual([])
    expect(hopLines(records)).toEqual([FIRST_HOP, secondHop])
  }

  /** Falls back so as soon as the news has come: a Service comes and goes in the API server first. */
  const expectFallback = async (secondHop: string) => {
    const asked = await customer.traced(HOST, 1, secondHop)
    expect(asked).toMatchObject({ status: 200, answers: PARENT })
    await expectTrace(asked, secondHop)
  }

  test('its Deployment is removed: the next request falls back, and none fails meanwhile', async () => {
    await customer.settled(HOST, CHILD)
    const asked = await askWhile(() =>
      it.kubectl(['delete', 'deployment', 'orders', '-n', 'alice', '--wait=false']),
    )
    expectOneSwitch(asked)
    await expectTrace(asked[0] as Asked, TO_CHILD)
    // Its Service is still there.
    await expectTrace(await ask(), PAST_NOT_READY)
  })

  test('it comes back with its Deployment', async () => {
    await it.apply([deployment(ALICE_ORDERS)])
    await expectTrace(await customer.settled(HOST, CHILD), TO_CHILD)
  })

  test('its Deployment and Service are removed at once: none fails, and nothing is left of it', async () => {
    const both = ['deployment/orders', 'service/orders']
    const asked = await askWhile(() =>
      it.kubectl(['delete', ...both, '-n', 'alice', '--wait=false']),
    )
    expectOneSwitch(asked)
    await expectFallback(PAST_ABSENT)
  })

  test('it is there but not ready: falls back, says so, and comes in once it is ready', async () => {
    const { namespace, service } = ALICE_ORDERS
    const slow = deployment({ ...ALICE_ORDERS, readyFile: READY_FILE })
    const documents = [serviceOf(namespace, service), slow].map((object) => JSON.stringify(object))
    await it.kubectl(['apply', '-f', '-'], documents.join('\n---\n'))
    await eventually(
      () => it.pods(namespace, service),
      (pods) => pods.some(({ status }) => status?.phase === 'Running'),
    )
    await expectFallback(PAST_NOT_READY)

    const turn = async (command: string[], ready: boolean, answers: string[]) => {
      await it.inPod(namespace, service, command)
      const podTurns = eventually(
        () => it.pods(namespace, service),
        ([pod]) => pod !== undefined && isReady(pod) === ready,
        5,
      ).then(() => performance.now())
      const asked = await customer.until(HOST, answers, 5)
      return { asked, lateMs: performance.now() - (await podTurns) }
    }
    const ready = await turn(['touch', READY_FILE], true, CHILD)
    await expectTrace(ready.asked, TO_CHILD)
    const unready = await turn(['rm', READY_FILE], false, PARENT)
    await expectTrace(unready.asked, PAST_NOT_READY)
    console.info(
      `from a pod's readiness to the first request routed by it: ${Math.round(ready.lateMs)} ms there, ${Math.round(unready.lateMs)} ms back`,
    )
    expect(Math.max(ready.lateMs, unready.lateMs)).toBeLessThan(ROUTED_LIMIT_MS)
  })

  test('of every request all records are in the store, also those of the pods that went', async () => {
    expect(customer.asked.length).toBeGreaterThan(20)
    expect(await customer.incomplete()).toEqual([])
  })
})

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.join() === b.join()
}

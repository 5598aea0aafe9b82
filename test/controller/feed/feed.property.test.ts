/**
 * Whatever happens between a controller and a sidecar, in whatever order, in the end the sidecar's table is the
 * controller's view. The hub and the sidecar's client are the real ones; between them is a network of the test's.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import fc from 'fast-check'
import { FeedHub, type Subscription } from '../../../controller/feed/hub.ts'
import { NO_POD, type PodState } from '../../../controller/feed/pod-state.ts'
import { viewsOf } from '../../../controller/feed/views.ts'
import { SetDigest } from '../../../core/feed-digest.ts'
import { silentLog } from '../../../core/log.ts'
import { type FeedService, serviceKey } from '../../../core/routing-feed.ts'
import { RoutingTable } from '../../../core/routing-table.ts'
import type { Space } from '../../../core/spaces.ts'
import type { AnswerListener, AskController } from '../../../proxy/controller-endpoint.ts'
import { FeedClient } from '../../../proxy/feed-client.ts'

beforeAll(() => {
  jest.useFakeTimers()
})
afterAll(() => {
  jest.useRealTimers()
})

const SPACES = ['a', 'b', 'c']
/** So long that one Service takes more than one slice. */
const LONG = 'x'.repeat(70_000)

/** Types of the messages so far: what was never sent was not tested. */
const said = new Set<string>()

class Cluster {
  readonly spaces = new Map<string, Space>([['a', { name: 'a', parent: null }]])
  readonly services = new Map<string, FeedService>()
  pod: PodState = NO_POD
  podIsStale = true
  hub: FeedHub | null = null
  #epochs = 0

  views = () => viewsOf(this.spaces, this.services)

  start(): void {
    this.#epochs += 1
    this.hub = new FeedHub({
      source: {
        views: this.views,
        podState: () => this.pod,
        takeStale: () => {
          const pods = new Set(this.podIsStale ? ['b/p0', 'b/p1'] : [])
          this.podIsStale = false
          return { namespaces: new Set(), pods }
        },
      },
      epoch: `e${this.#epochs}`,
      now: () => performance.now(),
      onMessage: (type) => said.add(type),
      random: () => 0.1,
    })
    this.hub.start()
  }

  change(edit: () => void): void {
    edit()
    this.hub?.changed()
  }
}

/** One sidecar and its way to the controller. */
class Sidecar {
  readonly table = new RoutingTable()
  readonly client: FeedClient
  readonly bytes: number[] = []
  #stalled = false
  #cut: (() => void) | null = null
  #break: (() => void) | null = null
  #flow: (() => void) | null = null

  constructor(cluster: Cluster, pod: string) {
    const ask: AskController = (request, listener) => {
      let isOpen = true
      const end = (how: () => void) => {
        if (!isOpen) return
        isOpen = false
        how()
      }
      setTimeout(() => {
        const { hub } = cluster
        if (hub === null) end(() => listener.onFail('refused'))
        else if (isOpen) this.#connect(hub, request.path, listener, end)
      }, 1)
      return { abort: () => end(() => this.#cut?.()) }
    }
    const query = { namespace: 'b', pod }
    const { table } = this
    this.client = new FeedClient({
      ask,
      query,
      table,
      log: silentLog,
      now: () => performance.now(),
      random: () => 0.1,
    })
    this.client.start()
  }

  #connect(hub: FeedHub, path: string, listener: AnswerListener, end: (how: () => void) => void) {
    let waiting: Buffer[] = []
    let subscription: Subscription | null = null
    let isGone = false
    let sent = 0
    const deliver = (bytes: Buffer) => {
      if (!isGone) listener.onData(bytes)
    }
    this.#cut = () => {
      isGone = true
      this.bytes.push(sent)
      subscription?.closed()
    }
    this.#break = () => {
      this.#cut?.()
      end(() => listener.onFail('cut'))
    }
    this.#flow = () => {
      const bytes = waiting
      waiting = []
      for (const one of bytes) deliver(one)
      if (bytes.length > 0) subscription?.drained()
    }
    const sink = {
      write: (bytes: Buffer) => {
        sent += bytes.length
        if (this.#stalled) waiting.push(Buffer.from(bytes))
        else {
          deliver(Buffer.from(bytes))
          setTimeout(() => subscription?.drained(), 0)
        }
        return false
      },
      end: () => end(() => listener.onEnd()),
      cut: () => end(() => listener.onFail('cut')),
    }
    const digest = new URL(path, 'http://controller').searchParams.get('digest') ?? undefined
    listener.onStatus(200)
    subscription = hub.subscribe({ scope: 'tree', namespace: 'b', pod: pathPod(path) }, sink, {
      digest,
    })
  }

  /** The connection breaks. */
  cut(): void {
    this.#break?.()
  }

  stall(stalled: boolean): void {
    this.#stalled = stalled
    if (!stalled) this.#flow?.()
  }
}

function pathPod(path: string): string {
  return new URL(path, 'http://controller').searchParams.get('pod') ?? ''
}

type Act = (cluster: Cluster, sidecars: Sidecar[]) => void

const anyName = fc.constantFrom(...SPACES)
const anyKey = fc.record({ space: anyName, name: fc.constantFrom('web', 'db', 'mail') })
const anyAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ key: anyKey, ready: fc.nat(3), long: fc.boolean() }).map(
      ({ key, ready, long }): Act =>
        (cluster) =>
          cluster.change(() => {
            const port = { name: '', port: 80, appProtocol: long ? LONG : '', ready, endpoints: [] }
            const service = { ...key, clusterIPs: ['10.96.0.1'], ports: [port] }
            cluster.services.set(serviceKey(key.space, key.name), service)
          }),
    ),
  },
  {
    weight: 3,
    arbitrary: anyKey.map(
      ({ space, name }): Act =>
        (cluster) =>
          cluster.change(() => cluster.services.delete(serviceKey(space, name))),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({ name: anyName, parent: fc.option(anyName) }).map(
      (space): Act =>
        (cluster) =>
          cluster.change(() => cluster.spaces.set(space.name, space)),
    ),
  },
  {
    weight: 1,
    arbitrary: anyName.map(
      (name): Act =>
        (cluster) =>
          cluster.change(() => cluster.spaces.delete(name)),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat(3).map(
      (port): Act =>
        (cluster) =>
          cluster.change(() => {
            const self = port === 0 ? [] : [{ service: 'web', port, targetPort: 8080 }]
            cluster.pod = { ...NO_POD, self }
            cluster.podIsStale = true
          }),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(1, 20, 300, 8000, 40_000).map(
      (ms): Act =>
        () =>
          jest.advanceTimersByTime(ms),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.nat(1).map(
      (at): Act =>
        (_, sidecars) =>
          sidecars[at]?.cut(),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat(1), fc.boolean()).map(
      ([at, stalled]): Act =>
        (_, sidecars) =>
          sidecars[at]?.stall(stalled),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map(
      (inOrder): Act =>
        (cluster, sidecars) => {
          const { hub } = cluster
          cluster.hub = null
          if (inOrder) hub?.close()
          else for (const sidecar of sidecars) sidecar.cut()
          hub?.close()
        },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constant<Act>((cluster) => {
      if (cluster.hub === null) cluster.start()
    }),
  },
)

test('any interleaving of changes, losses, stalls and restarts leads to the controller’s view', () => {
  fc.assert(
    fc.property(fc.array(anyAct, { maxLength: 40 }), (acts) => {
      const cluster = new Cluster()
      cluster.start()
      const sidecars = [new Sidecar(cluster, 'p0'), new Sidecar(cluster, 'p1')]
      for (const act of acts) act(cluster, sidecars)
      if (cluster.hub === null) cluster.start()
      for (const sidecar of sidecars) sidecar.stall(false)
      // Less than the patience with readers that are behind, after which a fault would heal.
      jest.advanceTimersByTime(12_000)
      const view = cluster.views().ofNamespace('b')
      for (const { table, client } of sidecars) {
        expect(new Map(table.spaces)).toEqual(new Map(view.spaces))
        expect(new Map(table.services)).toEqual(new Map(view.services))
        expect(table.self).toEqual(cluster.pod.self)
        client.stop()
      }
      cluster.hub?.close()
      jest.clearAllTimers()
    }),
    { numRuns: 500 },
  )
  expect([...said].sort()).toEqual(['bye', 'delta', 'heartbeat', 'resume', 'snapshot'])
})

const anyItems = fc.uniqueArray(fc.string(), { maxLength: 12 })

test('digests are equal where contents are, whatever the order and the way', () => {
  fc.assert(
    fc.property(anyItems, anyItems, (left, right) => {
      const straight = new SetDigest()
      for (const item of right) straight.add(item)
      const detour = new SetDigest()
      for (const item of left) detour.add(item)
      const old = new Set(left)
      const digestOfLeft = detour.hex()
      for (const item of right.toReversed()) if (!old.delete(item)) detour.add(item)
      for (const item of old) detour.remove(item)
      expect(detour.hex()).toBe(straight.hex())
      const isSame = left.toSorted().join('\0') === right.toSorted().join('\0')
      expect(digestOfLeft === straight.hex()).toBe(isSame && left.length === right.length)
    }),
  )
})

import { afterEach, expect, test } from '@jest/globals'
import { Cluster } from '../../../controller/feed/cluster.ts'
import { silentLog } from '../../../core/log.ts'
import { FakeKube } from '../fake-kube.ts'

const ORDERS = {
  metadata: { namespace: 'alice', name: 'orders-1', uid: 'first', labels: {} },
  spec: { containers: [] },
}

let cluster: Cluster
afterEach(() => cluster.stop())

test('a pod is followed under its own uid from its coming to its going, which is told', async () => {
  const kube = new FakeKube()
  const gone: string[] = []
  cluster = new Cluster(
    kube,
    silentLog,
    () => {},
    (uid) => gone.push(uid),
  )
  await cluster.synced
  const follows = (uid: string) => cluster.follows('alice', 'orders-1', uid)
  expect(follows('first')).toBe(false)
  kube.put('pods', ORDERS)
  expect([follows('first'), follows('second'), follows('')]).toEqual([true, false, false])
  // A StatefulSet's pod comes again under its name; of the end between the two a watch that began anew says nothing.
  kube.put('pods', { ...ORDERS, metadata: { ...ORDERS.metadata, uid: 'second' } })
  expect([follows('first'), follows('second')]).toEqual([false, true])
  kube.remove('pods', ORDERS)
  expect(follows('second')).toBe(false)
  expect(gone).toEqual(['first', 'second'])
})

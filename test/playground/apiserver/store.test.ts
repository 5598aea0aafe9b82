import { expect, test } from '@jest/globals'
import type { ApiObject } from '../../../playground/apiserver/object.ts'
import { Store } from '../../../playground/apiserver/store.ts'
import { startWatch, type WatchEvent } from '../../../playground/apiserver/watch.ts'

const pods = '/pods'
function pod(name: string, labels: Record<string, string> = {}, namespace = 'dev'): ApiObject {
  const metadata = {
    name,
    namespace,
    labels,
    uid: name,
    resourceVersion: '',
    creationTimestamp: '',
  }
  return { apiVersion: 'v1', kind: 'Pod', metadata }
}

const everything = {
  storage: pods,
  namespace: null,
  select: () => true,
  from: null,
  markInitialEnd: false,
  bookmarks: false,
}

function record(store: Store, request: Partial<typeof everything> & { from?: number | null } = {}) {
  const events: WatchEvent[] = []
  const stop = startWatch(store, { ...everything, ...request } as never, (event) =>
    events.push(event),
  )
  const texts = () =>
    events.map((event) =>
      event.type === 'BOOKMARK' ? 'BOOKMARK' : `${event.type} ${event.object.metadata.name}`,
    )
  return { events, texts, stop }
}

test('every change has a higher version than the one before, over all collections', () => {
  const store = new Store()
  const versions = [
    store.put(pods, pod('a')),
    store.put('/services', pod('b')),
    store.put(pods, pod('a')),
    store.remove(pods, pod('a')),
  ].map(({ metadata }) => Number(metadata.resourceVersion))
  expect(versions).toEqual([...versions].sort((a, b) => a - b))
  expect(new Set(versions).size).toBe(4)
  expect(versions.at(-1)).toBe(store.version)
})

test('a watch without a version begins with what is there', () => {
  const store = new Store()
  store.put(pods, pod('a'))
  const { texts } = record(store, { markInitialEnd: true })
  store.put(pods, pod('b'))
  expect(texts()).toEqual(['ADDED a', 'BOOKMARK', 'ADDED b'])
})

test('a watch goes on from a version without losing or repeating a change', () => {
  const store = new Store()
  store.put(pods, pod('a'))
  const from = store.version
  store.put(pods, pod('b'))
  store.put(pods, pod('a'))
  const { texts, stop } = record(store, { from } as never)
  store.remove(pods, pod('b'))
  stop()
  store.put(pods, pod('c'))
  expect(texts()).toEqual(['ADDED b', 'MODIFIED a', 'DELETED b'])
})

test('an object that leaves the selection is deleted for the watcher, with its last seen state', () => {
  const store = new Store()
  store.put(pods, pod('a', { on: 'yes' }))
  const select = ({ metadata }: ApiObject) => metadata.labels?.['on'] === 'yes'
  const { texts, events } = record(store, { select, from: store.version } as never)
  store.put(pods, pod('a', { on: 'no' }))
  store.put(pods, pod('a', { on: 'never' }))
  store.put(pods, pod('a', { on: 'yes' }))
  store.put(pods, pod('other', {}, 'else'))
  expect(texts()).toEqual(['DELETED a', 'ADDED a'])
  expect(events[0]).toMatchObject({ object: { metadata: { labels: { on: 'yes' } } } })
})

test('a version that the history no longer reaches is gone', () => {
  const store = new Store(8)
  store.put(pods, pod('a'))
  const from = store.version
  for (let n = 0; n < 20; n++) store.put(pods, pod('a'))
  expect(() => record(store, { from } as never)).toThrow('too old resource version')
  expect(() => record(store, { from: store.version - 2 } as never)).not.toThrow()
})

test('a version from before a restart is gone too', () => {
  expect(() => record(new Store(), { from: 1000 } as never)).toThrow('too old resource version')
})

/** Where the certificates are to be, and where they are not. */
import { expect, test } from '@jest/globals'
import { type ConfigMap, planOf, publishCa } from '../../controller/ca-publisher.ts'
import { namesOf } from '../../controller/identity.ts'
import { KubeError } from '../../core/kube/client.ts'
import { silentLog } from '../../core/log.ts'
import { MemoryApi } from '../core/kube/memory-api.ts'

const OURS = { 'app.kubernetes.io/part-of': 'azds' }
const map = (
  namespace: string,
  text: string,
  labels: Record<string, string> = OURS,
): ConfigMap => ({
  metadata: { name: 'azds-ca', namespace, labels },
  data: { 'ca.crt': text },
})

test.each([
  ['nothing is there', ['dev'], [], ['dev'], []],
  ['all is right', ['dev'], [map('dev', 'A')], [], []],
  ['it was edited', ['dev'], [map('dev', 'junk')], ['dev'], []],
  ['its data is gone', ['dev'], [{ metadata: map('dev', '').metadata }], ['dev'], []],
  ['its label is gone', ['dev'], [map('dev', 'A', {})], ['dev'], []],
  ['the namespace is a space no more', [], [map('dev', 'A')], [], ['dev']],
  ['somebody else has one of that name', [], [map('dev', 'A', {})], [], []],
] as [string, string[], ConfigMap[], string[], string[]][])(
  '%s',
  (_, wanted, found, apply, remove) => {
    const byNamespace = new Map(found.map((one) => [one.metadata.namespace ?? '', one]))
    expect(planOf(new Set(wanted), byNamespace, 'A')).toEqual({ apply, remove })
  },
)

test('a ConfigMap that somebody has made immutable is made anew', async () => {
  const api = new MemoryApi()
  const path = '/api/v1/namespaces/dev/configmaps/azds-ca'
  let isImmutable = true
  api.refuse = (call) => {
    if (isImmutable && call.startsWith('APPLY')) throw new KubeError(422, 'Invalid', 'immutable')
  }
  const deleted: string[] = []
  const kube = {
    ...api.client,
    delete: async (target: string) => {
      deleted.push(target)
      isImmutable = false
    },
  }
  const written = Promise.withResolvers<string>()
  const publisher = publishCa({
    kube,
    namespaces: () => new Set(['dev']),
    bundle: () => 'A',
    waitedMs: () => null,
    owner: async () => null,
    log: silentLog,
    onWrite: written.resolve,
    ...{ own: 'azds', onBehind: () => {}, now: () => 0 },
  })
  expect(await written.promise).toBe('applied')
  publisher.stop()
  expect(deleted).toEqual([path])
  expect(api.objects.get(path)).toMatchObject({ data: { 'ca.crt': 'A' } })
})

test('a space that cannot be written holds no rotation back for more than an hour, and is named', async () => {
  const api = new MemoryApi()
  const bob = '/api/v1/namespaces/bob/configmaps'
  api.refuse = (call) => {
    if (call.includes('/alice/')) throw new KubeError(403, 'Forbidden', 'exceeded quota: few')
    if (call.startsWith('APPLY') && call.includes('/bob/')) shown()
  }
  // The watch is over all namespaces; this API server knows one collection at a time.
  const shown = () =>
    queueMicrotask(() => {
      const found = api.objects.get(`${bob}/azds-ca`)
      if (found) api.put('/api/v1/configmaps', found)
    })
  let ms = 0
  let names = ['alice', 'bob']
  const told: [string, string | null, boolean][] = []
  const publisher = publishCa({
    kube: api.client,
    namespaces: () => new Set(names),
    bundle: () => 'A',
    waitedMs: () => null,
    owner: async () => null,
    log: silentLog,
    onWrite: () => {},
    own: 'azds',
    onBehind: ({ namespace, error }, isAwaited) => told.push([namespace, error, isAwaited]),
    now: () => ms,
  })
  try {
    await until(() => api.calls.some((call) => call.includes('/alice/')))
    await until(() => api.objects.has('/api/v1/configmaps/azds-ca'))
    expect(publisher.isPublished('A')).toBe(false)
    expect(publisher.behind()).toEqual([])
    ms = 60_000
    await until(() => told.length > 0)
    expect(told[0]).toEqual(['alice', 'exceeded quota: few', true])
    expect(publisher.isPublished('A')).toBe(false)
    ms = 3_600_000
    expect(publisher.isPublished('A')).toBe(true)
    expect(publisher.behind()).toEqual([
      { namespace: 'alice', forMs: 3_600_000, error: 'exceeded quota: few' },
    ])
    // One that has just become a space is waited for all the same.
    names = ['alice', 'bob', 'carol']
    expect(publisher.isPublished('A')).toBe(false)
  } finally {
    publisher.stop()
  }
})

test('a controller that starts in the midst of a rotation does not wait the whole hour again', async () => {
  const api = new MemoryApi()
  api.refuse = (call) => {
    if (call.includes('/alice/')) throw new KubeError(403, 'Forbidden', 'exceeded quota: few')
  }
  const publisher = publishCa({
    kube: api.client,
    namespaces: () => new Set(['alice']),
    bundle: () => 'A',
    waitedMs: () => 3_600_000,
    owner: async () => null,
    log: silentLog,
    onWrite: () => {},
    ...{ own: 'azds', onBehind: () => {}, now: () => 0 },
  })
  try {
    await until(() => publisher.isPublished('A'))
    expect(publisher.behind()).toEqual([
      { namespace: 'alice', forMs: 3_600_000, error: 'exceeded quota: few' },
    ])
  } finally {
    publisher.stop()
  }
})

/** The publisher tries again after 2, 4, 8 … seconds. */
async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 3000; tries += 1) {
    if (holds()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('waited in vain')
}

test('a certificate is good for every name by which the Service is called', () => {
  expect(namesOf('azds-api', 'tools', 'example.org')).toEqual([
    'azds-api.tools.svc',
    'azds-api.tools.svc.example.org',
    'azds-api.tools',
    'azds-api',
  ])
})

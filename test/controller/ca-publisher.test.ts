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
    owner: async () => null,
    log: silentLog,
    onWrite: written.resolve,
  })
  expect(await written.promise).toBe('applied')
  publisher.stop()
  expect(deleted).toEqual([path])
  expect(api.objects.get(path)).toMatchObject({ data: { 'ca.crt': 'A' } })
})

test('a certificate is good for every name by which the Service is called', () => {
  expect(namesOf('azds-api', 'tools', 'example.org')).toEqual([
    'azds-api.tools.svc',
    'azds-api.tools.svc.example.org',
    'azds-api.tools',
    'azds-api',
  ])
})

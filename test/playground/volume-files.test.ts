import { expect, test } from '@jest/globals'
import type { VolumeSpec } from '../../playground/node/pod-view.ts'
import { type VolumeFacts, volumeFiles } from '../../playground/node/volume-files.ts'
import { containerMounts, SERVICE_ACCOUNT_DIR } from '../../playground/node/volumes.ts'
import { container, pod } from './pod.ts'

const facts: VolumeFacts = {
  pod: pod(),
  podIps: ['10.244.0.7'],
  configMap: (name) => (name === 'settings' ? { a: '1', b: '2' } : null),
  secret: (name) => (name === 'keys' ? { key: 's3cret' } : null),
  token: 'TOKEN',
  caCertificate: 'CA',
}

function filesOf(volume: Omit<VolumeSpec, 'name'>): Record<string, string> {
  const result = volumeFiles({ name: 'v', ...volume } as VolumeSpec, facts)
  if (!result.ok) throw new Error(result.mistake)
  return Object.fromEntries(result.files.map(({ path, content }) => [path, content]))
}

test.each<[string, Omit<VolumeSpec, 'name'>, Record<string, string>]>([
  ['a ConfigMap', { configMap: { name: 'settings' } }, { a: '1', b: '2' }],
  [
    'chosen keys',
    { configMap: { name: 'settings', items: [{ key: 'b', path: 'x/y' }] } },
    { 'x/y': '2' },
  ],
  ['a Secret', { secret: { secretName: 'keys' } }, { key: 's3cret' }],
  ['an optional one that is absent', { secret: { secretName: 'none', optional: true } }, {}],
  [
    'downward fields',
    { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
    { name: 'web-1' },
  ],
  [
    'a projection, as each pod has one for its service account',
    {
      projected: {
        sources: [
          { serviceAccountToken: { path: 'token' } },
          { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          { secret: { name: 'keys' } },
        ],
      },
    },
    { token: 'TOKEN', 'ca.crt': 'CA', key: 's3cret' },
  ],
  ['an emptyDir', { emptyDir: {} }, {}],
])('%s becomes files', (_what, volume, files) => {
  expect(filesOf(volume)).toEqual(files)
})

test.each<[Omit<VolumeSpec, 'name'>, string]>([
  [{ configMap: { name: 'none' } }, 'configmap "none" not found'],
  [{ configMap: { name: 'settings', items: [{ key: 'z', path: 'z' }] } }, 'has no key z'],
  [{ hostPath: { path: '/' } }, 'hostPath is not available in the playground'],
])('%j is a mistake that is named', (volume, message) => {
  expect(() => filesOf(volume)).toThrow(message)
})

const volumes = new Map([
  ['scratch', { dir: '/v/scratch', readOnly: false }],
  ['settings', { dir: '/v/settings', readOnly: true }],
  ['//serviceaccount', { dir: '/v/account', readOnly: true }],
])

test('mounts come outermost first, read-only where the volume or the mount is', () => {
  const spec = container('app', {
    volumeMounts: [
      { name: 'settings', mountPath: '/data/deep/settings' },
      { name: 'scratch', mountPath: '/data/', subPath: 'x' },
    ],
  })
  expect(containerMounts(spec, volumes)).toEqual({
    ok: true,
    binds: [
      { from: '/v/scratch/x', to: '/data', readOnly: false },
      { from: '/v/settings', to: '/data/deep/settings', readOnly: true },
      { from: '/v/account', to: SERVICE_ACCOUNT_DIR, readOnly: true },
    ],
  })
})

test('a pod’s own mount for the service account is left alone', () => {
  const volumeMounts = [{ name: 'scratch', mountPath: SERVICE_ACCOUNT_DIR }]
  expect(containerMounts(container('app', { volumeMounts }), volumes)).toMatchObject({
    binds: [{ from: '/v/scratch' }],
  })
})

test('a mount of a volume that the pod does not have is a mistake', () => {
  const spec = container('app', { volumeMounts: [{ name: 'none', mountPath: '/x' }] })
  expect(containerMounts(spec, volumes)).toMatchObject({ ok: false })
})

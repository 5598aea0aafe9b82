import { expect, test } from '@jest/globals'
import type { PodView, VolumeSpec } from '../../playground/node/pod-view.ts'
import { onlyUser, type VolumeFacts, volumeFiles } from '../../playground/node/volume-files.ts'
import { containerMounts, SERVICE_ACCOUNT_DIR } from '../../playground/node/volumes.ts'
import { container, pod } from './pod.ts'

const facts: VolumeFacts = {
  pod: pod(),
  podIps: ['10.244.0.7'],
  configMap: (name) => (name === 'settings' ? { a: '1', b: '2' } : null),
  secret: (name) => (name === 'keys' ? { key: 's3cret' } : null),
  token: ({ audience = 'API' }) => (audience === 'nobody' ? null : `TOKEN for ${audience}`),
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
    { token: 'TOKEN for API', 'ca.crt': 'CA', key: 's3cret' },
  ],
  [
    'a sidecar’s identity, before its CA is there',
    {
      projected: {
        defaultMode: 420,
        sources: [
          {
            serviceAccountToken: {
              audience: 'controller.azds.io',
              expirationSeconds: 3600,
              path: 'token',
            },
          },
          {
            configMap: {
              name: 'azds-ca',
              optional: true,
              items: [{ key: 'ca.crt', path: 'ca.crt' }],
            },
          },
        ],
      },
    },
    { token: 'TOKEN for controller.azds.io' },
  ],
  ['an emptyDir', { emptyDir: {} }, {}],
])('%s becomes files', (_what, volume, files) => {
  expect(filesOf(volume)).toEqual(files)
})

test.each<[Omit<VolumeSpec, 'name'>, string]>([
  [{ configMap: { name: 'none' } }, 'configmap "none" not found'],
  [{ configMap: { name: 'settings', items: [{ key: 'z', path: 'z' }] } }, 'has no key z'],
  [{ hostPath: { path: '/' } }, 'hostPath is not available in the playground'],
  [
    { projected: { sources: [{ serviceAccountToken: { path: 't', audience: 'nobody' } }] } },
    'there is no token for service account "default"',
  ],
])('%j is a mistake that is named', (volume, message) => {
  expect(() => filesOf(volume)).toThrow(message)
})

type Spec = Partial<PodView['spec']>
const as = (...users: (number | undefined)[]): Spec => ({
  containers: users.map((runAsUser, i) =>
    container(`c${i}`, runAsUser === undefined ? {} : { securityContext: { runAsUser } }),
  ),
})

test.each<[string, Spec, { mode: number; uid?: number; gid?: number }]>([
  ['nobody in particular', as(undefined), { mode: 0o444 }],
  ['one of two that has a user', as(1337, undefined), { mode: 0o444 }],
  ['two users', as(0, 1337), { mode: 0o444 }],
  ['the same user in both', as(1337, 1337), { mode: 0o600, uid: 1337 }],
  [
    'a user of the pod',
    { ...as(undefined, undefined), securityContext: { runAsUser: 1000 } },
    { mode: 0o600, uid: 1000 },
  ],
  [
    'two users and a group',
    { ...as(0, 1337), securityContext: { fsGroup: 7 } },
    { mode: 0o640, gid: 7 },
  ],
  [
    'one user and a group',
    { ...as(5), securityContext: { fsGroup: 7 } },
    { mode: 0o640, uid: 5, gid: 7 },
  ],
])('a token for %s has the mode and owner that the kubelet gives it', (_, spec, expected) => {
  const volume = {
    name: 'v',
    projected: { defaultMode: 0o444, sources: [{ serviceAccountToken: { path: 'token' } }] },
  }
  const result = volumeFiles(volume, { ...facts, pod: pod(spec) })
  expect(result).toEqual({
    ok: true,
    readOnly: true,
    files: [{ path: 'token', content: 'TOKEN for API', ...expected }],
  })
})

test('the one user of a pod counts its init containers', () => {
  const init = [container('init', { securityContext: { runAsUser: 0 } })]
  expect(onlyUser(pod(as(1337)))).toBe(1337)
  expect(onlyUser(pod({ ...as(1337), initContainers: init }))).toBe(null)
})

test('the files of a ConfigMap belong to the pod’s group', () => {
  const grouped = pod({ securityContext: { fsGroup: 7 } })
  const volume = { name: 'v', configMap: { name: 'settings', defaultMode: 0o400 } }
  expect(volumeFiles(volume, { ...facts, pod: grouped })).toMatchObject({
    files: [
      { path: 'a', mode: 0o440, gid: 7 },
      { path: 'b', mode: 0o440, gid: 7 },
    ],
  })
})

const volumes = new Map([
  ['scratch', { dir: '/v/scratch', readOnly: false }],
  ['settings', { dir: '/v/settings', readOnly: true }],
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
    ],
  })
})

test('nothing is mounted for the service account that the pod does not name', () => {
  expect(containerMounts(container('app'), volumes)).toEqual({ ok: true, binds: [] })
  const volumeMounts = [{ name: 'scratch', mountPath: SERVICE_ACCOUNT_DIR }]
  expect(containerMounts(container('app', { volumeMounts }), volumes)).toMatchObject({
    binds: [{ from: '/v/scratch' }],
  })
})

test('a mount of a volume that the pod does not have is a mistake', () => {
  const spec = container('app', { volumeMounts: [{ name: 'none', mountPath: '/x' }] })
  expect(containerMounts(spec, volumes)).toMatchObject({ ok: false })
})

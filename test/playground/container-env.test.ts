import { expect, test } from '@jest/globals'
import { containerEnv, type EnvFacts } from '../../playground/node/container-env.ts'
import { container, pod } from './pod.ts'

const facts: EnvFacts = {
  pod: pod(),
  podIps: ['10.244.0.7', 'fd00:10:244::7'],
  configMap: (name) => (name === 'settings' ? { COLOUR: 'blue', SIZE: 'big' } : null),
  secret: (name) => (name === 'keys' ? { PASSWORD: 's3cret' } : null),
}

function envOf(spec: Parameters<typeof container>[1]): Map<string, string> {
  const result = containerEnv(container('app', spec), { VERSION: 'v1' }, facts)
  if (!result.ok) throw new Error(result.mistake)
  return result.env
}

test('every container knows the API server, its host name and what its image sets', () => {
  expect(Object.fromEntries(envOf({}))).toEqual({
    VERSION: 'v1',
    HOSTNAME: 'web-1',
    KUBERNETES_SERVICE_HOST: '10.96.0.1',
    KUBERNETES_SERVICE_PORT: '443',
    KUBERNETES_SERVICE_PORT_HTTPS: '443',
  })
})

test.each([
  ['metadata.name', 'web-1'],
  ['metadata.namespace', 'dev'],
  ['metadata.uid', 'uid-1'],
  ["metadata.labels['app']", 'web'],
  ["metadata.annotations['none']", ''],
  ['metadata.labels', 'app="web"'],
  ['status.podIP', '10.244.0.7'],
  ['status.podIPs', '10.244.0.7,fd00:10:244::7'],
  ['status.hostIP', '10.244.0.1'],
  ['spec.nodeName', 'playground'],
  ['spec.serviceAccountName', 'default'],
])('the downward field %s is %j', (fieldPath, expected) => {
  const env = envOf({ env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath } } }] })
  expect(env.get('X')).toBe(expected)
})

test('values come from ConfigMaps and Secrets, and later ones may use earlier ones', () => {
  const env = envOf({
    envFrom: [{ prefix: 'CFG_', configMapRef: { name: 'settings' } }],
    env: [
      { name: 'PASS', valueFrom: { secretKeyRef: { name: 'keys', key: 'PASSWORD' } } },
      { name: 'URL', value: 'db://$(PASS)@$(CFG_COLOUR)' },
      { name: 'VERSION', value: 'v2' },
    ],
  })
  expect(env.get('URL')).toBe('db://s3cret@blue')
  expect(env.get('CFG_SIZE')).toBe('big')
  expect(env.get('VERSION')).toBe('v2')
})

test.each([
  [{ configMapKeyRef: { name: 'none', key: 'A' } }, 'configmap "none" not found'],
  [{ configMapKeyRef: { name: 'settings', key: 'A' } }, 'find key A in configmap "settings"'],
  [{ secretKeyRef: { name: 'none', key: 'A' } }, 'secret "none" not found'],
  [{ fieldRef: { fieldPath: 'spec.magic' } }, 'fieldPath "spec.magic"'],
])('%j is a mistake that is named', (valueFrom, message) => {
  const spec = container('app', { env: [{ name: 'X', valueFrom }] })
  const result = containerEnv(spec, {}, facts)
  expect(result).toEqual({ ok: false, mistake: expect.stringContaining(message) })
})

test('what is optional and absent leaves the variable out', () => {
  const env = envOf({
    envFrom: [{ configMapRef: { name: 'none', optional: true } }],
    env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'none', key: 'A', optional: true } } }],
  })
  expect(env.has('X')).toBe(false)
})

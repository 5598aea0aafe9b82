import { expect, test } from '@jest/globals'
import type { JsonObject } from '../../../playground/apiserver/object.ts'
import { type Level, podSecurityFaults } from '../../../playground/apiserver/pod-security.ts'

const STRICT = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
}
const container = (securityContext: object = STRICT, more: object = {}): JsonObject => ({
  name: 'app',
  securityContext,
  ...more,
})
const spec = (securityContext: object, more: object = {}): JsonObject => ({
  containers: [container(securityContext)],
  ...more,
})

test.each<[string, JsonObject, Level[]]>([
  ['a strict container', spec(STRICT), []],
  ['a container that says nothing', spec({}), ['restricted']],
  ['a privileged one', spec({ privileged: true }), ['baseline', 'restricted']],
  ['one that may escalate', spec({ ...STRICT, allowPrivilegeEscalation: true }), ['restricted']],
  ['one that keeps its capabilities', spec({ ...STRICT, capabilities: {} }), ['restricted']],
  [
    'one that adds a usual capability',
    spec({ ...STRICT, capabilities: { drop: ['ALL'], add: ['CHOWN'] } }),
    ['restricted'],
  ],
  [
    'one that binds low ports',
    spec({ ...STRICT, capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } }),
    [],
  ],
  [
    'one that administers the network',
    spec({ ...STRICT, capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] } }),
    ['baseline', 'restricted'],
  ],
  ['one that runs as root', spec({ ...STRICT, runAsUser: 0 }), ['restricted']],
  ['one without seccomp', spec({ ...STRICT, seccompProfile: undefined }), ['restricted']],
  [
    'one against seccomp',
    spec({ ...STRICT, seccompProfile: { type: 'Unconfined' } }),
    ['baseline', 'restricted'],
  ],
  [
    'one that leaves it to the pod',
    spec(
      { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      { securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } },
    ),
    [],
  ],
  ['a pod on the host’s network', spec(STRICT, { hostNetwork: true }), ['baseline', 'restricted']],
  [
    'a pod with a host’s folder',
    spec(STRICT, { volumes: [{ name: 'v', hostPath: { path: '/' } }] }),
    ['baseline', 'restricted'],
  ],
  [
    'a pod with a network disk',
    spec(STRICT, { volumes: [{ name: 'v', nfs: { server: 'a', path: '/' } }] }),
    ['restricted'],
  ],
  [
    'a pod with a projected volume',
    spec(STRICT, { volumes: [{ name: 'v', projected: { sources: [] } }] }),
    [],
  ],
  [
    'a host’s port',
    { containers: [container(STRICT, { ports: [{ containerPort: 1, hostPort: 80 }] })] },
    ['baseline', 'restricted'],
  ],
  [
    'an unsafe sysctl',
    spec(STRICT, { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }),
    ['baseline', 'restricted'],
  ],
  [
    'a lax init container',
    { containers: [container()], initContainers: [{ name: 'init' }] },
    ['restricted'],
  ],
])('%s violates what it should', (_, given, levels) => {
  const violated = (['privileged', 'baseline', 'restricted'] as const).filter(
    (level) => podSecurityFaults(level, given).length > 0,
  )
  expect(violated).toEqual(levels)
})

test('each fault names container and cure in Kubernetes’ words', () => {
  expect(podSecurityFaults('restricted', spec({}))).toEqual([
    'allowPrivilegeEscalation != false (container "app" must set securityContext.allowPrivilegeEscalation=false)',
    'unrestricted capabilities (container "app" must set securityContext.capabilities.drop=["ALL"])',
    'runAsNonRoot != true (pod or container "app" must set securityContext.runAsNonRoot=true)',
    'seccompProfile (pod or container "app" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  ])
})

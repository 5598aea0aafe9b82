/** What the webhook writes into a pod, the sidecar and its init container read, with the same values. */
import { expect, test } from '@jest/globals'
import { readConfig, type Settings } from '../../core/config.ts'
import type { Container, Pod } from '../../core/kube/types.ts'
import { CONTAINER } from '../../core/names.ts'
import { settings as proxySettings, waitSettings } from '../../proxy/config.ts'
import { settings as proxyInitSettings, readInitConfig } from '../../proxy-init/config.ts'
import { inject } from '../../webhook/inject/inject.ts'
import { factsOf, node } from '../webhook/cluster-fixture.ts'

const POD: Pod = {
  metadata: {
    generateName: 'orders-7c9-',
    namespace: 'alice-web',
    labels: { 'pod-template-hash': '7c9' },
    annotations: {
      'azds.io/opaque-ports': '7000-7010, 6379',
      'azds.io/skip-inbound-ports': '3306, 8000-8010',
      'azds.io/skip-outbound-ports': '6379',
      'azds.io/skip-inbound-cidrs': '10.244.0.1',
      'azds.io/skip-outbound-cidrs': '169.254.0.0/16,fd00::/8',
      'azds.io/skip-outbound-uids': '101,999',
      'azds.io/trace-body-bytes': '65536',
      'azds.io/proxy-log-level': 'debug',
    },
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'orders-7c9' }],
  },
  spec: {
    securityContext: { runAsUser: 1337 },
    containers: [{ name: 'orders', image: 'azds-sample/orders:2' }],
  },
}

/** What the kubelet puts in place of a field reference. */
const FIELDS: Record<string, string> = {
  'metadata.name': 'orders-7c9-x2x7z',
  'metadata.namespace': 'alice-web',
  'status.podIPs': '10.244.0.7,fd00::7',
}

function environmentOf({ env = [] }: Container): Record<string, string> {
  const value = (from: unknown) =>
    FIELDS[(from as { fieldRef: { fieldPath: string } }).fieldRef.fieldPath] ?? ''
  return Object.fromEntries(env.map((item) => [item.name, item.value ?? value(item.valueFrom)]))
}

const LAYOUTS = { native: 'v1.34.0', classic: 'v1.28.0' }

async function injected(kubelet: string) {
  const answer = inject(POD, await factsOf('alice-web', undefined, [node('node-1', kubelet)]))
  if (answer.kind !== 'injected') throw new Error(JSON.stringify(answer))
  const { containers, initContainers = [] } = answer.pod.spec
  const find = (name: string) => {
    const found = [...initContainers, ...containers].find((container) => container.name === name)
    if (!found) throw new Error(`${name} is not injected`)
    return found
  }
  return { proxy: find(CONTAINER.proxy), proxyInit: find(CONTAINER.proxyInit) }
}

const unread = (env: Record<string, string>, settings: Settings) =>
  Object.keys(env).filter((name) => !Object.values(settings).some((item) => item.env === name))

test.each(Object.entries(LAYOUTS))('the sidecar reads its %s environment', async (_, kubelet) => {
  const env = environmentOf((await injected(kubelet)).proxy)
  expect(unread(env, proxySettings)).toEqual([])
  expect(readConfig(waitSettings, env)).toEqual({ ok: true, config: { adminPort: 15020 } })
  expect(readConfig(proxySettings, env)).toMatchObject({
    ok: true,
    config: {
      mode: 'sidecar',
      podName: 'orders-7c9-x2x7z',
      podNamespace: 'alice-web',
      podIps: ['10.244.0.7', 'fd00::7'],
      workload: 'orders',
      spaceChain: ['alice-web', 'alice', 'dev'],
      clusterDomain: 'cluster.local',
      controllerUrl: 'http://azds-controller.azds',
      proxyUid: 1338,
      outboundPort: 15001,
      inboundPort: 15006,
      adminPort: 15020,
      traceBodyBytes: 65536,
      logLevel: 'debug',
    },
  })
})

test.each(Object.entries(LAYOUTS))('proxy-init reads its %s environment', async (_, kubelet) => {
  const env = environmentOf((await injected(kubelet)).proxyInit)
  expect(unread(env, proxyInitSettings)).toEqual([])
  expect(readInitConfig(env)).toMatchObject({
    ok: true,
    config: {
      spaceChain: ['alice-web', 'alice', 'dev'],
      clusterDomain: 'cluster.local',
      proxyUid: 1338,
      outboundPort: 15001,
      inboundPort: 15006,
      adminPort: 15020,
      opaquePorts: [
        { first: 6379, last: 6379 },
        { first: 7000, last: 7010 },
      ],
      skipInboundPorts: [
        { first: 3306, last: 3306 },
        { first: 8000, last: 8010 },
      ],
      skipOutboundPorts: [{ first: 6379, last: 6379 }],
      skipOutboundUids: [101, 999],
      logLevel: 'debug',
    },
  })
  const { config } = readInitConfig(env) as { config: { skipOutboundCidrs: unknown[] } }
  expect(config.skipOutboundCidrs).toHaveLength(2)
})

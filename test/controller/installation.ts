/**
 * The controller and `azds-api` as they are installed: with the chart's accounts and rights, over an API server
 * that enforces them, each with its own certificate. All in this process, on loopback.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { LookupFunction } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ownChart } from '../../cli/chart/files.ts'
import { renderChart } from '../../cli/chart/render.ts'
import { type RunningApi, startApi } from '../../controller/api/app.ts'
import { type RunningController, startController } from '../../controller/app.ts'
import { settings } from '../../controller/config.ts'
import { readConfig } from '../../core/config.ts'
import { createInClusterClient } from '../../core/kube/in-cluster.ts'
import type { KubeObject } from '../../core/kube/types.ts'
import { silentLog } from '../../core/log.ts'
import type { ApiServer } from '../../playground/apiserver/server.ts'
import { call } from '../playground/apiserver/api-client.ts'
import { startControlPlane } from '../playground/apiserver/control-plane.ts'

export interface Installation {
  server: ApiServer
  controller: RunningController
  api: RunningApi
  /** Makes an object, as the cluster's admin. */
  create(path: string, body: object): Promise<KubeObject>
  /** The token of a pod for the controller, as its sidecar has it. */
  podToken(namespace: string, pod: string): Promise<string>
  /** Ends the controller; `azds-api` goes on. */
  stopController(): Promise<void>
  close(): Promise<void>
}

const NAMESPACE = 'azds'
/** Pods of our own, which exist for their names' sake. */
const POD = { controller: 'azds-controller-1', api: 'azds-api-1' }
const ENV = {
  AZDS_CONTROLLER_HOST: '127.0.0.1',
  AZDS_CONTROLLER_PORT: '0',
  AZDS_CONTROLLER_TLS_PORT: '0',
  AZDS_API_PORT: '0',
  AZDS_PLAIN_DATA: 'off',
  AZDS_DATA_DIR: ':memory:',
  AZDS_VIEWER_DIR: '/nonexistent',
  AZDS_SWEEP_SECONDS: '1',
  AZDS_DRAIN_SECONDS: '0',
}

/** What of the chart the two need: accounts, rights, registration. */
function chartObjects(apiPort: number): KubeObject[] {
  const kinds = [
    'ServiceAccount',
    'ClusterRole',
    'ClusterRoleBinding',
    'Role',
    'RoleBinding',
    'APIService',
  ]
  const release = { name: 'azds', namespace: NAMESPACE, service: 'test' }
  return renderChart(ownChart(), { api: { enabled: true } }, release as never)
    .filter(({ kind = '' }) => kinds.includes(kind))
    .map((object) => {
      if (object.kind !== 'APIService') return object
      const { spec } = object as KubeObject & { spec: { service: object } }
      return { ...object, spec: { ...spec, service: { ...spec.service, port: apiPort } } }
    })
}

const PLURAL: Record<string, string> = {
  ServiceAccount: 'serviceaccounts',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  APIService: 'apiservices',
}

function collectionOf({ apiVersion = 'v1', kind = '', metadata }: KubeObject): string {
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`
  const scope = metadata.namespace ? `/namespaces/${metadata.namespace}` : ''
  return `${root}${scope}/${PLURAL[kind]}`
}

/** Every name of the cluster leads to this machine. */
const lookup: LookupFunction = (_name, options, callback) => {
  if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }])
  else callback(null, '127.0.0.1', 4)
}

export async function install(env: Record<string, string> = {}): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'azds-installation-'))
  const cleanUps: (() => unknown)[] = [() => rmSync(folder, { recursive: true })]
  const server = await startControlPlane()
  cleanUps.push(server.close)
  const create = async (path: string, body: object): Promise<KubeObject> => {
    const answer = await call(server, 'POST', path, body)
    if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const tokenOf = async (
    namespace: string,
    account: string,
    pod: KubeObject,
    audience?: string,
  ) => {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`
    const { name, uid } = pod.metadata
    const { status } = (await create(path, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        ...(audience && { audiences: [audience] }),
        expirationSeconds: 3600,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    })) as KubeObject & { status: { token: string } }
    return status.token
  }
  const podOf = (namespace: string, name: string, account: string) =>
    create(`/api/v1/namespaces/${namespace}/pods`, {
      metadata: { name, namespace },
      spec: { serviceAccountName: account, containers: [{ name: 'a', image: 'a' }] },
    })
  /** The client of a program in the cluster: its own account, and nothing more. */
  const clientOf = async (account: string, pod: KubeObject) => {
    const directory = join(folder, account)
    mkdirSync(directory)
    writeFileSync(join(directory, 'token'), await tokenOf(NAMESPACE, account, pod))
    writeFileSync(join(directory, 'ca.crt'), server.caPem)
    const { hostname: host, port } = new URL(server.url)
    return createInClusterClient({
      host,
      port,
      namespace: NAMESPACE,
      userAgent: account,
      directory,
    })
  }
  const configOf = (more: Record<string, string>) => {
    const result = readConfig(settings, { ...ENV, ...env, ...more })
    if (!result.ok) throw new Error(result.mistakes.join('; '))
    return result.config
  }

  await create('/api/v1/namespaces', { metadata: { name: NAMESPACE } })
  await create(`/api/v1/namespaces/${NAMESPACE}/services`, {
    metadata: { name: 'azds-api', namespace: NAMESPACE },
    spec: { type: 'ExternalName', externalName: 'localhost' },
  })
  const objects = chartObjects(1)
  for (const object of objects.filter(({ kind }) => kind !== 'APIService')) {
    await create(collectionOf(object), object)
  }
  const pods = {
    controller: await podOf(NAMESPACE, POD.controller, 'azds-controller'),
    api: await podOf(NAMESPACE, POD.api, 'azds-api'),
  }

  const controller = await startController({
    config: configOf({ AZDS_POD_NAME: POD.controller, AZDS_API_CERTIFICATE: 'on' }),
    kube: await clientOf('azds-controller', pods.controller),
    log: silentLog,
  })
  let running = true
  const stopController = async () => {
    if (running) await controller.close()
    running = false
  }
  cleanUps.push(stopController)
  const tls = await controller.tls
  const tokenFile = join(folder, 'controller-token')
  const apiToken = await tokenOf(NAMESPACE, 'azds-api', pods.api, 'controller.azds.io')
  writeFileSync(tokenFile, apiToken)
  const api = await startApi({
    config: configOf({
      AZDS_ROLE: 'api',
      AZDS_POD_NAME: POD.api,
      AZDS_CONTROLLER_TOKEN_FILE: tokenFile,
      AZDS_CONTROLLER_URL: `https://azds-controller.azds.svc:${tls.port}`,
    }),
    kube: await clientOf('azds-api', pods.api),
    log: silentLog,
    lookup,
  })
  cleanUps.push(api.close)
  for (const object of chartObjects(api.address.port)) {
    if (object.kind === 'APIService') await create(collectionOf(object), object)
  }

  return {
    server,
    controller,
    api,
    create,
    async podToken(namespace, name) {
      const path = `/api/v1/namespaces/${namespace}/pods/${name}`
      const { body } = await call(server, 'GET', path)
      return tokenOf(namespace, 'default', body, 'controller.azds.io')
    },
    stopController,
    async close() {
      for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
    },
  }
}

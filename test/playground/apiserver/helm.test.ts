import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import type { ApiServer } from '../../../playground/apiserver/server.ts'
import { startControlPlane } from './control-plane.ts'
import { BROKEN_IMAGE, startFakeKubelet } from './fake-kubelet.ts'
import { type Programs, startPrograms } from './programs.ts'

// helm itself waits up to 30 s for some things here.
jest.setTimeout(60_000)

const CHART = join(import.meta.dirname, 'chart')

let server: ApiServer
let stopKubelet: () => Promise<void>
let programs: Programs
let kubectl: Programs['kubectl']
let helm: Programs['helm']

beforeAll(async () => {
  server = await startControlPlane()
  stopKubelet = await startFakeKubelet(server)
  programs = await startPrograms(server)
  ;({ kubectl, helm } = programs)
})

afterAll(async () => {
  await programs.close()
  await stopKubelet()
  await server.close()
})

const flags = '-n apps --wait --timeout 30s'
const data = async () => JSON.parse(await kubectl('get cm one -n apps -o jsonpath={.data}'))

test('a chart is installed, with its hook, and waited for', async () => {
  const said = await helm(`install one ${CHART} --create-namespace ${flags}`)
  expect(said).toContain('STATUS: deployed')
  expect(await kubectl('get deploy one -n apps -o jsonpath={.status.availableReplicas}')).toBe('2')
  expect(await data()).toEqual({ greeting: 'hello', extra: 'yes' })
  expect(await kubectl('get jobs -n apps -o name')).toBe('')
  expect(await helm('list -A')).toMatch(/one +\tapps +\t1/)
  const managers = 'jsonpath={.metadata.managedFields[?(@.operation=="Apply")].manager}'
  expect(await kubectl(`get deploy one -n apps --show-managed-fields -o ${managers}`)).toBe('helm')
})

test('an upgrade changes what changed and takes away what the chart no longer sets', async () => {
  await kubectl('patch cm one -n apps --type=merge -p {"data":{"mine":"kept"}}')
  await helm(`upgrade one ${CHART} --set extraEnv=false,replicas=3,greeting=hi ${flags}`)
  expect(await data()).toEqual({ greeting: 'hi', mine: 'kept' })
  expect(await kubectl('get deploy one -n apps -o jsonpath={.status.availableReplicas}')).toBe('3')
  const env = 'jsonpath={.spec.template.spec.containers[0].env[*].name}'
  expect(await kubectl(`get deploy one -n apps -o ${env}`)).toBe('GREETING')
})

test('an upgrade whose pods do not become ready fails and can be rolled back', async () => {
  const upgrade = helm(
    `upgrade one ${CHART} --set image=${BROKEN_IMAGE} -n apps --wait --timeout 2s`,
  )
  await expect(upgrade).rejects.toThrow(/exited with 1/)
  expect(await helm('history one -n apps')).toContain('failed')
  await helm(`rollback one 1 ${flags}`)
  expect(await data()).toMatchObject({ greeting: 'hello', extra: 'yes' })
})

test('an uninstall leaves nothing of the chart', async () => {
  await helm(`uninstall one ${flags}`)
  const left = await kubectl('get all,cm,secret,sa,role,pdb -n apps -o name')
  expect(left.trim().split('\n').sort()).toEqual([
    'configmap/kube-root-ca.crt',
    'serviceaccount/default',
  ])
})

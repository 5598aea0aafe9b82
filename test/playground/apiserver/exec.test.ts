import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { kubeconfig } from '../../../playground/apiserver/kubeconfig.ts'
import type { ExecWish } from '../../../playground/apiserver/pod-exec.ts'
import { type ApiServer, startApiServer } from '../../../playground/apiserver/server.ts'
import { call } from './api-client.ts'
import { type Programs, startPrograms } from './programs.ts'

// kubectl is a process of its own each time.
jest.setTimeout(60_000)

const POD = '/api/v1/namespaces/default/pods'

let server: ApiServer
let programs: Programs
let wishes: ExecWish[] = []

beforeAll(async () => {
  server = await startApiServer({ host: '127.0.0.1', port: 0 })
  programs = await startPrograms(server)
  const accounts = '/api/v1/namespaces/default/serviceaccounts'
  await call(server, 'POST', accounts, { metadata: { name: 'default' } })
  const containers = [
    { name: 'app', image: 'a' },
    { name: 'other', image: 'a' },
  ]
  await call(server, 'POST', POD, { metadata: { name: 'web' }, spec: { containers } })
})

afterAll(async () => {
  await programs.close()
  await server.close()
})

test('before a kubelet is there, a command is refused', async () => {
  const { stderr } = await programs.tryKubectl('exec web -c app -- true')
  expect(stderr).toContain('no kubelet runs pod web')
})

test('kubectl hands over command and input, and gets output and exit code', async () => {
  server.setExecProvider(async (wish) => {
    wishes.push(wish)
    const [file = '', ...args] = wish.command
    const child = spawn(file, args)
    const exit = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)))
    const { stdin, stdout, stderr } = child
    return { stdin, stdout, stderr, exit, kill: () => void child.kill() }
  })
  wishes = []
  expect(await programs.kubectl('exec -i web -c other -- cat', 'some text')).toBe('some text')
  expect(wishes).toEqual([
    { namespace: 'default', pod: 'web', container: 'other', command: ['cat'], stdin: true },
  ])
  // Without -i there is nothing to read.
  expect(await programs.kubectl('exec web -c app -- cat', 'some text')).toBe('')
  const failed = await programs.tryKubectl(
    "exec web -c app -- sh -c 'echo out; echo err >&2; exit 7'",
  )
  expect(failed).toMatchObject({ code: 7, stdout: 'out\n', stderr: expect.stringContaining('err') })
})

test('a container that the pod does not have, and a terminal, are refused in words', async () => {
  const none = await programs.tryKubectl('exec web -c none -- true')
  expect(none.stderr).toContain('container none is not valid for pod web')
  const plain = await call(server, 'GET', `${POD}/web/exec?command=true&container=app`)
  expect([plain.status, plain.body.message]).toEqual([400, 'Upgrade request required'])
})

test('a command needs the right to pods/exec, which is no right to the pod', async () => {
  const role = { verbs: ['get', 'create', 'update'], apiGroups: [''], resources: ['pods/exec'] }
  const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default'
  const read = { verbs: ['get'], apiGroups: [''], resources: ['pods'] }
  await call(server, 'POST', `${rbac}/roles`, { metadata: { name: 'r' }, rules: [role, read] })
  await call(server, 'POST', `${rbac}/rolebindings`, {
    metadata: { name: 'r' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
    subjects: [{ kind: 'User', name: 'jane' }],
  })
  const as = async (user: string) => {
    const file = join(programs.folder, user)
    const token = server.tokenForUser(user)
    await writeFile(file, kubeconfig({ server: server.url, caPem: server.caPem, token }))
    return programs.tryKubectl(`--kubeconfig ${file} exec web -c app -- echo hello`)
  }
  expect((await as('jane')).stdout).toBe('hello\n')
  expect((await as('eve')).stderr).toContain('User "eve" cannot get resource "pods"')
  const token = server.tokenForUser('jane')
  const pod = (await call(server, 'GET', `${POD}/web`)).body
  const put = await call(server, 'PUT', `${POD}/web/exec`, pod, { token })
  expect(put.status).toBe(405)
})

/** azds as a process: exit codes, streams, environment. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test } from '@jest/globals'
import { API_ROOT } from '../../core/trace-resource.ts'
import { answerJson } from '../core/kube/api-fixture.ts'
import { namespaceApi } from './world-fixture.ts'

const MAIN = join(import.meta.dirname, '../../cli/main.ts')
const POD = JSON.stringify({
  kind: 'Pod',
  metadata: { name: 'web' },
  spec: { containers: [{ name: 'web', image: 'nginx' }] },
})

let api: Awaited<ReturnType<typeof namespaceApi>> | null = null

afterEach(async () => {
  await api?.close()
  api = null
})

/** Starts azds with only the environment given, so that no real cluster can be meant. */
function start(args: string[], env: Record<string, string> = {}) {
  // A home without a .kube, and no service account: nothing but the arguments tells of a cluster.
  return spawn(process.execPath, [MAIN, ...args], { env: { HOME: '/nonexistent', ...env } })
}

async function run(args: string[], env: Record<string, string> = {}, input = '') {
  const child = start(args, env)
  child.stdin.end(input)
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  return { code, out, err }
}

test('an answer goes to standard output, without colours into a pipe', async () => {
  api = await namespaceApi({ dev: null, alice: 'dev' })
  const { code, out, err } = await run(['space', 'list', '--kubeconfig', api.kubeconfig])
  expect(out).toContain('*  dev/alice')
  expect(out).not.toContain('\u001b')
  expect(err).toBe('')
  expect(code).toBe(0)
})

test('KUBECONFIG and --context choose the cluster', async () => {
  api = await namespaceApi({ dev: null, alice: 'dev' })
  const { out } = await run(['--context', 'plain', 'space', 'list'], { KUBECONFIG: api.kubeconfig })
  expect(out).toContain('dev/alice')
  expect(out).not.toContain('*')
})

test.each([
  [['space', 'lst'], {}, 64, /^azds: .*did you mean azds space list/],
  [['space', 'list'], {}, 1, /^azds: no cluster is configured: set KUBECONFIG/],
  [
    ['space', 'list', '--kubeconfig', '/nonexistent/c'],
    {},
    1,
    /kubeconfig \/nonexistent\/c: there is no such file$/m,
  ],
  [['trace'], {}, 1, /^azds: no cluster is configured: set KUBECONFIG/],
  [['trace', '--controller', 'http://a'], {}, 64, /"trace" has no flag --controller/],
  [
    ['inspect', '/nonexistent.yaml', '--offline'],
    {},
    1,
    /cannot read \/nonexistent.yaml: there is no such file$/m,
  ],
])('azds %j with %j ends with %d and says why in one line', async (args, env, code, message) => {
  const ran = await run(args, env as Record<string, string>)
  expect(ran.err).toMatch(message)
  expect(ran.err.trim().split('\n')).toHaveLength(1)
  expect(ran.out).toBe('')
  expect(ran.code).toBe(code)
})

test('a manifest is read from standard input', async () => {
  const { code, out } = await run(['inspect', '-', '--space', 'alice', '--parent', 'dev'], {}, POD)
  expect(out).toContain('Pod web in dev/alice: injected')
  expect(code).toBe(0)
})

test('without a terminal nothing is deleted unasked', async () => {
  api = await namespaceApi({ dev: null })
  const { code } = await run(['space', 'remove', 'dev', '--kubeconfig', api.kubeconfig], {}, 'y\n')
  expect(code).toBe(64)
  expect(api.labels('dev')).not.toBeNull()
})

test('a reader that goes away ends azds quietly', async () => {
  const child = start(['help'])
  child.stdout.destroy()
  const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
  expect(err).toBe('')
  expect(code).toBe(0)
})

test('Ctrl-C ends a live trace with 130 and no message', async () => {
  api = await namespaceApi({}, (_, response, url) => {
    if (url.pathname === API_ROOT) {
      answerJson(response, 200, { resources: [] })
      return true
    }
    if (url.searchParams.get('watch') !== 'true') return false
    response.write('{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"1"}}}\n')
    setTimeout(() => child.kill('SIGINT'), 50)
    return true
  })
  const child = start(['trace', '-f', '--kubeconfig', api.kubeconfig])
  const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
  expect(err).toBe('')
  expect(code).toBe(130)
})

test.each([
  [
    'an address',
    'http://127.0.0.1:1',
    /connect ECONNREFUSED 127\.0\.0\.1:1; see which cluster is meant: kubectl/,
  ],
  // A name too long to be one: no name server is asked, which may take its time to say no.
  [
    'a name',
    `http://${'azds'.repeat(16)}.invalid:1`,
    /azds\.invalid.*; see which cluster is meant: kubectl/,
  ],
])(
  'a cluster at %s where nobody answers is named with the next step',
  async (_, server, message) => {
    api = await namespaceApi({})
    const folder = mkdtempSync(join(tmpdir(), 'azds-away-'))
    try {
      const away = join(folder, 'kubeconfig')
      const text = readFileSync(api.kubeconfig, 'utf8').replaceAll(/https?:\/\/[^"\s]+/g, server)
      writeFileSync(away, text)
      const { code, err } = await run(['space', 'list', '--kubeconfig', away])
      expect(err).toMatch(message)
      expect(err.trim().split('\n')).toHaveLength(1)
      expect(code).toBe(1)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
)

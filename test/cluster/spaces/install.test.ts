/** The tools that people use, as real programs: kubectl, helm and azds install, look and remove. */
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { type ExecResult, exec } from '../../../core/exec.ts'
import { describeCluster } from '../requirements.ts'
import { type Asked, Customer } from './customer.ts'
import { shopService, space } from './shop-objects.ts'
import { eventually, type SpaceCluster, startSpaceCluster } from './space-cluster.ts'
import { hopLines, oddities } from './trace-lines.ts'

// The longest step, the bring-up with the sample app, takes 5 s on an idle machine with two cores.
jest.setTimeout(180_000)

const REPO = join(import.meta.dirname, '../../..')
const SAMPLE = join(REPO, 'playground/sample')
const AZDS = [join(REPO, 'node_modules/.bin/node'), join(REPO, 'dist/azds.mjs')] as const

const chain = (root: string, orders = root) => [
  `web in ${root}`,
  `orders in ${orders}`,
  `stock in ${root}`,
  `warehouse in ${root}`,
]
/** Values that leave only orders of the chart. */
const ONLY_ORDERS = ['web', 'stock', 'warehouse'].flatMap((name) => [
  '--set',
  `services.${name}=null`,
])

describeCluster('the sample app, installed', () => {
  let it: SpaceCluster
  let customer: Customer
  beforeAll(async () => {
    it = await startSpaceCluster({ sample: false })
    customer = new Customer(it)
  })
  afterAll(async () => it?.stop())

  const run = async (program: string, args: readonly string[]): Promise<ExecResult> => {
    const { kubeconfigPath } = it.playground.cluster
    // Everything that helm keeps goes where the playground's own files are, and with them.
    const home = join(dirname(kubeconfigPath), 'home')
    const env = {
      KUBECONFIG: kubeconfigPath,
      HELM_CACHE_HOME: home,
      HELM_CONFIG_HOME: home,
      HELM_DATA_HOME: home,
    }
    return exec(program, args, { env, timeoutMs: 60_000 })
  }
  const helm = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(it.playground.helmPath, args)
    if (code !== 0) throw new Error(`helm ${args.join(' ')}: ${stderr}`)
    return stdout
  }
  const azds = (...args: string[]) => run(AZDS[0], [AZDS[1], ...args])
  const answeredBy = (answers: string[]) => (asked: Asked) =>
    asked.answers.join() === answers.join()
  const linesOf = async (asked: Asked) => {
    const records = await customer.records(asked)
    expect(oddities(records, asked)).toEqual([])
    return hopLines(records)
  }

  test('kubectl apply installs the team’s services and alice’s', async () => {
    const { code, stdout } = await it.kubectl(['apply', '-f', join(SAMPLE, 'manifests')])
    expect(code).toBe(0)
    expect(stdout).toContain('namespace/alice created')
    expect(stdout).toContain('deployment.apps/web created')
    for (const namespace of ['dev', 'alice']) {
      const available = ['wait', '--for=condition=Available', 'deployment', '--all']
      await it.kubectl([...available, '-n', namespace, '--timeout=60s'])
    }
    await customer.settled('dev.web', chain('dev'))
    const answer = await customer.settled('alice.s.dev.web', chain('dev', 'alice'))
    expect(await linesOf(answer)).toEqual([
      'gateway > web (dev): fallback-absent, alice by host, alice=absent dev=chosen',
      'web (dev) > orders (alice): child, alice by trace, alice=chosen',
      'orders (alice) > stock (dev): fallback-absent, alice by trace, alice=absent dev=chosen',
      'stock (dev) > warehouse (dev): fallback-absent, alice by trace, alice=absent dev=chosen',
    ])
  })

  test('helm installs the chart in a tree of its own, and part of it in a child space', async () => {
    await it.apply([space('team', null), space('team-dora', 'team')])
    const wait = ['--wait', '--timeout', '60s']
    const chart = join(SAMPLE, 'chart')
    await helm('install', 'shop', chart, '-n', 'team', ...wait)
    await helm('install', 'shop', chart, '-n', 'team-dora', ...ONLY_ORDERS, ...wait)
    const host = 'team-dora.s.team.web'
    const answer = await customer.settled(host, chain('team', 'team-dora'))
    expect(await linesOf(answer)).toEqual([
      'gateway > web (team): fallback-absent, team-dora by host, team-dora=absent team=chosen',
      'web (team) > orders (team-dora): child, team-dora by trace, team-dora=chosen',
      'orders (team-dora) > stock (team): fallback-absent, team-dora by trace, team-dora=absent team=chosen',
      'stock (team) > warehouse (team): fallback-absent, team-dora by trace, team-dora=absent team=chosen',
    ])
    expect((await customer.ask('team.web')).answers).toEqual(chain('team'))
  })

  test('helm upgrade rolls a new version out, without a failed request', async () => {
    const chart = join(SAMPLE, 'chart')
    const version = async () => (await it.pods('team-dora', 'orders'))[0]?.spec.containers[0]?.image
    expect(await version()).toBe('azds-sample/orders:v1')
    const asked: Asked[] = []
    let on = true
    const asking = (async () => {
      while (on) asked.push(await customer.ask('team-dora.s.team.web'))
    })()
    const more = ['--set', 'services.orders.version=v2', '--wait', '--timeout', '60s']
    await helm('upgrade', 'shop', chart, '-n', 'team-dora', ...ONLY_ORDERS, ...more)
    await eventually(
      async () => (await it.pods('team-dora', 'orders')).length,
      (pods) => pods === 1,
    )
    on = false
    await asking
    expect(await version()).toBe('azds-sample/orders:v2')
    expect(asked.length).toBeGreaterThan(10)
    const expected = answeredBy(chain('team', 'team-dora'))
    expect(asked.filter((one) => one.status !== 200 || !expected(one))).toEqual([])
    expect(await helm('list', '-n', 'team-dora')).toMatch(/^shop\s+team-dora\s+2\s/m)
  })

  test('helm uninstall takes the child’s version away, and its requests fall back', async () => {
    expect(await helm('uninstall', 'shop', '-n', 'team-dora', '--wait')).toContain('uninstalled')
    const line =
      'web (team) > orders (team): fallback-absent, team-dora by trace, team-dora=absent team=chosen'
    const answer = await customer.traced('team-dora.s.team.web', 1, line)
    expect(answer.answers).toEqual(chain('team'))
    expect(await linesOf(answer)).toContain(line)
    const left = await it.kubectl(['get', 'deployments,services', '-n', 'team-dora', '-o', 'name'])
    expect(left.stdout).toBe('')
  })

  test('azds space list shows the trees', async () => {
    const { code, stdout } = await azds('space', 'list')
    expect(code).toBe(0)
    const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/).slice(-2).join(' '))
    for (const path of ['dev', 'dev/alice', 'team', 'team/team-dora']) {
      expect(rows).toContain(`${path} True`)
    }
  })

  test('azds creates a space, what is deployed there counts, and removes it with all of it', async () => {
    expect(await azds('space', 'create', 'dev/carol')).toMatchObject({ code: 0 })
    await it.apply(shopService({ namespace: 'carol', service: 'orders', calls: ['stock'] }))
    await customer.settled('carol.s.dev.web', chain('dev', 'carol'))

    const asked: Asked[] = []
    let on = true
    const asking = (async () => {
      while (on) asked.push(await customer.ask('carol.s.dev.web'))
    })()
    expect(await azds('space', 'remove', 'carol', '-y')).toMatchObject({ code: 0 })
    await eventually(
      () => it.kubectl(['get', 'namespace', 'carol']),
      ({ stderr }) => stderr.includes('NotFound'),
      200,
    )
    // A space that is not there (any more) is in no tree; the gateway hears of it after the API server's answer.
    const line = 'gateway > web (dev): other-tree, carol by host'
    const answer = await customer.traced('carol.s.dev.web', 0, line)
    expect(await linesOf(answer)).toContain(line)
    on = false
    await asking
    expect(answer.answers).toEqual(chain('dev'))
    expect(asked.filter(({ status }) => status !== 200)).toEqual([])
    const { stdout } = await azds('space', 'list', '-o', 'json')
    expect((JSON.parse(stdout) as { name: string }[]).map(({ name }) => name)).not.toContain(
      'carol',
    )
  })

  test('azds trace lists a request and shows its hops with their reasons, through the API server', async () => {
    const asked = await customer.ask('alice.s.dev.web')
    await customer.records(asked)
    const list = await azds('trace', '--space', 'alice', '--limit', '1')
    expect(list).toMatchObject({ code: 0, stderr: '' })
    expect(list.stdout).toMatch(/web > orders > stock > warehouse/)
    expect(list.stdout).toContain(asked.traceId)
    const { stdout } = await azds('trace', asked.traceId)
    expect(stdout).toContain('space alice (from host)')
    expect(stdout).toMatch(
      /^gateway -> web \(dev\) +GET \/ +200 +\d+ ms +fallback-absent for alice/m,
    )
    expect(stdout).toMatch(
      /^ {2}web \(dev\) -> orders \(alice\) +GET \/ +200 +\d+ ms +child for alice/m,
    )
  })

  test('azds inspect says of a pod of the cluster that it has what it needs, and of a new one what it gets', async () => {
    const manifest = async (name: string, args: string[]) => {
      const path = join(dirname(it.playground.cluster.kubeconfigPath), name)
      await writeFile(path, (await it.kubectl(['get', ...args, '-o', 'yaml'])).stdout)
      return path
    }
    const [pod] = await it.pods('alice', 'orders')
    const running = await manifest('pod.yaml', ['pod', pod?.metadata.name ?? '', '-n', 'alice'])
    const there = await azds('inspect', running)
    expect(there).toMatchObject({ code: 0, stderr: '' })
    expect(there.stdout).toContain('already-injected')
    const template = await manifest('orders.yaml', ['deployment', 'orders', '-n', 'alice'])
    const fresh = await azds('inspect', template)
    expect(fresh).toMatchObject({ code: 0, stderr: '' })
    expect(fresh.stdout).toContain('devspaces-proxy-init')
    // What is said is what was done.
    const { stdout } = await azds('inspect', template, '-o', 'json')
    const [said] = JSON.parse(stdout) as { kind: string; pod: typeof pod }[]
    const names = (one: typeof pod) => one?.spec.initContainers?.map(({ name }) => name)
    expect(names(said?.pod)).toEqual(names(pod))
  })

  test('of every request all records are in the store', async () => {
    expect(await customer.incomplete()).toEqual([])
  })
})

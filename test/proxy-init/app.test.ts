import { afterEach, expect, test } from '@jest/globals'
import { preparePod, printPlan } from '../../proxy-init/app.ts'
import { type FakePod, fakePod, RESOLV_CONF } from './fake-pod.ts'

const CHANGED = 'search alice.svc.cluster.local dev.svc.cluster.local\n'
const NO_NAT =
  "can't initialize ip6tables table `nat': Table does not exist (do you need to insmod?)"

let pod: FakePod
afterEach(() => pod.remove())

test('a pod gets its search list and the rules of both families', async () => {
  pod = fakePod({})
  expect(await preparePod(pod.world, pod.config)).toEqual({ ok: true })
  expect(pod.resolvConf()).toBe(CHANGED)
  expect(pod.saved['iptables']).toContain('-d 127.0.0.0/8')
  expect(pod.saved['ip6tables']).toContain('-d ::1/128')
  expect(pod.logged).toEqual([
    expect.objectContaining({ msg: 'pod prepared', backend: 'nft', ipv4: 'restore' }),
  ])
})

test('a second run finds everything in place', async () => {
  pod = fakePod({})
  await preparePod(pod.world, pod.config)
  expect(await preparePod(pod.world, pod.config)).toEqual({ ok: true })
  expect(pod.logged[1]).toMatchObject({
    ipv4: 'in-place',
    ipv6: 'in-place',
    resolvConf: 'the ancestors are there already',
  })
})

test('a dry run prints the plan and changes nothing', async () => {
  pod = fakePod({})
  expect(await printPlan(pod.world, pod.config)).toEqual({ ok: true })
  expect(pod.resolvConf()).toBe(RESOLV_CONF)
  expect(pod.saved).toEqual({ iptables: '', ip6tables: '' })
  const text = pod.printed.join('')
  expect(text).toContain(`-${RESOLV_CONF}+${CHANGED}`)
  expect(text.match(/^COMMIT$/gm)).toHaveLength(2)
})

/** Fails whatever the condition picks of ip6tables. */
const ip6 =
  (stderr: string, when: (input: string) => boolean) => (program: string, input: string) =>
    program === 'ip6tables-nft-restore' && when(input) ? { code: 1, stderr } : undefined

const always = () => true
const notTheTrial = (input: string) => !input.includes('AZDS_TRIAL')

test.each([
  [
    'the kernel has no IPv6 NAT, though the pod has an address',
    true,
    ip6(NO_NAT, always),
    'the kernel has no IPv6 NAT',
  ],
  [
    'the kernel has no IPv6 NAT, and the pod no address',
    false,
    ip6(NO_NAT, always),
    'no IPv6 address',
  ],
  [
    'IPv6 rules fail, and the pod has no IPv6 address',
    false,
    ip6('line 6 failed', notTheTrial),
    'no IPv6 address',
  ],
])(
  '%s: IPv4 alone is intercepted, and the log says why',
  async (_case, hasIpv6, answer, reason) => {
    pod = fakePod({ hasIpv6, answer })
    expect(await preparePod(pod.world, pod.config)).toEqual({ ok: true })
    expect(pod.saved['iptables']).toContain('AZDS_OUT_REDIRECT')
    expect(pod.saved['ip6tables']).toBe('')
    expect(pod.logged[0]).toMatchObject({
      level: 'warn',
      msg: 'IPv6 is not intercepted',
      reason: expect.stringContaining(reason),
    })
  },
)

test.each([
  ['before any change', ip6('Resource temporarily unavailable', always), 0],
  ['after IPv4 was done', ip6('line 6 failed', notTheTrial), 2],
])(
  'IPv6 failing in a pod that has it fails the pod, %s, and leaves nothing',
  async (_when, answer, undone) => {
    pod = fakePod({ answer })
    const outcome = await preparePod(pod.world, pod.config)
    expect(outcome).toMatchObject({ ok: false, problem: expect.stringMatching(/^ipv6: /) })
    expect(pod.resolvConf()).toBe(RESOLV_CONF)
    expect(pod.saved['iptables']).not.toContain('AZDS')
    expect(pod.logged.filter(({ msg }) => msg === 'change taken back')).toHaveLength(undone)
  },
)

test('rules that are not there after a restore that claims success fail the pod by name', async () => {
  pod = fakePod({
    answer: (program, input) =>
      program === 'iptables-nft-restore' && notTheTrial(input) ? { code: 0 } : undefined,
  })
  expect(await preparePod(pod.world, pod.config)).toEqual({
    ok: false,
    problem:
      'ipv4: what was restored is not what is there: the rule is missing: ' +
      '-A AZDS_INBOUND -i lo -m comment --comment "azds: loopback" -j RETURN',
  })
  expect(pod.resolvConf()).toBe(RESOLV_CONF)
})

test('a resolv.conf that is not there fails the pod before any rule', async () => {
  pod = fakePod({ env: { AZDS_RESOLV_CONF: '/nonexistent/resolv.conf' } })
  const outcome = await preparePod(pod.world, pod.config)
  expect(outcome).toMatchObject({ problem: expect.stringContaining('/nonexistent/resolv.conf') })
  expect(pod.saved['iptables']).toBe('')
})

test('a search list without the own domain is left alone, with a warning', async () => {
  pod = fakePod({ env: { AZDS_SPACE_CHAIN: 'bob,dev' } })
  expect(await preparePod(pod.world, pod.config)).toEqual({ ok: true })
  expect(pod.resolvConf()).toBe(RESOLV_CONF)
  expect(pod.logged[0]).toMatchObject({ level: 'warn', msg: 'parent names will not be found' })
})

import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { describeChange, planResolvConf } from '../../proxy-init/resolv-conf.ts'

const DOMAIN = 'cluster.local'
const OWN = 'alice.svc.cluster.local'
const DEV = 'dev.svc.cluster.local'
const CHAIN = ['alice', 'dev']

const TABLE: [string, string, string][] = [
  [
    'the parent goes right after the own domain',
    `search ${OWN} svc.${DOMAIN} ${DOMAIN} corp.example\n`,
    `search ${OWN} ${DEV} svc.${DOMAIN} ${DOMAIN} corp.example\n`,
  ],
  [
    'comments, options, blank and unknown lines stay',
    `# by the runtime\nnameserver 10.96.0.10\n\nsearch ${OWN}\n;end\noptions ndots:5\nmagic on`,
    `# by the runtime\nnameserver 10.96.0.10\n\nsearch ${OWN} ${DEV}\n;end\noptions ndots:5\nmagic on`,
  ],
  [
    'the last search line is the one in force',
    `search ${OWN}\nsearch x ${OWN} y\n`,
    `search ${OWN}\nsearch x ${OWN} ${DEV} y\n`,
  ],
  [
    'a domain line after it is in force instead, and stays',
    `search x\ndomain ${OWN}\noptions ndots:5\n`,
    `search x\ndomain ${OWN}\nsearch ${OWN} ${DEV}\noptions ndots:5\n`,
  ],
  [
    'a search line after a domain line is in force',
    `domain x\nsearch ${OWN}\n`,
    `domain x\nsearch ${OWN} ${DEV}\n`,
  ],
  [
    'a parent that stands further back moves up',
    `search ${OWN} corp.example ${DEV}\n`,
    `search ${OWN} ${DEV} corp.example\n`,
  ],
  [
    'tabs, case and a final dot do not hide the own domain',
    'search\tAlice.svc.cluster.local.\tx\n',
    `search Alice.svc.cluster.local. ${DEV} x\n`,
  ],
]

test.each(TABLE)('%s', (_rule, before, after) => {
  expect(planResolvConf(before, CHAIN, DOMAIN)).toEqual({
    kind: 'change',
    text: after,
    warning: null,
  })
  expect(planResolvConf(after, CHAIN, DOMAIN)).toMatchObject({ kind: 'unchanged' })
})

test('a chain of three comes nearest first', () => {
  const plan = planResolvConf('search a.svc.d svc.d\n', ['a', 'b', 'c'], 'd')
  expect(plan).toMatchObject({ text: 'search a.svc.d b.svc.d c.svc.d svc.d\n' })
})

test.each([
  ['a root space', `search ${DEV}\n`, ['dev'], 'the space has no parent'],
  ['a pod with no search list', 'nameserver 192.0.2.1\n', CHAIN, OWN],
  ["a pod with the node's own DNS", 'search corp.example\n', CHAIN, OWN],
  ['a search line that is indented', ` search ${OWN}\n`, CHAIN, OWN],
  ['a search line in a comment', `#search ${OWN}\n`, CHAIN, OWN],
  ['an empty file', '', CHAIN, OWN],
])('%s is left as it is, and the reason is told', (_what, before, chain, reason) => {
  const plan = planResolvConf(before, chain, DOMAIN)
  expect(plan).toEqual({
    kind: 'unchanged',
    reason: expect.stringContaining(reason),
    warning: chain.length > 1,
  })
})

test.each([
  ['33 domains', Array.from({ length: 31 }, (_, index) => `d${index}`)],
  ['2049 characters', [`${'a'.repeat(2003)}`]],
])('%s would be too many: a problem, never a shorter list', (_what, others) => {
  const plan = planResolvConf(`search ${OWN} ${others.join(' ')}\n`, CHAIN, DOMAIN)
  expect(plan).toEqual({ kind: 'problem', problem: expect.stringContaining('dnsConfig.searches') })
  const shorter = planResolvConf(`search ${OWN} ${others.join(' ').slice(3)}\n`, CHAIN, DOMAIN)
  expect(shorter.kind).toBe('change')
})

test('a list beyond what old resolvers read is made, with a warning', () => {
  const plan = planResolvConf(`search ${OWN} a b c d e\n`, CHAIN, DOMAIN)
  expect(plan).toMatchObject({ kind: 'change', warning: expect.stringContaining('glibc') })
})

test('any file: the edit is idempotent, and no other line and no domain is lost', () => {
  const domain = fc.constantFrom(
    OWN,
    DEV,
    'svc.cluster.local',
    'corp.example',
    'x',
    'DEV.svc.cluster.local.',
  )
  const searchLine = fc
    .tuple(fc.constantFrom('search ', 'search\t', 'domain '), fc.array(domain, { maxLength: 6 }))
    .map(([keyword, domains]) => keyword + domains.join(' '))
  const otherLine = fc.oneof(
    fc.constantFrom('# search a', '; b', '', 'nameserver 10.0.0.1', 'options ndots:5', ' search z'),
    fc.string({ maxLength: 20 }).map((text) => `unknown ${text.replaceAll('\n', ' ')}`),
  )
  const file = fc.array(fc.oneof(searchLine, otherLine), { maxLength: 8 })
  const chain = fc.constantFrom(['alice', 'dev'], ['alice', 'team', 'dev'], ['dev'])
  fc.assert(
    fc.property(file, chain, (lines, spaces) => {
      const before = lines.join('\n')
      const plan = planResolvConf(before, spaces, DOMAIN)
      if (plan.kind !== 'change') {
        expect(plan.kind).toBe('unchanged')
        return
      }
      expect(planResolvConf(plan.text, spaces, DOMAIN)).toMatchObject({ kind: 'unchanged' })
      const changed = describeChange(before, plan.text)
      expect(changed.filter((line) => line.startsWith('-')).length).toBeLessThanOrEqual(1)
      const added = changed.filter((line) => line.startsWith('+'))
      expect(added).toHaveLength(1)
      const removed = changed.filter((line) => line.startsWith('-')).join(' ')
      const words = (text: string) =>
        new Set(text.slice(1).split(/\s+/).filter(Boolean).map(plainDomain))
      expect([...words(removed)].filter((word) => !words(added[0] ?? '').has(word))).toEqual([])
    }),
    { numRuns: 1000 },
  )
})

const plainDomain = (text: string) => text.toLowerCase().replace(/\.$/, '')

test('a change is described by the lines that go and come', () => {
  expect(describeChange('a\nb\nc\n', 'a\nB\nc\n')).toEqual(['-b', '+B'])
  expect(describeChange('a\nc\n', 'a\nb\nc\n')).toEqual(['+b'])
  expect(describeChange('a', 'a')).toEqual([])
})

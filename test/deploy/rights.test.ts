/** The table of rights in deploy/README.md is what the chart grants: no right more, none less. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { SYSTEM_NAMESPACE } from '../../core/names.ts'
import { type Manifest, objects, ROOT, type Rule } from './manifests-fixture.ts'

const ofKind = (kind: string) => objects.filter((object) => object.kind === kind)

/** What stands between `|` in the rows of the tables with a column `what`. */
const README = readFileSync(join(ROOT, 'deploy/README.md'), 'utf8')
const rows = README.split('\n')
  .filter((line) => line.startsWith('| `azds-'))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter((cells) => cells.length === 7)
  .map(([, who = '', may = '', what = '', where = '', reason = '']) => ({
    ...{ who: who.replaceAll('`', ''), may, what, where, reason },
  }))

/** One line a rule: who, verbs, resources with their groups, names, place. */
function line(
  who: string,
  { verbs, resources, apiGroups, resourceNames = [] }: Rule,
  place: string,
) {
  const [group = '', ...others] = apiGroups
  expect(others).toEqual([])
  const full = resources.map((name) => (group === '' ? name : `${name}.${group}`)).toSorted()
  const named = resourceNames.map((name) => ` \`${name}\``).join('')
  return `${who} | ${verbs.toSorted().join(', ')} | ${full.join(', ')}${named} | ${place}`
}

/** Resources that belong to no namespace. */
const CLUSTER_WIDE = [
  ...[
    'clusterroles',
    'mutatingwebhookconfigurations',
    'apiservices',
    'tokenreviews',
    'nodes',
    'spaces',
  ],
]

function placeOf(rule: Rule, kind: string, isBound: boolean): string {
  if (kind === 'Role') return 'our namespace'
  if (!isBound && rule.resources.includes('traces')) return 'where it is bound'
  if (!isBound) return 'cluster'
  return rule.resources.every((name) => CLUSTER_WIDE.includes(name)) ? 'cluster' : 'all namespaces'
}

const bindings = [...ofKind('ClusterRoleBinding'), ...ofKind('RoleBinding')]
const subjectsOf = (role: Manifest) =>
  bindings.filter(
    ({ roleRef }) => roleRef?.kind === role.kind && roleRef?.name === role.metadata.name,
  )

test('the table of rights is what the chart grants, line by line', () => {
  const granted = [...ofKind('ClusterRole'), ...ofKind('Role')].flatMap((role) => {
    const isBound = subjectsOf(role).length > 0
    const { name = '' } = role.metadata
    return (role.rules ?? []).map((rule) =>
      line(name, rule, placeOf(rule, role.kind ?? '', isBound)),
    )
  })
  const borrowed = bindings
    .filter(({ roleRef }) => !objects.some(({ metadata }) => metadata.name === roleRef?.name))
    .map(({ roleRef, subjects, metadata }) => {
      const place = metadata.namespace ?? 'cluster'
      return `${subjects?.[0]?.name} | what the role allows | \`${roleRef?.name}\` | ${place}`
    })
  const told = rows.map(({ who, may, what, where }) => `${who} | ${may} | ${what} | ${where}`)
  expect(told.toSorted()).toEqual([...granted, ...borrowed].toSorted())
})

test('every line says what the right is for', () => {
  for (const { who, what, reason } of rows) expect([who, what, reason.length > 3]).toContain(true)
})

test('each role is given to the one account that it is named after, or to nobody', () => {
  for (const { metadata, roleRef, subjects } of bindings) {
    expect(subjects).toHaveLength(1)
    const [subject] = subjects ?? []
    expect(subject).toMatchObject({ kind: 'ServiceAccount', namespace: SYSTEM_NAMESPACE })
    expect(metadata.name?.startsWith(subject?.name ?? '?')).toBe(true)
    const isOwn = roleRef?.name === subject?.name
    const isKubernetes = ['system:auth-delegator', 'extension-apiserver-authentication-reader']
    expect(isOwn || isKubernetes.includes(roleRef?.name ?? '')).toBe(true)
  }
  const people = ofKind('ClusterRole').filter((role) => subjectsOf(role).length === 0)
  expect(people.map(({ metadata }) => metadata.name)).toEqual([
    'azds-traces',
    'azds-spaces',
    'azds-space-admin',
  ])
})

test('no rule has a wildcard, and none on Secrets or to write is without a name, but where it only adds', () => {
  const rules = objects.flatMap(({ metadata, rules = [] }) =>
    rules.map((rule) => ({ role: metadata.name ?? '', ...rule })),
  )
  expect(JSON.stringify(rules)).not.toContain('*')
  const isReading = (verb: string) => ['get', 'list', 'watch'].includes(verb)
  const free = rules
    .filter(({ role }) => role !== 'azds-space-admin')
    .filter(({ resourceNames }) => resourceNames === undefined)
    .filter(({ verbs, resources }) => resources.includes('secrets') || !verbs.every(isReading))
  expect(free.map(({ role, resources, verbs }) => [role, ...resources, ...verbs])).toEqual([
    ['azds-webhook', 'events', 'create'],
    ['azds-controller', 'tokenreviews', 'create'],
    ['azds-controller', 'events', 'create'],
  ])
})

test.each(['azds-gateway', 'azds-image-prepull'])('%s has no right and no token', (name) => {
  expect(bindings.filter(({ subjects }) => subjects?.some((one) => one.name === name))).toEqual([])
  const account = ofKind('ServiceAccount').find(({ metadata }) => metadata.name === name)
  expect(account).toMatchObject({ automountServiceAccountToken: false })
})

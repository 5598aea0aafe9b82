import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { ApiError } from '../../../playground/apiserver/api-error.ts'
import { applyConfiguration } from '../../../playground/apiserver/apply.ts'
import { fromFieldsV1, toFieldsV1 } from '../../../playground/apiserver/field-set.ts'
import {
  ownedFields,
  trackUpdate,
  type Writer,
} from '../../../playground/apiserver/managed-fields.ts'
import type { ApiObject } from '../../../playground/apiserver/object.ts'
import { Registry } from '../../../playground/apiserver/resources.ts'

const registry = new Registry()
const deployments = registry.builtIn('apps/v1', 'deployments')
const configMaps = registry.builtIn('v1', 'configmaps')

const writer = (manager: string, operation: Writer['operation'] = 'Apply'): Writer => ({
  manager,
  operation,
  subresource: null,
  time: '2026-01-01T00:00:00Z',
})

function configMap(data: Record<string, string>, labels?: Record<string, string>): ApiObject {
  const metadata = { name: 'c', namespace: 'd', ...(labels && { labels }) }
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data } as unknown as ApiObject
}

function apply(live: ApiObject | null, wanted: ApiObject, manager: string, force = false) {
  const resource = wanted.kind === 'ConfigMap' ? configMaps : deployments
  return applyConfiguration({ resource, live, wanted, writer: writer(manager), force })
}

const managersOf = (object: ApiObject) => object.metadata.managedFields?.map((one) => one.manager)

test('what a manager no longer applies goes, what others own stays', () => {
  const first = apply(null, configMap({ a: '1', b: '2' }), 'helm')
  const shared = apply(first, configMap({ b: '2', c: '3' }), 'other')
  const second = apply(shared, configMap({ a: '1' }), 'helm')
  expect(second['data']).toEqual({ a: '1', b: '2', c: '3' })
  const third = apply(second, configMap({}), 'helm')
  expect(third['data']).toEqual({ b: '2', c: '3' })
  const last = apply(third, configMap({}), 'other')
  expect(last['data']).toBeUndefined()
})

test('a field that another manager set to another value is a conflict unless forced', () => {
  const first = apply(null, configMap({ a: '1' }), 'helm')
  const attempt = () => apply(first, configMap({ a: '2' }), 'other')
  expect(attempt).toThrow(ApiError)
  expect(attempt).toThrow('Apply failed with 1 conflict: conflict with "helm": .data.a')
  const forced = apply(first, configMap({ a: '2' }), 'other', true)
  expect(forced['data']).toEqual({ a: '2' })
  expect(managersOf(forced)).toEqual(['other'])
})

test('the same value may be owned by two, and goes with the last', () => {
  const first = apply(null, configMap({ a: '1' }), 'helm')
  const shared = apply(first, configMap({ a: '1' }), 'other')
  expect(managersOf(shared)).toEqual(['helm', 'other'])
  const without = apply(shared, configMap({}), 'helm')
  expect(without['data']).toEqual({ a: '1' })
})

test('an ordinary update takes the fields that it changes from their owners', () => {
  const first = apply(null, configMap({ a: '1', b: '1' }), 'helm')
  const updated = trackUpdate(
    first,
    { ...first, data: { a: '2', b: '1' } },
    'V1ConfigMap',
    writer('edit', 'Update'),
  )
  expect(managersOf(updated)).toEqual(['helm', 'edit'])
  expect(() => apply(updated, configMap({ a: '3', b: '1' }), 'helm')).toThrow(
    'conflict with "edit" using v1: .data.a',
  )
})

function deployment(containers: object[], extra: object = {}): ApiObject {
  const spec = { template: { spec: { containers, ...extra } } }
  const metadata = { name: 'web', namespace: 'd' }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec } as unknown as ApiObject
}

// biome-ignore lint/suspicious/noExplicitAny: a test looks into the middle of an object
const podOf = (object: any) => object.spec.template.spec

test('lists with keys are merged item by item; what others added stays in its place', () => {
  const first = apply(null, deployment([{ name: 'web', image: 'web:1' }]), 'helm')
  const side = { name: 'side', image: 'side:1' }
  const injected = apply(first, deployment([side]), 'injector')
  const next = apply(injected, deployment([{ name: 'web', image: 'web:2' }]), 'helm')
  expect(podOf(next).containers).toEqual([{ name: 'web', image: 'web:2' }, side])
  const gone = apply(next, deployment([]), 'injector')
  expect(podOf(gone).containers).toEqual([{ name: 'web', image: 'web:2' }])
})

test('defaults that the server filled in go with the list item that they belong to', () => {
  const wanted = deployment([
    { name: 'web', image: 'web:1', env: [{ name: 'A', value: '1' }] },
    { name: 'old', image: 'old:1' },
  ])
  const first = apply(null, wanted, 'helm')
  for (const container of podOf(first).containers) container.imagePullPolicy = 'IfNotPresent'
  const next = apply(first, deployment([{ name: 'web', image: 'web:1' }]), 'helm')
  expect(podOf(next).containers).toEqual([
    { name: 'web', image: 'web:1', imagePullPolicy: 'IfNotPresent' },
  ])
})

test('ports are told apart by number and protocol, TCP if none is named', () => {
  const ports = [{ containerPort: 53 }, { containerPort: 53, protocol: 'UDP' }]
  const first = apply(null, deployment([{ name: 'dns', ports }]), 'helm')
  const tcp = [{ containerPort: 53, protocol: 'TCP', name: 'dns' }]
  const next = apply(first, deployment([{ name: 'dns', ports: tcp }]), 'helm')
  expect(podOf(next).containers[0].ports).toEqual([
    { containerPort: 53, protocol: 'TCP', name: 'dns' },
  ])
})

test('atomic objects are replaced whole', () => {
  const withSelector = (key: string) => {
    const object = deployment([])
    return { ...object, spec: { selector: { matchLabels: { [key]: 'x' } } } }
  }
  const first = apply(null, withSelector('a'), 'helm')
  const next = apply(first, withSelector('b'), 'helm')
  expect(next.spec?.['selector']).toEqual({ matchLabels: { b: 'x' } })
})

test('applying the same again changes nothing', () => {
  const wanted = deployment([{ name: 'web', image: 'web:1', env: [{ name: 'A', value: '1' }] }])
  const first = apply(null, wanted, 'helm')
  expect(apply(first, wanted, 'helm')).toEqual(first)
})

const data = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '2'))

test('after each manager applied its last wish by force, exactly the last wishes are there', () => {
  const step = fc.record({ manager: fc.constantFrom('x', 'y', 'z'), data })
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      let live: ApiObject | null = null
      for (const one of steps) live = apply(live, configMap(one.data), one.manager, true)
      // Where wishes differ, the later one holds.
      const lastByManager = new Map<string, Record<string, string>>()
      for (const one of steps) {
        lastByManager.delete(one.manager)
        lastByManager.set(one.manager, one.data)
      }
      const left = (live?.['data'] ?? {}) as Record<string, string>
      const wished = new Set([...lastByManager.values()].flatMap((wish) => Object.keys(wish)))
      for (const key of Object.keys(left)) expect(wished.has(key)).toBe(true)
      for (const [key, value] of Object.entries(steps.at(-1)?.data ?? {})) {
        expect(left[key]).toBe(value)
      }
    }),
  )
})

test('the notation of managed fields is read back as it was written', () => {
  fc.assert(
    fc.property(data, data, (values, labels) => {
      const object = configMap(values, labels)
      const set = ownedFields(object, 'V1ConfigMap')
      expect([...fromFieldsV1(toFieldsV1(set))].sort()).toEqual([...set].sort())
    }),
  )
})

test('managed fields are written as Kubernetes writes them', () => {
  const wanted = deployment([{ name: 'web', image: 'web:1', ports: [{ containerPort: 80 }] }])
  const [entry] = apply(null, wanted, 'helm').metadata.managedFields ?? []
  const port = 'k:{"containerPort":80,"protocol":"TCP"}'
  expect(entry).toMatchObject({
    manager: 'helm',
    operation: 'Apply',
    apiVersion: 'apps/v1',
    fieldsType: 'FieldsV1',
  })
  expect(entry?.fieldsV1).toEqual({
    'f:spec': {
      'f:template': {
        'f:spec': {
          'f:containers': {
            'k:{"name":"web"}': {
              '.': {},
              'f:image': {},
              'f:name': {},
              'f:ports': { [port]: { '.': {}, 'f:containerPort': {} } },
            },
          },
        },
      },
    },
  })
})

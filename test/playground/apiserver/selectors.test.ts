import { expect, test } from '@jest/globals'
import { ApiError } from '../../../playground/apiserver/api-error.ts'
import type { ApiObject } from '../../../playground/apiserver/object.ts'
import {
  matchesSelector,
  parseFieldSelector,
  parseLabelSelector,
} from '../../../playground/apiserver/selectors.ts'

const labels = { app: 'web', tier: 'front', 'azds.io/space': 'true', empty: '' }

test.each([
  ['', true],
  ['app=web', true],
  ['app==web', true],
  ['app!=web', false],
  ['missing!=web', true],
  ['app=web,tier=back', false],
  ['app in (api, web)', true],
  ['app in (api)', false],
  ['app notin (api),tier=front', true],
  ['missing notin (api)', true],
  ['missing in (api)', false],
  ['azds.io/space', true],
  ['!azds.io/space', false],
  ['!missing', true],
  ['empty=', true],
  ['azds.io/space=true,app in (web),!missing', true],
])('label selector %p gives %p', (text, expected) => {
  expect(parseLabelSelector(text)(labels)).toBe(expected)
})

test.each(['a b', 'app in web', '=x', 'app=a=b', 'app=!'])(
  'label selector %p is refused with 400',
  (text) => {
    expect(() => parseLabelSelector(text)).toThrow(ApiError)
  },
)

test('a selector object matches labels and expressions together', () => {
  const selector = {
    matchLabels: { app: 'web' },
    matchExpressions: [
      { key: 'tier', operator: 'In', values: ['front'] },
      { key: 'gone', operator: 'DoesNotExist' },
      { key: 'app', operator: 'Exists' },
      { key: 'tier', operator: 'NotIn', values: ['back'] },
    ],
  }
  expect(matchesSelector(selector, labels)).toBe(true)
  expect(matchesSelector(selector, { ...labels, gone: '' })).toBe(false)
  expect(matchesSelector({}, {})).toBe(true)
})

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'a', namespace: 'dev', uid: '', resourceVersion: '', creationTimestamp: '' },
  spec: { nodeName: 'one' },
  status: { phase: 'Running' },
  involvedObject: { name: 'x' },
} satisfies ApiObject

test.each([
  ['metadata.name=a', true],
  ['metadata.name=b', false],
  ['metadata.namespace=dev,spec.nodeName=one', true],
  ['spec.nodeName!=one', false],
  ['status.phase!=Failed', true],
  ['spec.nodeName=', false],
  ['involvedObject.name=x', true],
])('field selector %p gives %p', (text, expected) => {
  expect(parseFieldSelector(text)(pod)).toBe(expected)
})

test('a field that cannot be selected by is refused', () => {
  expect(() => parseFieldSelector('spec.containers=a')).toThrow('field label not supported')
})

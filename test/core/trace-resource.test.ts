/** Paths of the aggregated API. */
import { expect, test } from '@jest/globals'
import {
  SPACES_PATH,
  sidecarsPath,
  tracePath,
  tracesPath,
  withParameters,
} from '../../core/trace-resource.ts'

test.each([
  [tracesPath('alice'), '/apis/azds.io/v1/namespaces/alice/traces'],
  [tracesPath(null), '/apis/azds.io/v1/traces'],
  [tracePath('alice', 'ab'), '/apis/azds.io/v1/namespaces/alice/traces/ab'],
  [tracePath(null, 'ab'), '/apis/azds.io/v1/traces?fieldSelector=metadata.name%3Dab&records=true'],
  [sidecarsPath('alice'), '/apis/azds.io/v1/namespaces/alice/sidecars'],
  [sidecarsPath(null), '/apis/azds.io/v1/sidecars'],
  [SPACES_PATH, '/apis/azds.io/v1/spaces'],
])('%s is %s', (path, expected) => {
  expect(path).toBe(expected)
})

test('parameters that are not set leave no trace, others are escaped', () => {
  expect(withParameters('/p', { a: undefined, b: '' })).toBe('/p')
  expect(withParameters('/p', { q: 'a b&c', limit: 5 })).toBe('/p?q=a+b%26c&limit=5')
  expect(withParameters('/p?x=1', { limit: 5 })).toBe('/p?x=1&limit=5')
})

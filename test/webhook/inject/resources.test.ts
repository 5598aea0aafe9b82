import { expect, test } from '@jest/globals'
import { quantity } from '../../../webhook/inject/quantity.ts'
import { DEFAULT_PROXY_RESOURCES, parseResources } from '../../../webhook/inject/resources.ts'

const defaults = {
  limits: { cpu: '1', memory: '256Mi' },
  requests: { cpu: '20m', memory: '96Mi' },
}

test('the default can be read and sets both requests and limits', () => {
  expect(parseResources(DEFAULT_PROXY_RESOURCES, null)).toEqual({ ok: true, resources: defaults })
})

test.each([
  { text: '{}', limits: {}, requests: {} },
  { text: '{"Limits":{"cpu":"300m"}}', limits: { cpu: '300m' }, requests: {} },
  // A limit below the default request takes the request down with it.
  {
    text: '{"Limits":{"memory":"64Mi"}}',
    limits: { memory: '64Mi' },
    requests: { memory: '64Mi' },
  },
  // A request above the default limit takes the limit up.
  { text: '{"Requests":{"cpu":"1500m"}}', limits: { cpu: '1500m' }, requests: { cpu: '1500m' } },
  {
    text: '{"Limits":{"cpu":"2"},"Requests":{"cpu":"2000m"}}',
    limits: { cpu: '2' },
    requests: { cpu: '2000m' },
  },
])('$text is laid over the defaults', ({ text, limits, requests }) => {
  expect(parseResources(text, defaults)).toEqual({
    ok: true,
    resources: {
      limits: { ...defaults.limits, ...limits },
      requests: { ...defaults.requests, ...requests },
    },
  })
})

test.each([
  ['', 'not a JSON object'],
  ['[]', 'not a JSON object'],
  ['{"limits":{}}', 'unknown key "limits"'],
  ['{"Limits":[]}', 'Limits is not an object'],
  ['{"Limits":{"gpu":"1"}}', 'unknown resource "gpu"'],
  ['{"Limits":{"cpu":1}}', 'Limits.cpu is 1'],
  ['{"Requests":{"cpu":"-1"}}', 'Requests.cpu is "-1"'],
  ['{"Requests":{"memory":"0"}}', 'Requests.memory is "0"'],
  ['{"Limits":{"memory":"1Gi"},"Requests":{"memory":"1025Mi"}}', 'Requests.memory 1025Mi is more'],
])('%s is refused with the reason', (text, reason) => {
  const result = parseResources(text, defaults)
  expect(result).toMatchObject({ ok: false, message: expect.stringContaining(reason) })
})

test.each([
  ['150m', 0.15],
  ['1.5', 1.5],
  ['.5', 0.5],
  ['1e3', 1000],
  ['2k', 2000],
  ['1Ki', 1024],
  ['1Gi', 1024 ** 3],
  ['1G', 1e9],
  ['1E', 1e18],
  ['', null],
  ['1 Gi', null],
  ['Gi', null],
  ['1Kib', null],
  ['0', null],
])('the quantity %p is %p', (text, value) => {
  expect(quantity(text)).toBe(value)
})

/** Sign-in by TokenReview: what is asked, what is believed, and for how long. */
import { expect, test } from '@jest/globals'
import { bearerTokenOf, callerOf } from '../../../controller/auth/caller.ts'
import { createTokenReview, expiryOf, reviewOf } from '../../../controller/auth/token-review.ts'

const USER = {
  username: 'system:serviceaccount:alice:default',
  extra: {
    'authentication.kubernetes.io/pod-name': ['orders-1'],
    'authentication.kubernetes.io/pod-uid': ['1234'],
  },
}
const GOOD = { authenticated: true, user: USER, audiences: ['controller.azds.io'] }

/** @param answer the status of each TokenReview, or an error */
function reviewer(
  answer: () => unknown,
  audience: string | null = 'controller.azds.io',
  isFollowed = true,
) {
  let clock = 0
  const asked: { spec: { token: string; audiences?: string[] } }[] = []
  const client = {
    create: async <T>(_path: string, body: unknown) => {
      asked.push(body as (typeof asked)[number])
      const status = answer()
      if (status instanceof Error) throw status
      return { status } as T
    },
  }
  const { review, podGone } = createTokenReview({
    client,
    audience,
    now: () => clock,
    wallClock: () => clock,
    isFollowed: () => isFollowed,
  })
  return { review, podGone, asked, pass: (ms: number) => (clock += ms) }
}

const jwt = (claims: object) =>
  `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`

test('a token is asked about once and believed for five minutes', async () => {
  const { review, asked, pass } = reviewer(() => GOOD)
  const answers = await Promise.all([review('a'), review('a'), review('a')])
  expect(answers).toEqual(Array(3).fill({ outcome: 'user', user: USER }))
  pass(5 * 60 * 1000 - 1)
  await review('a')
  expect(asked).toHaveLength(1)
  expect(asked[0]?.spec).toEqual({ token: 'a', audiences: ['controller.azds.io'] })
  pass(1)
  await review('a')
  expect(asked).toHaveLength(2)
})

test('a token that ends sooner is believed no longer than that', async () => {
  const { review, asked, pass } = reviewer(() => GOOD)
  const token = jwt({ exp: 60 })
  await review(token)
  pass(59_999)
  await review(token)
  expect(asked).toHaveLength(1)
  pass(1)
  await review(token)
  expect(asked).toHaveLength(2)
})

test('a token that has ended by our clock alone is not asked about at each request', async () => {
  const { review, asked, pass } = reviewer(() => GOOD)
  pass(3_600_000)
  const token = jwt({ exp: 60 })
  await review(token)
  pass(9_999)
  expect((await review(token)).outcome).toBe('user')
  expect(asked).toHaveLength(1)
  pass(1)
  await review(token)
  expect(asked).toHaveLength(2)
})

test('a refusal is forgotten after ten seconds', async () => {
  let status: object = { authenticated: false, error: 'token has expired' }
  const { review, pass } = reviewer(() => status)
  expect(await review('a')).toEqual({ outcome: 'refused', message: 'token has expired' })
  status = GOOD
  expect((await review('a')).outcome).toBe('refused')
  pass(10_000)
  expect((await review('a')).outcome).toBe('user')
})

test('an API server that is away refuses nobody, and is asked again at once', async () => {
  let status: unknown = new Error('connect ECONNREFUSED')
  const { review } = reviewer(() => status)
  expect(await review('a')).toEqual({
    outcome: 'unknown',
    message: 'the API server was not asked: no answer',
  })
  status = GOOD
  expect((await review('a')).outcome).toBe('user')
})

test('a token is asked about again once its pod has gone, and what is said then holds ten seconds', async () => {
  let status: object = GOOD
  const { review, podGone, asked, pass } = reviewer(() => status)
  await review('a')
  podGone('another pod')
  await review('a')
  expect(asked).toHaveLength(1)
  podGone('1234')
  // An API server that has not heard of it yet, or a pod that has only lost its label.
  expect((await review('a')).outcome).toBe('user')
  status = { authenticated: false, error: 'the pod is gone' }
  pass(9_999)
  expect((await review('a')).outcome).toBe('user')
  pass(1)
  expect((await review('a')).outcome).toBe('refused')
  expect(asked).toHaveLength(3)
})

test('a token of a pod whose end nobody would tell, such as the gateway’s, is asked about every ten seconds', async () => {
  let status: object = GOOD
  const { review, asked, pass } = reviewer(() => status, null, false)
  await review('a')
  pass(9_999)
  await review('a')
  expect(asked).toHaveLength(1)
  status = { authenticated: false, error: 'the pod is gone' }
  pass(1)
  expect((await review('a')).outcome).toBe('refused')
})

test('a pod that goes while its token is asked about is not believed for five minutes', async () => {
  const gate = Promise.withResolvers<void>()
  const client = { create: async <T>() => gate.promise.then(() => ({ status: GOOD }) as T) }
  let clock = 0
  const { review, podGone } = createTokenReview({
    ...{ client, audience: null, now: () => clock, wallClock: () => 0, isFollowed: () => true },
  })
  const asked = review('a')
  podGone('1234')
  gate.resolve()
  expect((await asked).outcome).toBe('user')
  clock = 10_000
  client.create = async <T>() => ({ status: { authenticated: false } }) as T
  expect((await review('a')).outcome).toBe('refused')
})

test('a token that is longer than any of Kubernetes is not sent on', async () => {
  const { review, asked } = reviewer(() => GOOD)
  expect((await review('a'.repeat(16 * 1024 + 1))).outcome).toBe('refused')
  expect(asked).toEqual([])
})

test('a flood of tokens that nobody has made does not make us ask about a good one again', async () => {
  let status: object = GOOD
  const { review, asked } = reviewer(() => status)
  await review('good')
  status = { authenticated: false }
  for (let count = 0; count < 10_001; count += 1) await review(`made-up-${count}`)
  const before = asked.length
  expect((await review('good')).outcome).toBe('user')
  expect(asked).toHaveLength(before)
})

test('a thousand sidecars at once ask through twenty connections', async () => {
  let open = 0
  let most = 0
  const client = {
    create: async <T>() => {
      open += 1
      most = Math.max(most, open)
      await new Promise((resolve) => setImmediate(resolve))
      open -= 1
      return { status: GOOD } as T
    },
  }
  const { review } = createTokenReview({
    ...{ client, audience: null, now: () => 0, wallClock: () => 0, isFollowed: () => true },
  })
  const answers = await Promise.all(Array.from({ length: 1000 }, (_, index) => review(`t${index}`)))
  expect(answers.every(({ outcome }) => outcome === 'user')).toBe(true)
  expect(most).toBe(20)
})

test.each([
  ['for us', GOOD, 'user'],
  ['for us among others', { ...GOOD, audiences: ['x', 'controller.azds.io'] }, 'user'],
  ['for the API server', { ...GOOD, audiences: ['https://kubernetes.default.svc'] }, 'refused'],
  ['of an API server that knows no audiences', { authenticated: true, user: USER }, 'refused'],
  ['that is not valid', { authenticated: false, user: USER }, 'refused'],
  ['of nobody', { authenticated: true, audiences: ['controller.azds.io'] }, 'refused'],
])('a token %s', (_, status: object, outcome) => {
  expect(reviewOf(status, 'controller.azds.io').outcome).toBe(outcome)
})

test.each([
  ['system:serviceaccount:alice:default', { namespace: 'alice', account: 'default' }],
  ['system:serviceaccount:alice', null],
  ['system:serviceaccount:a:b:c', null],
  ['system:node:n1', null],
  ['alice', null],
  ['', null],
])('user "%s" is account %p', (username, expected) => {
  const caller = callerOf({ ...USER, username })
  expect(caller).toEqual(expected && { ...expected, pod: 'orders-1' })
})

test.each([
  ['Bearer abc.def-_~+/=', 'abc.def-_~+/='],
  ['bearer  abc', 'abc'],
  ['Bearer', null],
  ['Bearer a b', null],
  ['Basic abc', null],
  [undefined, null],
])('the header %p holds the token %p', (header, token) => {
  expect(bearerTokenOf(header)).toBe(token)
})

test.each([
  [jwt({ exp: 5 }), 5000],
  [jwt({}), null],
  [jwt({ exp: 'soon' }), null],
  ['opaque', null],
  ['a.!!!.b', null],
  ['', null],
])('the end of token %#', (token, expected) => {
  expect(expiryOf(token)).toBe(expected)
})

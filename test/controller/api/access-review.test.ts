/** SubjectAccessReviews: what is asked, what is believed, and for how long. */
import { expect, test } from '@jest/globals'
import { createAccessReview } from '../../../controller/api/access-review.ts'

const LIST = {
  resource: {
    group: 'azds.io',
    version: 'v1',
    resource: 'traces',
    verb: 'list',
    namespace: 'alice',
  },
} as const

function reviewer(answer: () => object | Error) {
  let clock = 0
  const asked: object[] = []
  const errors: string[] = []
  const create = async <T>(_path: string, body: unknown) => {
    asked.push((body as { spec: object }).spec)
    const status = answer()
    if (status instanceof Error) throw status
    return { status } as T
  }
  const review = createAccessReview(
    { create },
    () => clock,
    ({ message }) => void errors.push(message),
  )
  return { review, asked, errors, pass: (ms: number) => (clock += ms) }
}

test('a right is asked for with all that is known of the user, and remembered for ten seconds', async () => {
  const { review, asked, pass } = reviewer(() => ({ allowed: true }))
  const user = { username: 'jane', uid: '1', groups: ['dev'], extra: { scopes: ['read'] } }
  expect(await review(user, LIST)).toEqual({ outcome: 'allowed' })
  expect(asked).toEqual([
    {
      user: 'jane',
      uid: '1',
      groups: ['dev'],
      extra: { scopes: ['read'] },
      resourceAttributes: LIST.resource,
    },
  ])
  pass(9999)
  await review(user, LIST)
  expect(asked).toHaveLength(1)
  pass(1)
  await review(user, LIST)
  expect(asked).toHaveLength(2)
})

test('another group, name or verb is another question', async () => {
  const { review, asked } = reviewer(() => ({ allowed: true }))
  await review({ username: 'jane' }, LIST)
  await review({ username: 'jane', groups: ['dev'] }, LIST)
  await review({ username: 'jane' }, { resource: { ...LIST.resource, name: 'a' } })
  await review({ username: 'jane' }, { path: '/metrics', verb: 'get' })
  expect(asked).toHaveLength(4)
  expect(asked[3]).toMatchObject({ nonResourceAttributes: { path: '/metrics', verb: 'get' } })
})

test.each([
  [
    { allowed: false, reason: 'no role' },
    { outcome: 'denied', reason: 'no role' },
  ],
  [{}, { outcome: 'denied', reason: '' }],
  [
    { allowed: true, denied: true },
    { outcome: 'denied', reason: '' },
  ],
])('the answer %j means %j', async (status, expected) => {
  expect(await reviewer(() => status).review({ username: 'jane' }, LIST)).toEqual(expected)
})

test('an API server that does not answer neither allows nor denies, and is asked again', async () => {
  let status: object = new Error('ECONNREFUSED')
  const { review, errors } = reviewer(() => status)
  expect(await review({ username: 'jane' }, LIST)).toEqual({ outcome: 'unknown' })
  expect(errors).toEqual(['ECONNREFUSED'])
  status = { allowed: true }
  expect(await review({ username: 'jane' }, LIST)).toEqual({ outcome: 'allowed' })
})

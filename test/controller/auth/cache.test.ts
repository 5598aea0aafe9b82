/** The cache of answers: bounded in what it keeps and in what it asks. */
import { expect, test } from '@jest/globals'
import { AnswerCache, TooManyQuestions } from '../../../controller/auth/cache.ts'

const cache = (limits: { max?: number; inFlight?: number; waiting?: number } = {}) =>
  new AnswerCache<number>({ max: 2, inFlight: 1, waiting: 1, now: () => 0, ...limits })

test('the oldest answers go first', async () => {
  const answers = cache()
  let asked = 0
  const ask = async () => {
    asked += 1
    return { value: asked, holdsMs: 1000 }
  }
  for (const key of ['a', 'b', 'c']) await answers.get(key, ask)
  expect(answers.size).toBe(2)
  expect(await answers.get('b', ask)).toBe(2)
  expect(await answers.get('a', ask)).toBe(4)
})

test('an answer that does not hold is not kept, nor an error', async () => {
  const answers = cache()
  await answers.get('a', async () => ({ value: 1, holdsMs: 0 }))
  await expect(answers.get('b', () => Promise.reject(new Error('away')))).rejects.toThrow('away')
  expect(answers.size).toBe(0)
  expect(await answers.get('b', async () => ({ value: 2, holdsMs: 1 }))).toBe(2)
})

test('who comes when too many wait is refused at once, and the others get their turn', async () => {
  const answers = cache()
  const gate = Promise.withResolvers<void>()
  const ask = async () => {
    await gate.promise
    return { value: 1, holdsMs: 1 }
  }
  const first = answers.get('a', ask)
  const second = answers.get('b', ask)
  await expect(answers.get('c', ask)).rejects.toThrow(TooManyQuestions)
  gate.resolve()
  expect(await Promise.all([first, second])).toEqual([1, 1])
})

test('who asks most gives its place to one who asks little', async () => {
  const answers = cache({ waiting: 2 })
  const gate = Promise.withResolvers<void>()
  const ask = async () => {
    await gate.promise
    return { value: 1, holdsMs: 1 }
  }
  const [running, dropped, kept] = ['a', 'b', 'c'].map((key) => answers.get(key, ask, 'many'))
  const modest = answers.get('d', ask, 'few')
  await expect(dropped).rejects.toThrow(TooManyQuestions)
  await expect(answers.get('e', ask, 'many')).rejects.toThrow(TooManyQuestions)
  gate.resolve()
  expect(await Promise.all([running, kept, modest])).toEqual([1, 1, 1])
})

test('answers that anybody can provoke push out one another, and no others', async () => {
  const answers = cache()
  await answers.get('good', async () => ({ value: 1, holdsMs: 1000 }))
  const cheap = async () => ({ value: 0, holdsMs: 1000, isCheap: true })
  for (const key of ['a', 'b', 'c', 'd']) await answers.get(key, cheap)
  expect(answers.size).toBe(3)
  expect(await answers.get('good', async () => ({ value: 2, holdsMs: 1000 }))).toBe(1)
  expect(await answers.get('d', async () => ({ value: 3, holdsMs: 1000 }))).toBe(0)
  expect(await answers.get('a', async () => ({ value: 3, holdsMs: 1000 }))).toBe(3)
})

test('what was cheap and is so no more is one answer, and is forgotten with the others', async () => {
  let clock = 0
  const answers = new AnswerCache<number>({ max: 2, inFlight: 1, waiting: 1, now: () => clock })
  await answers.get('a', async () => ({ value: 0, holdsMs: 10, isCheap: true }))
  clock = 10
  expect(await answers.get('a', async () => ({ value: 1, holdsMs: 10 }))).toBe(1)
  expect(answers.size).toBe(1)
  answers.forget((value) => value === 1)
  expect(answers.size).toBe(0)
})

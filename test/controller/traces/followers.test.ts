/** Live records: who gets which, and what happens to those who do not keep up. */
import { afterEach, expect, jest, test } from '@jest/globals'
import { Followers, MAX_WAITING_BYTES, PING_MS } from '../../../controller/traces/followers.ts'
import { sampleTrace } from '../../core/sample-records.ts'

jest.useFakeTimers()

class Page {
  readonly text: string[] = []
  waitingBytes = 0
  ended = false

  write(text: string): void {
    this.text.push(text)
  }

  end(): void {
    this.ended = true
  }

  get events(): (string | undefined)[] {
    return this.text.flatMap((text) => /^event: (\w+)/.exec(text)?.[1] ?? [])
  }
}

let followers: Followers
const setUp = () => {
  followers = new Followers()
  return { page: new Page(), trace: sampleTrace() }
}
afterEach(() => followers.close())

test('a follower gets the records that match, each as one event', () => {
  const { page, trace } = setUp()
  followers.add({ service: 'stock' }, page)
  followers.publish(trace)
  expect(page.text.slice(1)).toEqual(
    trace.slice(3).map((record) => `event: record\ndata: ${JSON.stringify(record)}\n\n`),
  )
})

test('a follower that does not keep up loses records and is told how many', () => {
  const { page, trace } = setUp()
  followers.add({}, page)
  page.waitingBytes = MAX_WAITING_BYTES + 1
  followers.publish(trace)
  expect(page.events).toEqual([])
  page.waitingBytes = 0
  followers.publish(trace.slice(0, 1))
  expect(page.events).toEqual(['missed', 'record'])
  expect(page.text[1]).toContain('data: {"records":5}')
})

test('a silent stream has a comment now and then, but not one that piles up', () => {
  const { page } = setUp()
  followers.add({}, page)
  jest.advanceTimersByTime(PING_MS)
  expect(page.text.at(-1)).toBe(': ping\n\n')
  page.waitingBytes = 1
  jest.advanceTimersByTime(PING_MS * 3)
  expect(page.text.filter((text) => text === ': ping\n\n')).toHaveLength(1)
})

test('who comes during the end is sent away at once', () => {
  const { page } = setUp()
  followers.close()
  followers.add({}, page)
  expect(page).toMatchObject({ ended: true, text: [] })
})

test('who has left gets nothing more', () => {
  const { page, trace } = setUp()
  const leave = followers.add({}, page)
  leave()
  followers.publish(trace)
  expect(page.events).toEqual([])
  expect(followers.size).toBe(0)
})

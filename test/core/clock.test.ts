import { expect, test } from '@jest/globals'
import { fineClock } from '../../core/clock.ts'

/** A machine whose true time the test sets; its steady clock began at another moment. */
function machine(start = 1_000_000) {
  const state = { time: start, steady: 5 }
  return {
    state,
    pass: (ms: number) => {
      state.time += ms
      state.steady += ms
    },
    clocks: { wall: () => Math.floor(state.time), steady: () => state.steady },
  }
}

test('it keeps within a millisecond of the time of day, with fractions', () => {
  const { state, pass, clocks } = machine(1_000_000.7)
  const now = fineClock(clocks)
  for (let i = 0; i < 5000; i += 1) {
    pass(0.37)
    expect(Math.abs(now() - state.time)).toBeLessThanOrEqual(1)
  }
  pass(0.25)
  const before = now()
  pass(0.25)
  expect(now() - before).toBeCloseTo(0.25, 3)
})

test('it follows a clock that was set forward, as after the machine has slept', () => {
  const { state, pass, clocks } = machine()
  const now = fineClock(clocks)
  state.time += 3_600_000
  pass(1)
  expect(Math.abs(now() - state.time)).toBeLessThanOrEqual(1)
})

test('it never goes back, and comes down to a clock that was corrected by a little', () => {
  const { state, pass, clocks } = machine()
  const now = fineClock(clocks)
  const before = now()
  state.time -= 20
  expect(now()).toBeGreaterThanOrEqual(before)
  pass(30)
  expect(Math.abs(now() - state.time)).toBeLessThanOrEqual(1)
})

test('it goes on at its own pace when the clock is set far back', () => {
  const { state, pass, clocks } = machine()
  const now = fineClock(clocks)
  const before = now()
  state.time -= 3_600_000
  pass(10)
  expect(now() - before).toBeCloseTo(10, 3)
})

import { spawn } from 'node:child_process'
import { expect, test } from '@jest/globals'
import { createGiveBack, IdleMemory } from '../../proxy/idle-memory.ts'
import { loadKoffi } from '../../proxy/koffi.ts'

const MIB = 1024 * 1024

/** A process of which the test says what it does. */
function someProcess() {
  const state = { cpuMs: 0, resident: 60 * MIB, kept: 50 * MIB, given: 0 }
  const idle = new IdleMemory({
    cpuMs: () => state.cpuMs,
    residentBytes: () => state.resident,
    giveBack: () => {
      state.given++
      state.cpuMs += 20
      state.resident = state.kept
    },
  })
  return { state, idle }
}

test('memory is given back at the first rest, and not while there is work', () => {
  const { state, idle } = someProcess()
  for (let i = 0; i < 5; i++) {
    state.cpuMs += 50
    idle.look()
  }
  expect(state.given).toBe(0)
  state.cpuMs += 0.5
  idle.look()
  expect(state.given).toBe(1)
})

test('a process that rests is left alone until it has grown and rests again', () => {
  const { state, idle } = someProcess()
  idle.look()
  for (let i = 0; i < 5; i++) idle.look()
  expect(state.given).toBe(1)
  state.resident += 3 * MIB
  idle.look()
  expect(state.given).toBe(1)
  state.resident += 2 * MIB
  state.cpuMs += 100
  idle.look()
  expect(state.given).toBe(1)
  idle.look()
  expect(state.given).toBe(2)
})

test('what is needed is not collected for again and again', () => {
  const { state, idle } = someProcess()
  state.kept = state.resident
  for (let i = 0; i < 10; i++) idle.look()
  expect(state.given).toBe(1)
})

test('without V8’s collector libc is asked alone, and without both nobody', () => {
  expect(createGiveBack(undefined, null)).toBeNull()
  const giveBack = createGiveBack(undefined, loadKoffi())
  expect(giveBack).not.toBeNull()
  giveBack?.()
})

test('a libc that cannot give back is not asked', () => {
  const musl = {
    load: () => {
      throw new Error('symbol not found')
    },
    errno: () => 0,
  }
  expect(createGiveBack(undefined, musl as never)).toBeNull()
})

/** Fills the heap with what lives for a while, tells, drops it, and rests. */
const BURST = `
import { ownMemory, watchIdleMemory, createGiveBack } from './proxy/idle-memory.ts'
let kept = []
for (let i = 0; i < 60; i++) kept.push(Array.from({ length: 10_000 }, (_, at) => ({ at, text: 'x' + at })))
const resident = () => Math.round(process.memoryUsage.rss() / ${MIB})
const before = resident()
kept = []
let given = 0
const giveBack = createGiveBack(globalThis.gc, null)
const watch = process.argv[1] !== 'without'
if (watch) watchIdleMemory(ownMemory(() => { giveBack(); given++ }), 500)
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const end = Date.now() + (watch ? 30_000 : 2000)
while (given === 0 && Date.now() < end) await sleep(100)
await sleep(1500)
console.log(JSON.stringify({ before, after: resident(), given }))
process.exit()
`

test('a real process gives back what a burst has left', async () => {
  const outcome = async (...args: string[]) => {
    const flags = ['--expose-gc', '--input-type=module', '--eval', BURST, ...args]
    const child = spawn(process.execPath, flags)
    let out = ''
    child.stdout.on('data', (data) => {
      out += data
    })
    await new Promise((resolve) => child.once('close', resolve))
    return JSON.parse(out) as { before: number; after: number; given: number }
  }
  const [watched, unwatched] = await Promise.all([outcome(), outcome('without')])
  expect(watched.given).toBeGreaterThan(0)
  expect(watched.given).toBeLessThan(3)
  expect(watched.after).toBeLessThan(watched.before - 30)
  expect(watched.after).toBeLessThan(unwatched.after - 30)
}, 60_000)

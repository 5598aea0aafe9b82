/**
 * Program of the tests: has one conversation over TCP and prints what it saw as JSON. Argument:
 * `{"host", "port", "steps"}`, as in `conversation-steps.ts`.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Conversation, Step } from './conversation-steps.ts'

/** Longest wait for one step, in ms: far more than any server of the tests takes. */
const STEP_TIMEOUT_MS = 8000

const { host, port, steps } = JSON.parse(process.argv[2] ?? '') as {
  host: string
  port: number
  steps: Step[]
}
const seen: Conversation = { received: '', ended: false, error: null, ms: 0 }
const start = performance.now()
const socket = connect({ host, port, allowHalfOpen: true })
socket.setNoDelay(true)
let closed = false
let wake = () => {}
socket.on('data', (data) => {
  seen.received += data.toString('latin1')
  wake()
})
socket.on('end', () => {
  seen.ended = true
  wake()
})
socket.on('error', (error: NodeJS.ErrnoException) => {
  seen.error = error.code ?? error.message
})
socket.on('close', () => {
  closed = true
  wake()
})

for (const step of steps) await take(step)
seen.ms = performance.now() - start
socket.destroy()
process.stdout.write(JSON.stringify(seen))

async function take(step: Step): Promise<void> {
  if ('send' in step) socket.write(Buffer.from(step.send, 'latin1'))
  else if ('pauseMs' in step) await new Promise((resolve) => setTimeout(resolve, step.pauseMs))
  else if ('hold' in step) socket.pause()
  else if ('floodMs' in step) await flood(step.floodMs)
  else if ('until' in step) await until(`"${step.until}"`, () => seen.received.includes(step.until))
  else if ('untilEnd' in step) await until('the end', () => seen.ended)
  else if ('finish' in step) socket.end()
  else socket.resetAndDestroy()
}

/** Waits for the condition, or for the end of the connection. */
async function until(what: string, reached: () => boolean): Promise<void> {
  const deadline = setTimeout(() => {
    process.stderr.write(`waited in vain for ${what}; so far: ${JSON.stringify(seen)}\n`)
    process.exit(1)
  }, STEP_TIMEOUT_MS)
  while (!closed && !reached()) {
    await new Promise<void>((resolve) => {
      wake = resolve
    })
  }
  clearTimeout(deadline)
}

async function flood(ms: number): Promise<void> {
  const zeros = Buffer.alloc(65_536)
  let over = false
  setTimeout(() => {
    over = true
    socket.emit('drain')
  }, ms)
  while (!over && !closed) {
    if (!socket.write(zeros)) await once(socket, 'drain')
  }
}

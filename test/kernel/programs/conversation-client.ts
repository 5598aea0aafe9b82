/**
 * Program of the tests: has conversations over TCP, all at the same time, and prints what it saw of each as
 * a list in JSON. Argument: a list of `{"host", "port", "steps"}`, as in `conversation-steps.ts`.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Conversation, Planned, Step } from './conversation-steps.ts'

/** Longest wait for one step, in ms: far more than any server of the tests takes. */
const STEP_TIMEOUT_MS = 15_000

const planned = JSON.parse(process.argv[2] ?? '') as Planned[]
process.stdout.write(JSON.stringify(await Promise.all(planned.map(converse))))

async function converse({ host, port, steps }: Planned): Promise<Conversation> {
  const seen: Conversation = { received: '', ended: false, error: null, ms: 0 }
  const start = performance.now()
  const socket = connect({ host, port, allowHalfOpen: true })
  const talk = { socket, seen, closed: false, wake: () => {} }
  socket.setNoDelay(true)
  socket.on('data', (data) => {
    seen.received += data.toString('latin1')
    talk.wake()
  })
  socket.on('end', () => {
    seen.ended = true
    talk.wake()
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    seen.error = error.code ?? error.message
  })
  socket.on('close', () => {
    talk.closed = true
    talk.wake()
  })
  for (const step of steps) await take(step, talk)
  seen.ms = performance.now() - start
  socket.destroy()
  return seen
}

interface Talk {
  socket: Socket
  seen: Conversation
  closed: boolean
  wake: () => void
}

async function take(step: Step, talk: Talk): Promise<void> {
  const { socket, seen } = talk
  if ('send' in step) socket.write(Buffer.from(step.send, 'latin1'))
  else if ('pauseMs' in step) await new Promise((resolve) => setTimeout(resolve, step.pauseMs))
  else if ('hold' in step) socket.pause()
  else if ('floodMs' in step) await flood(step.floodMs, talk)
  else if ('until' in step)
    await until(`"${step.until}"`, talk, () => seen.received.includes(step.until))
  else if ('untilEnd' in step) await until('the end', talk, () => seen.ended)
  else if ('finish' in step) socket.end()
  else socket.resetAndDestroy()
}

/** Waits for the condition, or for the end of the connection. */
async function until(what: string, talk: Talk, reached: () => boolean): Promise<void> {
  const { remotePort } = talk.socket
  const deadline = setTimeout(() => {
    const said = JSON.stringify(talk.seen)
    process.stderr.write(`port ${remotePort}: waited in vain for ${what}; so far: ${said}\n`)
    process.exit(1)
  }, STEP_TIMEOUT_MS)
  while (!talk.closed && !reached()) {
    await new Promise<void>((resolve) => {
      talk.wake = resolve
    })
  }
  clearTimeout(deadline)
}

async function flood(ms: number, talk: Talk): Promise<void> {
  const { socket } = talk
  const zeros = Buffer.alloc(65_536)
  let over = false
  setTimeout(() => {
    over = true
    socket.emit('drain')
  }, ms)
  while (!over && !talk.closed) {
    if (!socket.write(zeros)) await once(socket, 'drain')
  }
}

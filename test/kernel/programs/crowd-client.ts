/**
 * Program of the tests: many connections to one server. Arguments: host, port. Each line of standard input
 * is a task, each line of output its outcome, as JSON:
 *
 *   {"hold": 10000}                       opens so many, has one request answered on each, and keeps them
 *   {"ask": true}                         has one more request answered on each of them
 *   {"leave": true}                       closes them
 *   {"pass": 20000, "end": "fin"}         opens, asks and closes so many, some at once; ends "fin", "rst" or
 *                                         "server" (the request asks the server to close)
 *   {"passOpaque": 1000}                  the same with a line that is not HTTP, echoed, and FIN
 */
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

export interface CrowdOutcome {
  answered: number
  failed: number
  /** What went wrong first; null if nothing did. */
  problem: string | null
}

type Task =
  | { hold: number }
  | { ask: true }
  | { leave: true }
  | { pass: number; end: 'fin' | 'rst' | 'server' }
  | { passOpaque: number }

const [host = '', port = ''] = process.argv.slice(2)
/** Fewer than any listen backlog. */
const AT_ONCE = 64
const REQUEST = 'GET /crowd HTTP/1.1\r\nHost: crowd\r\n\r\n'
const LAST_REQUEST = 'GET /crowd HTTP/1.1\r\nHost: crowd\r\nConnection: close\r\n\r\n'
const LINE = '*crowd*\r\n'

const held: Socket[] = []

for await (const line of createInterface({ input: process.stdin })) {
  const outcome = await take(JSON.parse(line) as Task)
  process.stdout.write(`${JSON.stringify(outcome)}\n`)
}

async function take(task: Task): Promise<CrowdOutcome> {
  if ('hold' in task) {
    return many(task.hold, async () => {
      const socket = await open()
      await exchange(socket, REQUEST, 'crowd!')
      held.push(socket)
    })
  }
  if ('ask' in task) {
    return many(held.length, (index) => exchange(held[index] as Socket, REQUEST, 'crowd!'))
  }
  if ('leave' in task) {
    for (const socket of held.splice(0)) socket.destroy()
    return { answered: 0, failed: 0, problem: null }
  }
  if ('passOpaque' in task) {
    return many(task.passOpaque, async () => {
      const socket = await open()
      await exchange(socket, LINE, LINE)
      await closed(socket, () => socket.end())
    })
  }
  const { end } = task
  return many(task.pass, async () => {
    const socket = await open()
    await exchange(socket, end === 'server' ? LAST_REQUEST : REQUEST, 'crowd!')
    await closed(socket, () => {
      if (end === 'rst') socket.resetAndDestroy()
      if (end === 'fin') socket.end()
    })
  })
}

async function many(count: number, one: (index: number) => Promise<void>): Promise<CrowdOutcome> {
  const outcome: CrowdOutcome = { answered: 0, failed: 0, problem: null }
  let next = 0
  const inTurn = async () => {
    while (next < count) {
      const index = next++
      try {
        await one(index)
        outcome.answered++
      } catch (error) {
        outcome.failed++
        outcome.problem ??= String(error)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, inTurn))
  return outcome
}

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
  })
}

/** Resolves when the answer ends with `ending`. */
function exchange(socket: Socket, request: string, ending: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const over = (error: Error | null) => {
      socket.removeAllListeners('data').removeAllListeners('close')
      if (error) reject(error)
      else resolve()
    }
    if (socket.destroyed) {
      reject(new Error('the connection was closed while it was idle'))
      return
    }
    socket.on('data', (data) => {
      answer += data.toString('latin1')
      if (answer.endsWith(ending)) over(null)
    })
    socket.on('close', () => over(new Error(`closed after ${JSON.stringify(answer)}`)))
    socket.write(request)
  })
}

function closed(socket: Socket, close: () => void): Promise<void> {
  return new Promise((resolve) => {
    socket.removeAllListeners('error').on('error', () => {})
    socket.on('close', () => resolve()).resume()
    close()
  })
}

/**
 * Program of the benchmarks: starts a program again and again, and measures how long each takes until
 * `GET /ready` on the admin port is answered with 200. Prints milliseconds as a JSON array. Arguments:
 * how often, the admin port, the uid, then the command line; the environment is passed on.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { connect } from 'node:net'

const [times, adminPort, uid, ...argv] = process.argv.slice(2)
const REQUEST = 'GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
const DEADLINE_MS = 20_000
const PAUSE_MS = 1

const starts: number[] = []
for (let count = 0; count < Number(times); count++) {
  const started = performance.now()
  const child = spawn(argv[0] as string, argv.slice(1), {
    uid: Number(uid),
    gid: Number(uid),
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  while (!(await isReady())) {
    if (performance.now() - started > DEADLINE_MS || child.exitCode !== null) {
      throw new Error('the program does not become ready')
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
  starts.push(performance.now() - started)
  await end(child)
}
process.stdout.write(`${JSON.stringify(starts)}\n`)

function isReady(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: Number(adminPort) }, () =>
      socket.write(REQUEST),
    )
    socket.setEncoding('latin1')
    socket.once('data', (text) => {
      resolve(String(text).startsWith('HTTP/1.1 200 '))
      socket.destroy()
    })
    socket.on('error', () => resolve(false))
    socket.on('close', () => resolve(false))
  })
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}

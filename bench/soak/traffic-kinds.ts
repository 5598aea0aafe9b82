/** The kinds of traffic of a soak: what each client does again and again, and how it knows that all is well. */
import { Agent, request } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { WebSocket } from 'ws'
import { GRPC_KINDS } from './grpc-kinds.ts'
import { type Client, type Kind, type Target, turn } from './kind.ts'

const LARGE_BYTES = 256 * 1024
const UPLOAD = Buffer.alloc(1024 * 1024, 'upload ')

export const KINDS: readonly Kind[] = [
  { name: 'kept', atOnce: 8, pauseMs: 20, isKept: true, start: kept },
  // Half of all new connections, of which there are 100,000 and more in ten minutes.
  {
    name: 'new',
    atOnce: 8,
    pauseMs: 30,
    start: (target) => ({ once: () => get(target, '/new', undefined) }),
  },
  { name: 'idle', atOnce: 200, pauseMs: 15_000, isKept: true, start: kept },
  {
    name: 'slow reader',
    atOnce: 4,
    pauseMs: 100,
    start: (target) => ({ once: () => readSlowly(target) }),
  },
  {
    name: 'aborted answer',
    atOnce: 4,
    pauseMs: 100,
    start: (target) => ({ once: () => abort(target) }),
  },
  { name: 'upload', atOnce: 2, pauseMs: 200, start: (target) => ({ once: () => upload(target) }) },
  {
    name: 'aborted upload',
    atOnce: 2,
    pauseMs: 200,
    start: (target) => ({ once: () => abortUpload(target) }),
  },
  {
    name: 'websocket',
    atOnce: 3,
    pauseMs: 100,
    start: (target) => ({ once: () => webSocket(target) }),
  },
  { name: 'tcp', atOnce: 4, pauseMs: 50, start: (target) => ({ once: () => echo(target) }) },
  {
    name: 'tcp reset',
    atOnce: 2,
    pauseMs: 100,
    start: (target) => ({ once: () => reset(target) }),
  },
  {
    name: 'server first',
    atOnce: 3,
    pauseMs: 50,
    start: (target) => ({ once: () => greeting(target) }),
  },
  { name: 'h2c', atOnce: 3, pauseMs: 100, start: (target) => ({ once: () => http2(target) }) },
  ...GRPC_KINDS,
]

function kept(target: Target): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return { once: () => get(target, '/kept', agent), close: () => agent.destroy() }
}

function get({ host, http: port }: Target, path: string, agent: Agent | undefined): Promise<void> {
  return turn(`GET ${path}`, (resolve, reject) => {
    const asked = request({ host, port, path, agent: agent ?? false }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (data) => {
        text += data
      })
      answer.on('error', reject)
      answer.on('end', () => {
        if (text === `GET ${path} 0`) resolve()
        else
          reject(new Error(`GET ${path} was answered ${answer.statusCode} ${text.slice(0, 300)}`))
      })
    })
    asked.on('error', reject)
    asked.end()
  })
}

function readSlowly({ host, http: port }: Target): Promise<void> {
  return turn('a slow reader', (resolve, reject) => {
    const asked = request({ host, port, path: '/large', agent: false }, (answer) => {
      let bytes = 0
      answer.on('error', reject)
      answer.on('data', (data) => {
        bytes += data.length
        answer.pause()
        setTimeout(() => answer.resume(), 20)
      })
      answer.on('end', () => {
        if (bytes === LARGE_BYTES) resolve()
        else reject(new Error(`${bytes} bytes instead of ${LARGE_BYTES}`))
      })
    })
    asked.on('error', reject)
    asked.end()
  })
}

function abort({ host, http: port }: Target): Promise<void> {
  return turn('an aborted answer', (resolve, reject) => {
    const asked = request({ host, port, path: '/large', agent: false }, (answer) => {
      answer.once('data', () => asked.destroy())
      answer.on('error', () => {})
      answer.on('close', () => resolve())
    })
    asked.on('error', reject)
    asked.end()
  })
}

function upload({ host, http: port }: Target): Promise<void> {
  return turn('an upload', (resolve, reject) => {
    const asked = request({ host, port, path: '/up', method: 'POST', agent: false }, (answer) => {
      let text = ''
      answer.on('error', reject)
      answer.on('data', (data) => {
        text += data
      })
      answer.on('end', () => {
        if (text === `POST /up ${UPLOAD.length}`) resolve()
        else reject(new Error(`an upload was answered ${answer.statusCode} ${text.slice(0, 300)}`))
      })
    })
    asked.on('error', reject)
    asked.end(UPLOAD)
  })
}

function abortUpload({ host, http: port }: Target): Promise<void> {
  return turn('an aborted upload', (resolve) => {
    const headers = { 'content-length': 2 ** 30 }
    const asked = request({ host, port, path: '/up', method: 'PUT', agent: false, headers })
    asked.on('error', () => {})
    asked.on('close', () => resolve())
    asked.write(UPLOAD)
    setTimeout(() => asked.destroy(), 50)
  })
}

function webSocket({ host, http: port }: Target): Promise<void> {
  return turn('a WebSocket', (resolve, reject) => {
    const socket = new WebSocket(`ws://${host}:${port}/ws`)
    let count = 0
    socket.on('open', () => socket.send('message 0'))
    socket.on('message', (data) => {
      if (data.toString() !== `message ${count}`) reject(new Error(`a WebSocket echoed ${data}`))
      count++
      if (count < 10) socket.send(`message ${count}`)
      else if (Math.random() < 0.5) socket.close()
      else socket.terminate()
    })
    socket.on('error', reject)
    socket.on('close', () => {
      if (count === 10) resolve()
      else reject(new Error(`a WebSocket was closed after ${count} messages`))
    })
  })
}

function dial(host: string, port: number): Socket {
  return connect({ host, port, allowHalfOpen: true, noDelay: true })
}

/** Sends, ends, and reads to the end: all must come back. */
function echo({ host, echo: port }: Target): Promise<void> {
  return turn('an echo', (resolve, reject) => {
    const sent = Buffer.alloc(65_536, '\0echo')
    let received = 0
    const socket = dial(host, port)
    socket.on('data', (data) => {
      received += data.length
    })
    socket.on('error', reject)
    socket.on('end', () => {
      if (received === sent.length) resolve()
      else reject(new Error(`an echo of ${received} bytes instead of ${sent.length}`))
    })
    socket.end(sent)
  })
}

function reset({ host, echo: port }: Target): Promise<void> {
  return turn('a reset', (resolve, reject) => {
    const socket = dial(host, port)
    socket.once('data', () => socket.resetAndDestroy())
    socket.on('error', reject)
    socket.on('close', () => resolve())
    // No letter: it cannot become a request line, so nothing waits for more.
    socket.write('\0reset')
  })
}

function greeting({ host, greeting: port }: Target): Promise<void> {
  return turn('a greeting', (resolve, reject) => {
    let text = ''
    const socket = dial(host, port)
    socket.on('data', (data) => {
      if (text === '') socket.write('QUIT\r\n')
      text += data
    })
    socket.on('error', reject)
    socket.on('end', () => {
      socket.end()
      if (text === '220 ready\r\n221 bye\r\n') resolve()
      else reject(new Error(`a server that speaks first said ${JSON.stringify(text)}`))
    })
  })
}

const STREAMS = 10

function http2({ host, http2: port }: Target): Promise<void> {
  return turn('an HTTP/2 connection', (resolve, reject) => {
    const session = connectHttp2(`http://${host}:${port}`)
    let left = STREAMS
    session.on('error', reject)
    session.on('close', () => {
      if (left === 0) resolve()
      else reject(new Error(`an HTTP/2 connection was closed with ${left} streams open`))
    })
    for (let count = 0; count < STREAMS; count++) {
      const stream = session.request({ ':path': `/${count}` })
      let text = ''
      stream.setEncoding('utf8')
      stream.on('data', (data) => {
        text += data
      })
      stream.on('error', reject)
      stream.on('end', () => {
        if (text !== `h2 /${count}`)
          reject(new Error(`a stream of HTTP/2 said ${text.slice(0, 300)}`))
        left--
        if (left === 0) finish()
      })
    }
    const finish = () => {
      if (Math.random() < 0.5) session.close()
      else session.destroy()
    }
  })
}

/** gRPC in a soak: calls of every kind, by `@grpc/grpc-js` to the service of the kernel tests. */
import { randomInt } from 'node:crypto'
import {
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
  makeClientConstructor,
  type ServiceError,
  status,
} from '@grpc/grpc-js'
import { TALK, type Text } from '../../test/kernel/programs/grpc-service.ts'
import { type Client, type Kind, type Target, turn } from './kind.ts'

const Talk = makeClientConstructor(TALK, 'test.Talk')

/** Messages of a stream, and how long a call waits that is to run into its deadline, ms. */
const MESSAGES = 20
const DEADLINE_MS = 100

/** Longer than the other calls of its connection, ms. */
const LEFT_MS = 500

export const GRPC_KINDS: readonly Kind[] = [
  { name: 'grpc', atOnce: 3, pauseMs: 50, isKept: true, start: keptChannel },
  { name: 'grpc new', atOnce: 2, pauseMs: 100, start: newChannels },
]

/** A connection of its own for each channel; otherwise all channels to one address share one. */
const OWN_CONNECTION = { 'grpc.use_local_subchannel_pool': 1 }

function open({ host, grpc }: Target) {
  return new Talk(`${host}:${grpc}`, credentials.createInsecure(), OWN_CONNECTION)
}

// The methods of a client come from the definition at run time.
// biome-ignore lint/suspicious/noExplicitAny: the constructor knows no types of a hand-written service
type Methods = any

/** All calls at once over one connection, which is kept. */
function keptChannel(target: Target): Client {
  const client = open(target)
  return { once: () => everyKind(client), close: () => client.close() }
}

/** All calls over a connection that is closed then, sometimes with one of them under way for a while. */
function newChannels(target: Target): Client {
  const once = async () => {
    const client = open(target)
    try {
      if (randomInt(2) === 0) leaveBehind(client)
      await everyKind(client)
    } finally {
      client.close()
    }
  }
  return { once }
}

async function everyKind(talk: Methods): Promise<void> {
  await Promise.all([
    unary(talk),
    clientStream(talk),
    serverStream(talk),
    bothStream(talk),
    deadline(talk),
    cancelled(talk),
  ])
}

function unary(talk: Methods): Promise<void> {
  const text = `${randomInt(1_000_000)}`
  return turn('a unary call', (resolve, reject) => {
    talk.echo({ text }, (error: ServiceError | null, answer: Text) =>
      settle({ error, got: answer?.text, wanted: `soaked 1 ${text}` }, { resolve, reject }),
    )
  })
}

function clientStream(talk: Methods): Promise<void> {
  const texts = Array.from({ length: MESSAGES }, (_, i) => `${i}`)
  return turn("a client's stream", (resolve, reject) => {
    const call = talk.join((error: ServiceError | null, answer: Text) =>
      settle({ error, got: answer?.text, wanted: texts.join(' ') }, { resolve, reject }),
    )
    for (const text of texts) call.write({ text })
    call.end()
  })
}

function serverStream(talk: Methods): Promise<void> {
  return turn("a server's stream", (resolve, reject) => {
    const call: ClientReadableStream<Text> = talk.count({ text: `${MESSAGES} 0` })
    let count = 0
    call.on('data', ({ text }: Text) => {
      if (text === `${count}`) count++
    })
    call.on('error', reject)
    call.on('status', () =>
      settle({ error: null, got: `${count}`, wanted: `${MESSAGES}` }, { resolve, reject }),
    )
  })
}

/** Each message is sent when the answer to the one before has come. */
function bothStream(talk: Methods): Promise<void> {
  return turn('a stream both ways', (resolve, reject) => {
    const call: ClientDuplexStream<Text, Text> = talk.chat()
    let count = 0
    call.on('data', ({ text }: Text) => {
      if (text === `soaked ${count}`) count++
      if (count < MESSAGES) call.write({ text: `${count}` })
      else call.end()
    })
    call.on('error', reject)
    call.on('status', () =>
      settle({ error: null, got: `${count}`, wanted: `${MESSAGES}` }, { resolve, reject }),
    )
    call.write({ text: '0' })
  })
}

function deadline(talk: Methods): Promise<void> {
  const options = { deadline: Date.now() + DEADLINE_MS }
  return ending(talk.wait({ text: 'late' }, new Metadata(), options), status.DEADLINE_EXCEEDED)
}

/** A call that outlives its channel. */
function leaveBehind(talk: Methods): void {
  const options = { deadline: Date.now() + LEFT_MS }
  talk.wait({ text: 'left' }, new Metadata(), options).on('error', () => {})
}

/** Taken back once its answer has begun. */
function cancelled(talk: Methods): Promise<void> {
  const call: ClientReadableStream<Text> = talk.wait({ text: 'taken back' })
  call.on('metadata', () => call.cancel())
  return ending(call, status.CANCELLED)
}

function ending(call: ClientReadableStream<Text>, wanted: status): Promise<void> {
  const what = `a call that ends with ${status[wanted]}`
  return turn(what, (resolve, reject) => {
    call.on('data', () => reject(new Error(`${what} got a message`)))
    call.on('error', () => {})
    call.on('status', ({ code, details }) => {
      if (code === wanted) resolve()
      else reject(new Error(`${what} ended with ${status[code]}: ${details}`))
    })
  })
}

interface Outcome {
  error: ServiceError | null
  got: string | undefined
  wanted: string
}

function settle(
  { error, got, wanted }: Outcome,
  { resolve, reject }: { resolve: (value: undefined) => void; reject: (error: Error) => void },
): void {
  if (error) reject(error)
  else if (got === wanted) resolve(undefined)
  else reject(new Error(`got ${got} instead of ${wanted}`))
}

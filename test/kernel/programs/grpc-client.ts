/**
 * Program of the tests: calls the service of `grpc-service.ts` in every way over one channel and
 * prints what it saw as one JSON object. Argument: the target, `host:port`; then a scenario's name
 * for one that prints as it goes, or none for all the others.
 */
import { createHash } from 'node:crypto'
import { subscribe } from 'node:diagnostics_channel'
import {
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
  makeClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js'
import { DEADLINE_MS, EVERY_BYTE, TALK, type Text } from './grpc-service.ts'

const [target = '', only] = process.argv.slice(2)
/** Connections made so far. */
let connections = 0
subscribe('net.client.socket', () => {
  connections++
})

const Talk = makeClientConstructor(TALK, 'test.Talk')
const client = new Talk(target, credentials.createInsecure(), {
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
})
// Methods come from the definition at run time.
// biome-ignore lint/suspicious/noExplicitAny: the constructor knows no types of a hand-written service
const talk = client as any

/** How a call ended. */
interface End {
  code: number
  details: string
}

function endOf(error: ServiceError | null): End {
  return { code: error?.code ?? 0, details: error?.details ?? '' }
}

/** All messages of a stream of the server, and its end. */
function collect(call: ClientReadableStream<Text>): Promise<{ texts: string[]; end: End }> {
  const texts: string[] = []
  return new Promise((resolve) => {
    call.on('data', ({ text }: Text) => texts.push(text))
    call.on('error', (error: ServiceError) => resolve({ texts, end: endOf(error) }))
    call.on('end', () => setImmediate(() => resolve({ texts, end: endOf(null) })))
  })
}

function echo(text: string, metadata = new Metadata()): Promise<string> {
  return new Promise((resolve, reject) => {
    talk.echo({ text }, metadata, (error: ServiceError | null, answer: Text) => {
      if (error) reject(error)
      else resolve(answer.text)
    })
  })
}

async function unary() {
  const sent = new Metadata()
  sent.set('x-data-bin', EVERY_BYTE)
  const isWhole = (metadata: Metadata) =>
    metadata.get('x-data-bin').some((value) => EVERY_BYTE.equals(value as Buffer))
  return new Promise((resolve) => {
    const seen = { text: '', first: false, last: false }
    const call = talk.echo({ text: 'grüße' }, sent, (_error: unknown, answer: Text) => {
      seen.text = answer?.text
    })
    call.on('metadata', (metadata: Metadata) => {
      seen.first = isWhole(metadata)
    })
    call.on('status', ({ metadata }: { metadata: Metadata }) => {
      seen.last = isWhole(metadata)
      setImmediate(() => resolve(seen))
    })
  })
}

async function clientStream() {
  return new Promise((resolve) => {
    const call = talk.join((error: ServiceError | null, answer: Text) =>
      resolve({ ...endOf(error), words: answer?.text.split(' ').length }),
    )
    for (let i = 0; i < 100; i++) call.write({ text: `${i}` })
    call.end()
  })
}

async function serverStream() {
  const { texts, end } = await collect(talk.count({ text: '100 0' }))
  return { inOrder: texts.every((text, i) => text === `${i}`), count: texts.length, end }
}

/** Each message is sent when the answer to the last has come. */
async function chat() {
  const call: ClientDuplexStream<Text, Text> = talk.chat()
  const texts: string[] = []
  call.write({ text: '0' })
  call.on('data', ({ text }: Text) => {
    texts.push(text)
    if (texts.length < 50) call.write({ text: `${texts.length}` })
    else call.end()
  })
  return new Promise((resolve) => {
    call.on('error', (error: ServiceError) => resolve(endOf(error)))
    call.on('end', () => resolve({ count: texts.length, last: texts.at(-1) }))
  })
}

async function deadline() {
  const start = Date.now()
  const options = { deadline: start + DEADLINE_MS }
  const { end } = await collect(talk.wait({ text: 'deadline' }, new Metadata(), options))
  return { code: end.code, soon: Date.now() - start < DEADLINE_MS + 10_000 }
}

async function cancellation() {
  const call = talk.wait({ text: 'cancellation' })
  call.on('metadata', () => call.cancel())
  return (await collect(call)).end.code
}

async function trailersOnly() {
  return new Promise((resolve) => {
    talk.fail({ text: '' }, (error: ServiceError) =>
      resolve({ ...endOf(error), reason: error.metadata.get('x-reason') }),
    )
  })
}

const lateFailure = () => collect(talk.failLate({ text: '' }))

async function big() {
  const sent = Buffer.alloc(5_000_000, 'a quick brown fox')
  return new Promise((resolve) => {
    talk.big(sent, (error: ServiceError | null, answer: Buffer) =>
      resolve({ ...endOf(error), same: sent.equals(answer ?? Buffer.alloc(0)) }),
    )
  })
}

/** 16 MB there and back, while the reader stops for a time: the windows fill up and go on. */
async function pour() {
  const call: ClientDuplexStream<Buffer, Buffer> = talk.pour()
  const [sent, heard] = [createHash('sha1'), createHash('sha1')]
  let bytes = 0
  call.on('data', (part: Buffer) => {
    heard.update(part)
    bytes += part.length
    if (bytes !== 10 * 65_536) return
    call.pause()
    setTimeout(() => call.resume(), 300)
  })
  const ended = new Promise<End>((resolve) => {
    call.on('error', (error: ServiceError) => resolve(endOf(error)))
    call.on('end', () => resolve(endOf(null)))
  })
  for (let i = 0; i < 256; i++) {
    const part = Buffer.alloc(65_536, i)
    sent.update(part)
    if (!call.write(part)) await new Promise((resolve) => call.once('drain', resolve))
  }
  call.end()
  return { code: (await ended).code, bytes, same: sent.digest('hex') === heard.digest('hex') }
}

async function manyAtOnce() {
  const texts = Array.from({ length: 500 }, (_, i) => `${i}`)
  const answers = await Promise.all(texts.map((text) => echo(text)))
  return answers.filter((answer, i) => answer.endsWith(` ${i}`)).length
}

/** Calls of two spaces take turns; whoever looks at `connections` sees if they had one each. */
async function twoSpaces() {
  const alice = new Metadata()
  alice.set('azds-route-as', 'alice')
  const names: string[] = []
  for (let i = 0; i < 4; i++) {
    const [name = ''] = (await echo('who', i % 2 === 0 ? new Metadata() : alice)).split(' ')
    names.push(name)
  }
  return { names, connections }
}

/** The server lets its connections go in the middle of a stream. */
async function goaway() {
  const call = talk.count({ text: '20 30' })
  const stream = collect(call)
  await new Promise((resolve) => call.once('data', resolve))
  await new Promise((resolve) => talk.renew({ text: '' }, resolve))
  const { texts, end } = await stream
  const options = new Metadata({ waitForReady: true })
  return { count: texts.length, code: end.code, next: await echo('again', options) }
}

/** Prints the first message as it comes, and the whole at the end. */
async function slowly() {
  const call = talk.count({ text: '20 100' })
  call.once('data', () => process.stdout.write('begun\n'))
  const { texts, end } = await collect(call)
  return { count: texts.length, code: end.code }
}

/** Takes its time beside the others, from when the connection is there. */
let late: Promise<unknown> | null = null

const SCENARIOS: Record<string, () => Promise<unknown>> = {
  unary: async () => {
    const seen = await unary()
    late = deadline()
    return seen
  },
  clientStream,
  serverStream,
  chat,
  cancellation,
  trailersOnly,
  lateFailure,
  big,
  pour,
  manyAtOnce,
  twoSpaces,
  deadline: async () => late,
  goaway,
}

if (only === 'slowly') process.stdout.write(`${JSON.stringify(await slowly())}\n`)
else {
  const report: Record<string, unknown> = {}
  for (const [name, run] of Object.entries(SCENARIOS)) {
    report[name] = await run().catch((error: Error) => `threw ${error.message}`)
  }
  process.stdout.write(`${JSON.stringify(report)}\n`)
}
client.close()

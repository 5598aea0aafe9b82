/** Program of the tests: the gRPC service of `grpc-service.ts`. Arguments: a name, the port. */
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { DEADLINE_MS, TALK, type Text } from './grpc-service.ts'

const [name = '', port] = process.argv.slice(2)
let generation = 1
let server = start()

const handlers: UntypedServiceImplementation = {
  echo: (call: ServerUnaryCall<Text, Text>, answer: sendUnaryData<Text>) => {
    const metadata = new Metadata()
    const [data] = call.metadata.get('x-data-bin')
    if (data !== undefined) metadata.set('x-data-bin', data)
    call.sendMetadata(metadata)
    answer(null, { text: `${name} ${generation} ${call.request.text}` }, metadata)
  },
  join: (call: ServerReadableStream<Text, Text>, answer: sendUnaryData<Text>) => {
    const texts: string[] = []
    call.on('data', ({ text }: Text) => texts.push(text))
    call.on('end', () => answer(null, { text: texts.join(' ') }))
  },
  count: async (call: ServerWritableStream<Text, Text>) => {
    const [count = 0, pause = 0] = call.request.text.split(' ').map(Number)
    for (let i = 0; i < count; i++) {
      call.write({ text: `${i}` })
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause))
    }
    call.end()
  },
  chat: (call: ServerDuplexStream<Text, Text>) => {
    call.on('data', ({ text }: Text) => call.write({ text: `${name} ${text}` }))
    call.on('end', () => call.end())
  },
  wait: (call: ServerWritableStream<Text, Text>) => {
    call.sendMetadata(new Metadata())
    const deadline = call.getDeadline()
    const left = typeof deadline === 'number' ? deadline - Date.now() : Number.POSITIVE_INFINITY
    const limited = left <= DEADLINE_MS ? 'limited' : 'unlimited'
    call.on('cancelled', () => process.stdout.write(`${call.request.text}: ${limited} cancelled\n`))
    call.on('error', () => {})
  },
  fail: (_call: ServerUnaryCall<Text, Text>, answer: sendUnaryData<Text>) => {
    const metadata = new Metadata()
    metadata.set('x-reason', 'gone')
    answer({ code: status.NOT_FOUND, details: 'nicht da: grün', metadata })
  },
  failLate: (call: ServerWritableStream<Text, Text>) => {
    for (let i = 0; i < 3; i++) call.write({ text: `${i}` })
    call.emit('error', { code: status.RESOURCE_EXHAUSTED, details: 'no more' })
  },
  big: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
    answer(null, call.request)
  },
  pour: (call: ServerDuplexStream<Buffer, Buffer>) => {
    call.on('data', (bytes: Buffer) => {
      if (!call.write(bytes)) {
        call.pause()
        call.once('drain', () => call.resume())
      }
    })
    call.on('end', () => call.end())
  },
  renew: async (_call: ServerUnaryCall<Text, Text>, answer: sendUnaryData<Text>) => {
    const old = server
    answer(null, { text: 'renewed' })
    generation++
    // Ends when the calls under way have; the port is free at once.
    old.tryShutdown(() => process.stdout.write('shut down\n'))
    server = start()
  },
}

function start(): Server {
  const started = new Server({ 'grpc.max_receive_message_length': 64 * 1024 * 1024 })
  // The handlers stand below; the listener calls them no earlier than in the next turn.
  setImmediate(() => {
    started.addService(TALK, handlers)
    started.bindAsync(`0.0.0.0:${port}`, ServerCredentials.createInsecure(), (error) => {
      if (error) throw error
    })
  })
  return started
}

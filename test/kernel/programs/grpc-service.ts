/** The gRPC service of the tests, written by hand: messages are bytes, mostly JSON. */
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'

/** Binary metadata: every byte once, which must survive base64 on the way. */
export const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

/**
 * Of the call that ends by its deadline, ms: a machine that stands still lets nothing arrive meanwhile, and the
 * server is to see the call before it is over.
 */
export const DEADLINE_MS = 2000

export interface Text {
  text: string
}

const json = {
  serialize: (value: Text): Buffer => Buffer.from(JSON.stringify(value)),
  deserialize: (bytes: Buffer): Text => JSON.parse(bytes.toString()),
}
const raw = {
  serialize: (bytes: Buffer): Buffer => bytes,
  deserialize: (bytes: Buffer): Buffer => bytes,
}

function method<T>(
  name: string,
  requestStream: boolean,
  responseStream: boolean,
  { serialize, deserialize }: { serialize: (value: T) => Buffer; deserialize: (b: Buffer) => T },
): MethodDefinition<T, T> {
  return {
    path: `/test.Talk/${name}`,
    requestStream,
    responseStream,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  }
}

export const TALK = {
  /** Answers with its name and the text; metadata `x-data-bin` comes back before and after. */
  echo: method('Echo', false, false, json),
  /** The texts of all messages, joined. */
  join: method('Join', true, false, json),
  /** As many messages as the text says: `<count> <milliseconds between two>`. */
  count: method('Count', false, true, json),
  /** Each message at once, with its name. */
  chat: method('Chat', true, true, json),
  /** Sends its metadata and then nothing; prints how the call ends, with the text. */
  wait: method('Wait', false, true, json),
  /** Fails at once: NOT_FOUND, details and metadata. */
  fail: method('Fail', false, false, json),
  /** Three messages, then RESOURCE_EXHAUSTED. */
  failLate: method('FailLate', false, true, json),
  /** The same bytes. */
  big: method('Big', false, false, raw),
  /** As many bytes as the text says, 64 KiB a message. */
  pour: method('Pour', true, true, raw),
  /** Lets all connections go with GOAWAY and serves on a new listener. */
  renew: method('Renew', false, false, json),
} satisfies ServiceDefinition

/** How the sidecar reads a sequence of bytes: every message, and where each ends. */
import { bodyOf, INTO_REQUEST, INTO_RESPONSE } from '../../../proxy/http1/body.ts'
import {
  interimProblem,
  requestFraming,
  responseFraming,
  UNTIL_CLOSE,
} from '../../../proxy/http1/framing.ts'
import { ParsedRequestHead, ParsedResponseHead } from '../../../proxy/http1/head.ts'
import { HeadReader } from '../../../proxy/http1/head-reader.ts'
import type { Meaning } from './node-http-parser.ts'

export interface OwnMessage extends Meaning {
  /** Where in the bytes the message begins and ends. */
  from: number
  to: number
  /** It ends where the connection ends. */
  untilClose: boolean
  upgrade: boolean
}

/** The requests of a connection, up to the first that is refused, unfinished, or the last by its own word. */
export function readRequests(bytes: Buffer): OwnMessage[] {
  return readAll(bytes, readRequest)
}

/** The answers on a connection, all to requests of one method. */
export function readResponses(bytes: Buffer, method: string): OwnMessage[] {
  return readAll(bytes, (rest, from) => readResponse(rest, from, method))
}

type ReadOne = (bytes: Buffer, from: number) => OwnMessage | null

function readAll(bytes: Buffer, readOne: ReadOne): OwnMessage[] {
  const messages: OwnMessage[] = []
  let from = 0
  while (from < bytes.length) {
    const message = readOne(bytes, from)
    if (message === null) break
    messages.push(message)
    from = message.to
    if (!message.keepAlive || message.upgrade || message.untilClose) break
  }
  return messages
}

function readRequest(bytes: Buffer, from: number): OwnMessage | null {
  const reader = new HeadReader('request')
  if (reader.read(bytes, from) !== 'done') return null
  const head = new ParsedRequestHead(reader.buffer, reader.base, reader.scanner)
  const framing = requestFraming(head)
  if (framing.kind === 'bad') return null
  const body = readBody(bytes, reader.next, framing.length)
  if (body === null) return null
  const { method, target, version } = head
  return {
    start: [method, target],
    version,
    headers: head.headers().flat(),
    keepAlive: framing.keepAlive,
    upgrade: framing.upgrade || method === 'CONNECT',
    from,
    ...body,
  }
}

function readResponse(bytes: Buffer, from: number, method: string): OwnMessage | null {
  const reader = new HeadReader('response')
  if (reader.read(bytes, from) !== 'done') return null
  const head = new ParsedResponseHead(reader.buffer, reader.base, reader.scanner)
  const framing = responseFraming(head, method)
  if (framing.kind === 'bad') return null
  const interim = head.status < 200 && head.status !== 101
  if (interim && interimProblem(head) !== null) return null
  const body = readBody(bytes, reader.next, framing.length)
  if (body === null) return null
  const line = bytes.toString('latin1', head.from, bytes.indexOf('\r\n', head.from))
  return {
    start: [String(head.status), line.slice('HTTP/1.1 200 '.length)],
    version: head.version,
    headers: head.headers().flat(),
    keepAlive: framing.keepAlive,
    upgrade: head.status === 101,
    from,
    ...body,
  }
}

function readBody(bytes: Buffer, from: number, length: number) {
  let content = ''
  const take = (data: Buffer) => {
    content += data.toString('latin1')
  }
  const recorder = {
    requestBody: take,
    responseHead: () => {},
    responseBody: take,
    tunnel: () => {},
    done: () => {},
  }
  const untilClose = length === UNTIL_CLOSE
  const body = bodyOf(length, recorder, untilClose ? INTO_RESPONSE : INTO_REQUEST)
  const to = body.follow(bytes, from)
  if (body.problem !== null || (!body.done && !untilClose)) return null
  return { body: content, to, untilClose }
}

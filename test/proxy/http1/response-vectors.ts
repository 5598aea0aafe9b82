/** Heads of HTTP/1 responses and what is to become of them. */
import { CHUNKED, UNTIL_CLOSE } from '../../../proxy/http1/framing.ts'

interface GoodResponse {
  name: string
  text: string
  method?: string
  expected: object
}

export const GOOD_RESPONSES: GoodResponse[] = [
  {
    name: 'with a length',
    text: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
    expected: { status: 200, version: '1.1', framing: { length: 5, keepAlive: true } },
  },
  {
    name: 'without a reason',
    text: 'HTTP/1.1 204\r\n\r\n',
    expected: { status: 204, framing: { length: 0 } },
  },
  {
    name: 'with an empty reason',
    text: 'HTTP/1.1 599 \r\nContent-Length: 0\r\n\r\n',
    expected: { status: 599, framing: { length: 0 } },
  },
  {
    name: 'with a reason of any bytes',
    text: 'HTTP/1.1 404 N\xf6 \t!\r\nContent-Length: 0\r\n\r\n',
    expected: { status: 404 },
  },
  {
    name: 'until close',
    text: 'HTTP/1.1 200 OK\r\n\r\n',
    expected: { framing: { length: UNTIL_CLOSE, keepAlive: false } },
  },
  {
    name: 'chunked',
    text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    expected: { framing: { length: CHUNKED, keepAlive: true } },
  },
  {
    name: 'gzip alone, until close',
    text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
    expected: { framing: { length: UNTIL_CLOSE, keepAlive: false } },
  },
  {
    name: 'to HEAD',
    text: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
    method: 'HEAD',
    expected: { framing: { length: 0, keepAlive: true } },
  },
  {
    name: '304 with a length',
    text: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    expected: { framing: { length: 0, keepAlive: true } },
  },
  {
    name: '103',
    text: 'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n',
    expected: { status: 103, framing: { length: 0 } },
  },
  {
    name: '1.0',
    text: 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n',
    expected: { version: '1.0', framing: { keepAlive: false } },
  },
  {
    name: '1.0 with keep-alive',
    text: 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n',
    expected: { framing: { keepAlive: true, saysKeepAlive: true } },
  },
]

export const REFUSED_RESPONSES = [
  { name: 'a status of two digits', text: 'HTTP/1.1 20 OK\r\n\r\n', problem: 'status' },
  { name: 'a status of four digits', text: 'HTTP/1.1 2000 OK\r\n\r\n', problem: 'status' },
  { name: 'the status 099', text: 'HTTP/1.1 099 OK\r\n\r\n', problem: 'status' },
  { name: 'another protocol', text: 'ICY 200 OK\r\n\r\n', problem: 'version' },
  { name: 'version 2', text: 'HTTP/2 200\r\n\r\n', problem: 'version' },
  { name: 'bare LFs', text: 'HTTP/1.1 200 OK\n\n', problem: 'LF with no CR' },
  { name: 'a NUL in the reason', text: 'HTTP/1.1 200 O\x00\r\n\r\n', problem: 'reason' },
  {
    name: 'two lengths',
    text: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    problem: 'two Content-Length',
  },
  {
    name: 'length and chunked',
    text: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    problem: 'Content-Length and Transfer-Encoding',
  },
  {
    name: 'chunked in 1.0',
    text: 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    problem: 'HTTP/1.0',
  },
  {
    name: 'a folded field',
    text: 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n',
    problem: 'with whitespace',
  },
]

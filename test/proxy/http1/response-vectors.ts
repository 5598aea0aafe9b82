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
    name: '204 with a length, which means nothing there',
    text: 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n',
    expected: { status: 204, framing: { length: 0, keepAlive: true } },
  },
  {
    name: '204 in chunks, which means nothing either',
    text: 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n',
    expected: { framing: { length: 0, keepAlive: true } },
  },
  {
    name: '304 in chunks, which is what a GET would get',
    text: 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n',
    expected: { framing: { length: 0, keepAlive: true } },
  },
  {
    name: 'until close in spite of keep-alive',
    text: 'HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n',
    expected: { framing: { length: UNTIL_CLOSE, keepAlive: false } },
  },
  {
    name: 'a field named Host, which means nothing in an answer',
    text: 'HTTP/1.1 200 OK\r\nHost: a b\r\nHost: c\r\nContent-Length: 0\r\n\r\n',
    expected: { status: 200, framing: { length: 0, keepAlive: true } },
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
  { name: 'an empty line before it', text: '\r\nHTTP/1.1 200 OK\r\n\r\n', problem: 'version' },
  { name: 'a lower-case version', text: 'http/1.1 200 OK\r\n\r\n', problem: 'version' },
  { name: 'version 1.2', text: 'HTTP/1.2 200 OK\r\n\r\n', problem: 'version' },
  { name: 'two blanks before the status', text: 'HTTP/1.1  200 OK\r\n\r\n', problem: 'status' },
  { name: 'a tab after the status', text: 'HTTP/1.1 200\tOK\r\n\r\n', problem: 'status' },
  { name: 'a signed status', text: 'HTTP/1.1 +20 OK\r\n\r\n', problem: 'status' },
  { name: 'a bare CR in the reason', text: 'HTTP/1.1 200 O\rK\r\n\r\n', problem: 'CR that no LF' },
  ...['5, 5', '5,5', '+5', '-1', '0x5', '', '5 5', '9223372036854775808', '5;'].map((length) => ({
    name: `the length ${JSON.stringify(length)}`,
    text: `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`,
    problem: 'no plain number',
  })),
  {
    name: 'the same length twice',
    text: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n',
    problem: 'two Content-Length',
  },
  ...['chunked, gzip', 'chunked, chunked', 'chunked;q=1', '', 'chunked\xa0'].map((coding) => ({
    name: `Transfer-Encoding: ${coding}`,
    text: `HTTP/1.1 200 OK\r\nTransfer-Encoding: ${coding}\r\n\r\n`,
    problem: 'no list of codings',
  })),
  {
    name: 'chunked in two fields',
    text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n',
    problem: 'two Transfer-Encoding fields',
  },
  {
    name: 'length and a coding that is not chunked',
    text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 1\r\n\r\n',
    problem: 'Content-Length and Transfer-Encoding',
  },
  {
    name: 'a space before the colon',
    text: 'HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\n',
    problem: 'name and colon',
  },
  { name: 'a NUL in a value', text: 'HTTP/1.1 200 OK\r\nX: a\x00\r\n\r\n', problem: 'control' },
  {
    name: 'a line without a name',
    text: 'HTTP/1.1 200 OK\r\n: a\r\n\r\n',
    problem: 'without a name',
  },
  {
    name: 'a bare LF after a field',
    text: 'HTTP/1.1 200 OK\r\nX: a\n\r\n',
    problem: 'LF with no CR',
  },
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

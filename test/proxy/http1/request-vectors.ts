/** Heads of HTTP/1 requests and what is to become of them. */
import { CHUNKED } from '../../../proxy/http1/framing.ts'

const HOST = 'Host: a\r\n'

export const GOOD_REQUESTS = [
  {
    name: 'the least there is',
    text: `GET / HTTP/1.1\r\n${HOST}\r\n`,
    expected: {
      method: 'GET',
      target: '/',
      version: '1.1',
      headers: [['Host', 'a']],
      framing: { length: 0, keepAlive: true, upgrade: false },
    },
  },
  {
    name: 'after one empty line',
    text: `\r\nGET / HTTP/1.1\r\n${HOST}\r\n`,
    expected: { method: 'GET', target: '/', headers: [['Host', 'a']] },
  },
  {
    name: 'case, order, duplicates and inner blanks of fields',
    text: `GET /a?b=c%20d HTTP/1.1\r\nhOsT:a:80\r\nX-A: 1\r\nx-a:\t2  3 \t\r\nEmpty:\r\nEmpty2: \r\n\r\n`,
    expected: {
      target: '/a?b=c%20d',
      headers: [
        ['hOsT', 'a:80'],
        ['X-A', '1'],
        ['x-a', '2  3'],
        ['Empty', ''],
        ['Empty2', ''],
      ],
    },
  },
  {
    name: 'bytes from 0x80 in target and value',
    text: `GET /\xfc HTTP/1.1\r\n${HOST}X: \xff\xfe\r\n\r\n`,
    expected: {
      target: '/\xfc',
      headers: [
        ['Host', 'a'],
        ['X', '\xff\xfe'],
      ],
    },
  },
  {
    name: 'an empty Host',
    text: 'GET / HTTP/1.1\r\nHost:\r\n\r\n',
    expected: { headers: [['Host', '']] },
  },
  {
    name: 'an IPv6 host',
    text: 'GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n',
    expected: { headers: [['Host', '[::1]:8080']] },
  },
  {
    name: 'Content-Length',
    text: `POST / HTTP/1.1\r\n${HOST}Content-Length:  42 \r\n\r\n`,
    expected: { framing: { length: 42 } },
  },
  {
    name: 'Content-Length with leading zeros',
    text: `POST / HTTP/1.1\r\n${HOST}Content-Length: 007\r\n\r\n`,
    expected: { framing: { length: 7 } },
  },
  {
    name: 'chunked',
    text: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: Chunked\r\n\r\n`,
    expected: { framing: { length: CHUNKED } },
  },
  {
    name: 'gzip, then chunked',
    text: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n`,
    expected: { framing: { length: CHUNKED } },
  },
  {
    name: 'Connection: close',
    text: `GET / HTTP/1.1\r\n${HOST}Connection: Close\r\n\r\n`,
    expected: { framing: { keepAlive: false } },
  },
  {
    name: 'close among other connection options',
    text: `GET / HTTP/1.1\r\n${HOST}Connection: foo , close\r\n\r\n`,
    expected: { framing: { keepAlive: false } },
  },
  {
    name: 'HTTP/1.0 without Host',
    text: 'GET / HTTP/1.0\r\n\r\n',
    expected: { version: '1.0', headers: [], framing: { keepAlive: false } },
  },
  {
    name: 'HTTP/1.0 with keep-alive',
    text: 'GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n',
    expected: { version: '1.0', framing: { keepAlive: true } },
  },
  {
    name: 'a WebSocket handshake',
    text: `GET /ws HTTP/1.1\r\n${HOST}Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    expected: { framing: { upgrade: true, keepAlive: true } },
  },
  {
    name: 'Upgrade in HTTP/1.0, which is none',
    text: `GET /ws HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    expected: { framing: { upgrade: false } },
  },
  {
    name: 'CONNECT',
    text: 'CONNECT db.example:5432 HTTP/1.1\r\nHost: db.example:5432\r\n\r\n',
    expected: { method: 'CONNECT', target: 'db.example:5432', framing: { length: 0 } },
  },
  {
    name: 'CONNECT to an IPv6 address',
    text: 'CONNECT [fd00::1]:443 HTTP/1.1\r\nHost: [fd00::1]:443\r\n\r\n',
    expected: { target: '[fd00::1]:443' },
  },
  {
    name: 'OPTIONS *',
    text: `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`,
    expected: { method: 'OPTIONS', target: '*' },
  },
  {
    name: 'absolute form',
    text: 'GET http://orders:8080/x?y HTTP/1.1\r\nHost: orders:8080\r\n\r\n',
    expected: { target: 'http://orders:8080/x?y' },
  },
  {
    name: 'a method of one’s own',
    text: `PURGE-ALL /x HTTP/1.1\r\n${HOST}\r\n`,
    expected: { method: 'PURGE-ALL' },
  },
  {
    name: 'a login that binds the connection',
    text: `GET / HTTP/1.1\r\n${HOST}Authorization: NTLM TlRM\r\n\r\n`,
    expected: { framing: { bindsConnection: true } },
  },
  {
    name: 'a login that binds nothing',
    text: `GET / HTTP/1.1\r\n${HOST}Authorization: Bearer x\r\n\r\n`,
    expected: { framing: { bindsConnection: false } },
  },
]

const request = (fields: string, start = 'POST / HTTP/1.1') => `${start}\r\n${fields}\r\n`

export const REFUSED_REQUESTS = [
  ...['\r\n\r\nGET', ' GET', '\tGET', '\nGET'].map((method) => ({
    name: `${JSON.stringify(method)} as a start`,
    text: `${method} / HTTP/1.1\r\n${HOST}\r\n`,
    problem: 'before the request line',
  })),
  ...['G(T', 'G\x00T', 'G\xe9T', 'GET\x7f', 'GET\t'].map((method) => ({
    name: `the method ${JSON.stringify(method)}`,
    text: `${method} / HTTP/1.1\r\n${HOST}\r\n`,
    problem: 'method',
  })),
  ...['/\x00', '/\x1f', '/\x7f', '/\t', '', '/\r'].map((target) => ({
    name: `the target ${JSON.stringify(target)}`,
    text: `GET ${target} HTTP/1.1\r\n${HOST}\r\n`,
    problem: 'request target',
  })),
  ...['a/b', '://x/', 'http://', 'http:///x', 'http://u@h/', '**', '?x', '1http://a/'].map(
    (target) => ({
      name: `the target ${JSON.stringify(target)}`,
      text: `GET ${target} HTTP/1.1\r\n${HOST}\r\n`,
      problem: 'none of the four forms',
    }),
  ),
  {
    name: 'GET *',
    text: `GET * HTTP/1.1\r\n${HOST}\r\n`,
    problem: 'another method than OPTIONS',
  },
  ...['/', 'host', 'host:', 'host:x', 'http://host:80/', 'u@host:80'].map((target) => ({
    name: `CONNECT ${target}`,
    text: `CONNECT ${target} HTTP/1.1\r\n${HOST}\r\n`,
    problem: 'not host:port',
  })),
  {
    name: 'CONNECT with a length',
    text: request(`${HOST}Content-Length: 1\r\n`, 'CONNECT a:1 HTTP/1.1'),
    problem: 'CONNECT request with a body',
  },
  {
    name: 'CONNECT in chunks',
    text: request(`${HOST}Transfer-Encoding: chunked\r\n`, 'CONNECT a:1 HTTP/1.1'),
    problem: 'CONNECT request with a body',
  },
  ...[
    'HTTP/1.2',
    'HTTP/2.0',
    'HTTP/0.9',
    'http/1.1',
    'HTTP/1.1 ',
    'HTTP/1.10',
    'HTTP/11',
    'HTT',
  ].map((version) => ({
    name: `the version ${JSON.stringify(version)}`,
    text: request(HOST, `GET / ${version}`),
    problem: 'version',
  })),
  {
    name: 'two blanks in the request line',
    text: request(HOST, 'GET  / HTTP/1.1'),
    problem: 'request target',
  },
  {
    name: 'a bare LF after the request line',
    text: `GET / HTTP/1.1\n${HOST}\r\n`,
    problem: 'LF with no CR',
  },
  {
    name: 'a bare CR after the request line',
    text: `GET / HTTP/1.1\r${HOST}\r\n`,
    problem: 'CR that no LF',
  },
  { name: 'a bare LF after a field', text: request('Host: a\n'), problem: 'LF with no CR' },
  { name: 'a bare CR in a value', text: request('Host: a\rX: b\r\n'), problem: 'CR that no LF' },
  {
    name: 'a bare LF as the blank line',
    text: `GET / HTTP/1.1\r\n${HOST}\n`,
    problem: 'LF with no CR',
  },
  {
    name: 'a bare CR as the blank line',
    text: `GET / HTTP/1.1\r\n${HOST}\rX`,
    problem: 'CR that no LF',
  },
  { name: 'a folded value', text: request(`${HOST}X: a\r\n b\r\n`), problem: 'with whitespace' },
  { name: 'a tab fold', text: request(`${HOST}X: a\r\n\tb\r\n`), problem: 'with whitespace' },
  {
    name: 'whitespace before the first field',
    text: request(` ${HOST}`),
    problem: 'begins with whitespace',
  },
  { name: 'a space before the colon', text: request('Host : a\r\n'), problem: 'name and colon' },
  { name: 'a tab before the colon', text: request('Host\t: a\r\n'), problem: 'name and colon' },
  { name: 'no colon', text: request(`${HOST}Foo\r\n`), problem: 'field name' },
  { name: 'no name', text: request(`${HOST}: b\r\n`), problem: 'without a name' },
  ...['X\x00', 'X\x7f', 'X\xe9', 'X(', 'X"', 'X/', 'X[', 'X{', 'X@', 'X,', 'X;', 'X='].map(
    (name) => ({
      name: `the field name ${JSON.stringify(name)}`,
      text: request(`${HOST}${name}: b\r\n`),
      problem: 'field name',
    }),
  ),
  ...['\x00', '\x01', '\x08', '\x0b', '\x0c', '\x1b', '\x7f'].map((value) => ({
    name: `the value ${JSON.stringify(value)}`,
    text: request(`${HOST}X: a${value}b\r\n`),
    problem: 'control character',
  })),
  { name: 'no Host in 1.1', text: request(''), problem: 'no Host' },
  { name: 'two Hosts', text: request('Host: a\r\nHost: a\r\n'), problem: 'two Host' },
  {
    name: 'two Hosts in 1.0',
    text: request('Host: a\r\nhost: b\r\n', 'GET / HTTP/1.0'),
    problem: 'two Host',
  },
  ...['a b', 'a/b', 'u@a', 'a\tb', 'a"', '<a>', 'a\xe9', 'a?b', 'a#b'].map((host) => ({
    name: `the host ${JSON.stringify(host)}`,
    text: request(`Host: ${host}\r\n`),
    problem: 'names no host',
  })),
  ...[
    'Content-Length: 1\r\nContent-Length: 2\r\n',
    'Content-Length: 1\r\ncontent-length: 1\r\n',
  ].map((fields) => ({
    name: JSON.stringify(fields),
    text: request(HOST + fields),
    problem: 'two Content-Length',
  })),
  ...['', '+1', '-1', '1,1', '1, 1', '0x10', '1 1', '1.0', 'a', '9007199254740993', '1e3'].map(
    (length) => ({
      name: `the length ${JSON.stringify(length)}`,
      text: request(`${HOST}Content-Length: ${length}\r\n`),
      problem: 'no plain number',
    }),
  ),
  ...[
    'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n',
    'Transfer-Encoding: chunked\r\nContent-Length: 0\r\n',
    'Transfer-Encoding: gzip\r\nContent-Length: 0\r\n',
  ].map((fields) => ({
    name: JSON.stringify(fields),
    text: request(HOST + fields),
    problem: 'Content-Length and Transfer-Encoding',
  })),
  ...['gzip', 'identity', 'xchunked', 'chunkedx'].map((coding) => ({
    name: `Transfer-Encoding: ${coding}`,
    text: request(`${HOST}Transfer-Encoding: ${coding}\r\n`),
    problem: 'does not end in chunked',
  })),
  ...[
    'chunked, gzip',
    'chunked, chunked',
    'chunked,',
    '',
    ',chunked',
    'chunked;q=1',
    // No-break space: blank to JavaScript, part of a name that nobody knows to a server.
    'chunked\xa0',
    '\xa0chunked',
    'gzip,\xa0chunked',
    '"chunked"',
  ].map((coding) => ({
    name: `Transfer-Encoding: ${coding}`,
    text: request(`${HOST}Transfer-Encoding: ${coding}\r\n`),
    problem: 'no list of codings',
  })),
  ...['Content-Length:\t1', 'Content-Length: 1\t', 'Transfer-Encoding: gzip,\tchunked'].map(
    (line) => ({
      name: JSON.stringify(line),
      text: request(`${HOST}${line}\r\n`),
      problem: 'a tab in a field that frames',
    }),
  ),
  {
    name: 'chunked in two fields',
    text: request(`${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n`),
    problem: 'no list of codings',
  },
  {
    name: 'chunked in 1.0',
    text: request(`${HOST}Transfer-Encoding: chunked\r\n`, 'POST / HTTP/1.0'),
    problem: 'in HTTP/1.0',
  },
]

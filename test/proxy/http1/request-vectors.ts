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
    name: 'a host with a port',
    text: 'GET / HTTP/1.1\r\nHost: orders.dev.svc:8080\r\n\r\n',
    expected: { headers: [['Host', 'orders.dev.svc:8080']] },
  },
  {
    name: 'a host with an underscore and escapes',
    text: 'GET / HTTP/1.1\r\nHost: my_app%41:\r\n\r\n',
    expected: { headers: [['Host', 'my_app%41:']] },
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
    name: 'absolute form with the default port and another case',
    text: 'GET HTTP://Orders/x HTTP/1.1\r\nHost: orders:80\r\n\r\n',
    expected: { target: 'HTTP://Orders/x' },
  },
  {
    name: 'absolute form without a path',
    text: 'GET http://orders?q HTTP/1.1\r\nHost: orders\r\n\r\n',
    expected: { target: 'http://orders?q' },
  },
  {
    name: 'absolute form in HTTP/1.0 without Host',
    text: 'GET http://orders/ HTTP/1.0\r\n\r\n',
    expected: { target: 'http://orders/' },
  },
  {
    name: 'a GET with a body',
    text: `GET / HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\n`,
    expected: { method: 'GET', framing: { length: 3 } },
  },
  {
    name: 'a GET in chunks',
    text: `GET / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`,
    expected: { framing: { length: CHUNKED } },
  },
  {
    name: 'CONNECT with a length of nothing',
    text: 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 0\r\n\r\n',
    expected: { method: 'CONNECT', framing: { length: 0 } },
  },
  {
    name: 'TRACE and Max-Forwards, which count the steps between apps',
    text: `TRACE / HTTP/1.1\r\n${HOST}Max-Forwards: 0\r\n\r\n`,
    expected: { method: 'TRACE', framing: { length: 0 } },
  },
  {
    name: 'connection options that name fields, ours among them',
    text: `GET / HTTP/1.1\r\n${HOST}Connection: azds-hop, traceparent, x, TE\r\nTE: trailers\r\n\r\n`,
    expected: { framing: { keepAlive: true, upgrade: false } },
  },
  {
    name: 'connection options with blanks that are none',
    text: `GET / HTTP/1.0\r\nConnection: keep-alive\xa0\r\n\r\n`,
    expected: { framing: { keepAlive: false } },
  },
  {
    name: 'an empty line of connection options',
    text: `GET / HTTP/1.1\r\n${HOST}Connection: ,\tclose\t,\r\n\r\n`,
    expected: { framing: { keepAlive: false } },
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

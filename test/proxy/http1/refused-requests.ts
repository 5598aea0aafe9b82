/** Heads of HTTP/1 requests on which two parsers could disagree, and the rule that each breaks. */

const HOST = 'Host: a\r\n'

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
  // What HTTP/0.9 sends, and what has lost its version.
  { name: 'HTTP/0.9', text: 'GET /\r\n\r\n', problem: 'as in HTTP/0.9' },
  {
    name: 'HTTP/0.9 with fields',
    text: `GET /\r\n${HOST}Connection: keep-alive\r\n\r\n`,
    problem: 'as in HTTP/0.9',
  },
  { name: 'no version', text: `GET / \r\n${HOST}\r\n`, problem: 'version' },
  {
    name: 'a bare CR in the target',
    text: `GET /\r HTTP/1.1\r\n${HOST}\r\n`,
    problem: 'line end in',
  },
  { name: 'no version and a bare LF', text: 'GET /\n', problem: 'as in HTTP/0.9' },
  ...['/\x00', '/\x1f', '/\x7f', '/\t', ''].map((target) => ({
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
    'HTTP/3',
    'HTTP/10.1',
    'HTTP/1',
    'HTTP/0.9',
    'http/1.1',
    'HTTP/1.1 ',
    'HTTP/1.10',
    'HTTP/1.1\t',
    'HTTP/1.',
    'HTTP/01.1',
    'HTTP/1.1\x00',
    'HTTP /1.1',
    'HTTPS/1.1',
    'RTSP/1.0',
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
    name: 'two blanks before the version',
    text: request(HOST, 'GET /  HTTP/1.1'),
    problem: 'version',
  },
  {
    name: 'a tab before the version',
    text: request(HOST, 'GET /\tHTTP/1.1'),
    problem: 'request target',
  },
  {
    name: 'a blank in the target',
    text: request(HOST, 'GET /a b HTTP/1.1'),
    problem: 'version',
  },
  {
    name: 'the preface of HTTP/2',
    text: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    problem: 'version',
  },
  {
    name: 'PRI in HTTP/1.1',
    text: `PRI * HTTP/1.1\r\n${HOST}\r\n`,
    problem: 'another method than OPTIONS',
  },
  {
    name: 'two CRs before the LF',
    text: request('Host: a\r\r\n'),
    problem: 'CR that no LF',
  },
  {
    name: 'a line of blanks',
    text: request(`${HOST} \t \r\n`),
    problem: 'with whitespace',
  },
  {
    name: 'a fold of the first field',
    text: request('\tHost: a\r\n'),
    problem: 'with whitespace',
  },
  {
    name: 'a second request line in a value',
    text: request(`${HOST}X: a\nGET /2 HTTP/1.1\r\n`),
    problem: 'LF with no CR',
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
  ...[
    ...['a b', 'a/b', 'u@a', 'a\tb', 'a"', '<a>', 'a\xe9', 'a?b', 'a#b', 'a,b', 'a, b', 'a\\b'],
    ...['a:b', 'a:80:81', '[::1', '::1', '[::1]a', 'a[::1]', '[a]', '[g::]', '[]', 'http://a'],
  ].map((host) => ({
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
  ...[
    '',
    '+1',
    '-1',
    '1,1',
    '1, 1',
    '0x10',
    '1 1',
    '1.0',
    'a',
    '9007199254740992',
    '1e3',
    ...['9223372036854775808', '18446744073709551616', '18446744073709551617', '5;', '1_0', '5,'],
    '\xa05',
    '5\xa0',
    '-0',
    '\xb2',
    '9'.repeat(400),
  ].map((length) => ({
    name: `the length ${JSON.stringify(length)}`,
    text: request(`${HOST}Content-Length: ${length}\r\n`),
    problem: 'no plain number',
  })),
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
  ...[
    ['chunked', 'gzip'],
    ['gzip', 'chunked'],
    ['chunked', 'chunked'],
    ['identity', 'chunked'],
  ].map(([first, second]) => ({
    name: `Transfer-Encoding: ${first} and then another, ${second}`,
    text: request(`${HOST}Transfer-Encoding: ${first}\r\ntransfer-encoding: ${second}\r\n`),
    problem: 'two Transfer-Encoding fields',
  })),
  ...['\x0bchunked', 'chunked\x0c', 'chun\x00ked'].map((coding) => ({
    name: `Transfer-Encoding: ${JSON.stringify(coding)}`,
    text: request(`${HOST}Transfer-Encoding: ${coding}\r\n`),
    problem: 'control character',
  })),
  {
    name: 'a folded Transfer-Encoding',
    text: request(`${HOST}Transfer-Encoding:\r\n chunked\r\n`),
    problem: 'with whitespace',
  },
  {
    name: 'a coding in HTTP/1.0 beside a length',
    text: request(`${HOST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n`, 'POST / HTTP/1.0'),
    problem: 'Content-Length and Transfer-Encoding',
  },
  ...['content-length', 'close, Content-Length ', 'x,CONTENT-LENGTH'].map((options) => ({
    name: `Connection: ${options}`,
    text: request(`${HOST}Content-Length: 1\r\nConnection: ${options}\r\n`),
    problem: 'Content-Length as a connection option',
  })),
  ...[
    ['http://a/', 'b'],
    ['http://a/', ''],
    ['http://a:81/', 'a'],
    ['https://a/', 'a:80'],
    ['http://a:80/', 'a:8080'],
    ['http://[::1]/', '[::2]'],
  ].map(([target, host]) => ({
    name: `the target ${target} and the host ${JSON.stringify(host)}`,
    text: request(`Host: ${host}\r\n`, `GET ${target} HTTP/1.1`),
    problem: 'another host than the target',
  })),
  {
    name: 'chunked in 1.0',
    text: request(`${HOST}Transfer-Encoding: chunked\r\n`, 'POST / HTTP/1.0'),
    problem: 'in HTTP/1.0',
  },
]

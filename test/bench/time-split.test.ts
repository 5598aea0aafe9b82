import { expect, test } from '@jest/globals'
import { splitLines, splitOf } from '../../bench/time-split.ts'

const KERNEL = '([kernel.kallsyms])'
const stack = (threads: string, ...frames: string[]) =>
  [`${threads} `, ...frames.map((frame) => `\tffffffff81e63576 ${frame}`)].join('\n')
const MAIN = '77/77'
const NODE = '(/usr/lib/node)'

const partsOf = (...stacks: string[]) => [...splitOf(stacks.join('\n\n'))]

test.each([
  ['kernel: sending', ['tcp_ack', 'tcp_sendmsg', 'ksys_write']],
  ['kernel: sending', ['sock_write_iter', 'do_writev', 'do_syscall_64']],
  ['kernel: receiving', ['tcp_recvmsg', '__sys_recvfrom', '__x64_sys_recvfrom']],
  ['kernel: passing on (splice)', ['tcp_sendmsg_locked', '__do_sys_splice']],
  ['kernel: waiting for events', ['ep_send_events', 'do_epoll_wait', '__arm64_sys_epoll_pwait']],
  ['kernel: waiting for events', ['ep_poll', 'do_epoll_pwait.part.0']],
  ['kernel: connections, made and closed', ['inet_csk_accept', '__sys_accept4']],
  ['kernel: all else', ['handle_softirqs', 'asm_sysvec_apic_timer_interrupt']],
  ['kernel: all else', ['futex_wake', '__x64_sys_futex']],
])('a sample of the kernel is %s by the system call around it: %j', (part, frames) => {
  expect(partsOf(stack(MAIN, ...frames.map((frame) => `${frame} ${KERNEL}`)))).toEqual([[part, 1]])
})

test('what the kernel does within a call counts for that call, whatever it calls', () => {
  const inner = stack(MAIN, `do_poll ${KERNEL}`, `ksys_write ${KERNEL}`)
  expect(partsOf(inner)).toEqual([['kernel: sending', 1]])
})

test('a C program has no JavaScript: its own code and its libraries are one part', () => {
  const own = stack(MAIN, 'ngx_http_parse_request_line (/usr/sbin/nginx)')
  const libc = stack(MAIN, '__memmove_evex (/usr/lib/libc.so.6)')
  expect(partsOf(own, libc)).toEqual([['the program itself', 2]])
})

test('of Node, compiled functions and built-ins are JavaScript, other threads are helpers', () => {
  const samples = [
    stack(MAIN, '[unknown] (/tmp/perf-77.map)'),
    stack(MAIN, `Builtins_MapPrototypeGet ${NODE}`),
    stack(MAIN, `uv__read ${NODE}`),
    stack(MAIN, '__memmove_evex (/usr/lib/libc.so.6)'),
    stack('77/81', `v8::internal::Scavenger::Process ${NODE}`),
    stack('77/81', `futex_wait ${KERNEL}`, `__x64_sys_futex ${KERNEL}`),
  ]
  expect(partsOf(...samples)).toEqual([
    ['JavaScript and built-ins', 2],
    ['Node, libuv, V8 and libc', 2],
    ['other threads: collector, compiler', 2],
  ])
})

test('samples without frames are left out', () => {
  expect(partsOf(`${MAIN} `, '', stack(MAIN, 'main (/usr/sbin/nginx)'))).toEqual([
    ['the program itself', 1],
  ])
})

test('the table shares out the time of a request, and says what nobody spends nowhere', () => {
  const lines = splitLines('µs of CPU per request', [
    {
      name: 'azds',
      split: new Map([
        ['kernel: sending', 3],
        ['JavaScript and built-ins', 1],
      ]),
      whole: 32,
    },
    { name: 'nginx', split: new Map([['kernel: sending', 5]]), whole: 25 },
  ])
  expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
    ['µs of CPU per request', 'azds', 'nginx'],
    ['kernel: sending', '24.0', '25.0'],
    ['JavaScript and built-ins', '8.0', '–'],
    ['together', '32.0', '25.0'],
  ])
})

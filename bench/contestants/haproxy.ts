/** haproxy in the modes that rows compare with: one thread, no logs, upstream connections kept. */
import type { Contestant, Surroundings } from '../contestant.ts'

interface HaproxyMode {
  mode: 'http' | 'tcp'
  /** More lines of the defaults section. */
  options?: readonly string[]
  /** What follows the address of the bind and the server line. */
  bind?: string
  server?: string
}

export const HAPROXY = haproxy('haproxy', { mode: 'http' })
export const HAPROXY_TCP = haproxy('haproxy-tcp', { mode: 'tcp' })
/** haproxy splices where it thinks that it pays, which with iperf3 is nearly never. */
export const HAPROXY_SPLICE_AUTO = haproxy('haproxy-splice-auto', {
  mode: 'tcp',
  options: ['option splice-auto'],
})
/** Everything is spliced: the bytes never come to haproxy. */
export const HAPROXY_SPLICE = haproxy('haproxy-splice', {
  mode: 'tcp',
  options: ['option splice-request', 'option splice-response'],
})
export const HAPROXY_H2 = haproxy('haproxy-h2', {
  mode: 'http',
  bind: ' proto h2',
  server: ' proto h2',
})

function haproxy(name: string, mode: HaproxyMode): Contestant {
  return {
    name,
    launch: (surroundings) => ({
      argv: ['haproxy', '-db', '-f', `${surroundings.scratch}/${name}.cfg`],
      files: { [`${name}.cfg`]: haproxyConfig(surroundings, mode) },
    }),
  }
}

/** `pool-max-conn`: haproxy keeps all idle upstream connections, as the other proxies do. */
export function haproxyConfig({ port, upstream }: Surroundings, mode: HaproxyMode): string {
  const { options = [], bind = '', server = '' } = mode
  return `
global
  nbthread 1
  maxconn 4000
defaults
  mode ${mode.mode}
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  ${options.join('\n  ')}
frontend front
  bind :${port}${bind} backlog 4096
  default_backend back
backend back
  server backend ${upstream.ip}:${upstream.port}${server}${mode.mode === 'http' ? ' pool-max-conn -1' : ''}
`
}

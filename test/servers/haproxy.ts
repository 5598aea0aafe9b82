/** haproxy: answers of its own, and a proxy to an app. */
import { type Origin, startProgram } from './origin.ts'

/**
 * @param app port of a server of HTTP/1 that all other paths lead to
 * @param protocol what it speaks with its clients
 */
export function startHaproxy(app: number, protocol: 'http1' | 'h2c' = 'http1'): Promise<Origin> {
  return startProgram((port) => ({
    command: 'haproxy',
    args: () => ['-db', '-q', '-f', 'haproxy.cfg'],
    config: {
      name: 'haproxy.cfg',
      text: () => `
global
  maxconn 200
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
frontend web
  bind 127.0.0.1:${port} proto ${protocol === 'h2c' ? 'h2' : 'h1'}
  http-request return status 200 content-type text/plain string "made by the configuration" if { path /text }
  http-request return status 404 content-type text/plain string "not here" hdr X-Why "no such thing" if { path /none }
  http-request redirect location /text if { path /gone }
  http-request deny deny_status 403 if { path /denied }
  default_backend app
backend app
  server app 127.0.0.1:${app}
`,
    },
  }))
}

/** haproxy: answers of its own, and a proxy to an app. */
import { type Origin, startProgram } from './origin.ts'

/** @param app port of a server that all other paths lead to */
export function startHaproxy(app: number): Promise<Origin> {
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
  bind 127.0.0.1:${port}
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

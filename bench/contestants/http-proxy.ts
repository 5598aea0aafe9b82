/** http-proxy, the usual reverse proxy of Node, in its maintained rewrite. */
import { NODE_INSIDE, REPO_INSIDE } from '../../test/kernel/lab.ts'
import type { Contestant } from '../contestant.ts'

export const HTTP_PROXY: Contestant = {
  name: 'http-proxy',
  launch: ({ port, upstream }) => ({
    argv: [
      NODE_INSIDE,
      `${REPO_INSIDE}/bench/programs/http-proxy.mjs`,
      ...[port, upstream.ip, upstream.port].map(String),
    ],
  }),
}

/** A plain byte pipe in Node, as anybody would write it first. */
import { NODE_INSIDE, REPO_INSIDE } from '../../test/kernel/lab.ts'
import type { Contestant } from '../contestant.ts'

export const NET_PIPE: Contestant = {
  name: 'net.pipe',
  launch: ({ port, upstream }) => ({
    argv: [
      NODE_INSIDE,
      `${REPO_INSIDE}/bench/programs/pipe-proxy.mjs`,
      ...[port, upstream.ip, upstream.port].map(String),
    ],
  }),
}

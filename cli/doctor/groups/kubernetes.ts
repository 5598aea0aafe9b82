/** Whether there is a cluster, and one that this version is for. */
import { type Check, failure, ok, skipped, warning } from '../check.ts'

/** Minor versions of Kubernetes 1 that this version was made for. */
const SUPPORTED = { oldest: 29, newest: 36 } as const
/** More (ms) would make certificates seem unborn, and ages wrong. */
const MOST_SKEW_MS = 60_000

export const KUBERNETES_CHECKS: readonly Check[] = [
  {
    id: 'api-reachable',
    title: 'the API server answers',
    pre: true,
    async run({ client, version }) {
      try {
        await version()
        return ok(client.server)
      } catch (error) {
        return failure(
          (error as Error).message,
          'see which cluster is meant: kubectl config current-context; then whether it is up: kubectl cluster-info',
        )
      }
    },
  },
  {
    id: 'api-version',
    title: `Kubernetes is 1.${SUPPORTED.oldest} to 1.${SUPPORTED.newest}`,
    pre: true,
    after: ['api-reachable'],
    async run({ version }) {
      const { gitVersion, minor } = await version()
      const number = Number.parseInt(minor, 10)
      if (number >= SUPPORTED.oldest && number <= SUPPORTED.newest) return ok(gitVersion)
      if (number > SUPPORTED.newest) {
        return warning(
          `Kubernetes ${gitVersion} is newer than what this version of azds was tried with`,
          'see whether there is a newer azds',
        )
      }
      return failure(
        `Kubernetes ${gitVersion} has neither native sidecars nor conditions of webhooks as azds uses them`,
        `upgrade the cluster to 1.${SUPPORTED.oldest} or later`,
      )
    },
  },
  {
    id: 'clock-skew',
    title: 'this machine’s clock agrees with the API server’s',
    pre: true,
    after: ['api-reachable'],
    async run({ serverTime, now }) {
      const time = await serverTime()
      if (time === null) return skipped('nothing may be tried in the context’s namespace')
      const skew = Math.abs(now() - time)
      if (skew <= MOST_SKEW_MS) return ok()
      return warning(
        `the clocks differ by ${Math.round(skew / 1000)} s, so that ages and certificates are misjudged here`,
        'set this machine’s clock, by NTP',
      )
    },
  },
]

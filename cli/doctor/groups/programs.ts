/** Whether what is installed is of this version, and runs. */

import { STATUS_VERSION, statusOf } from '../../../core/injection/status.ts'
import { kubeletVersionsOf } from '../../../webhook/inject/kubelets.ts'
import { isRolledOut } from '../../install/apply.ts'
import { chartVersion } from '../../install/chart-version.ts'
import { VERSION_LABEL } from '../../install/installation.ts'
import { type Check, counted, failure, ok, skipped, warning } from '../check.ts'
import { describe } from '../describe.ts'

/** Native sidecars are on by default from this minor version on. */
const FIRST_NATIVE = 29

export const PROGRAM_CHECKS: readonly Check[] = [
  {
    id: 'installed',
    title: 'azds is installed',
    after: ['api-reachable'],
    async run({ installation }) {
      const found = await installation()
      if (!found) return failure('the cluster has nothing of azds', 'install it: azds install')
      const { version, namespace, by, release } = found
      const who = by === 'helm' ? `Helm release ${release}` : by === 'azds' ? 'azds' : 'manifests'
      return ok(`${version ?? 'unknown version'} in namespace ${namespace}, by ${who}`)
    },
  },
  {
    id: 'programs-ready',
    title: 'controller, azds-api and gateway run',
    after: ['installed'],
    async run({ deployments, installed }) {
      const { namespace } = await installed()
      const others = (await deployments()).filter(
        ({ metadata }) => metadata.name !== 'azds-webhook',
      )
      const bad = others.filter((deployment) => !isRolledOut(deployment))
      if (bad.length === 0) return ok(others.map(({ metadata }) => metadata.name).join(', '))
      return failure(
        'programs are not ready:',
        `see why: kubectl -n ${namespace} describe pods -l app.kubernetes.io/part-of=azds`,
        bad.map(describe),
      )
    },
  },
  {
    id: 'programs-version',
    title: 'the programs are of this version of azds',
    admin: true,
    after: ['installed'],
    async run({ deployments, installed }) {
      const own = chartVersion()
      const other = (await deployments()).filter(
        ({ metadata }) => metadata.labels?.[VERSION_LABEL] !== own,
      )
      if (other.length === 0) return ok(own)
      const { by, release, namespace } = await installed()
      return warning(
        `azds here is ${own}, and in the cluster runs`,
        by === 'helm'
          ? `helm upgrade ${release} -n ${namespace}, or use the azds of that version`
          : 'azds upgrade, or use the azds of that version',
        other.map(
          ({ metadata }) =>
            `${metadata.name} ${metadata.labels?.[VERSION_LABEL] ?? 'without a version'}`,
        ),
      )
    },
  },
  {
    id: 'sidecar-versions',
    title: 'the sidecars have the form of this version',
    after: ['installed'],
    async run({ spaces, pods }) {
      const old: string[] = []
      let current = 0
      for (const { metadata } of await spaces()) {
        for (const pod of await pods(metadata.name ?? '')) {
          const status = statusOf(pod)
          if (!status) continue
          if (status.version === STATUS_VERSION) current += 1
          else old.push(`${pod.metadata.namespace}/${pod.metadata.name} (form ${status.version})`)
        }
      }
      if (old.length === 0)
        return current > 0 ? ok(counted(current, 'pod')) : skipped('no pod has one')
      return warning(
        'pods carry the sidecar of another version, which goes on working:',
        'restart their workloads when it suits: kubectl rollout restart deployment -n SPACE',
        old,
      )
    },
  },
  {
    id: 'kubelets',
    title: 'every node can run native sidecars',
    admin: true,
    after: ['api-reachable'],
    async run({ nodes }) {
      const versions = kubeletVersionsOf(await nodes())
      const minor = (version: string) => Number(/^v?1\.(\d+)/.exec(version)?.[1] ?? 0)
      const old = versions.filter((version) => minor(version) < FIRST_NATIVE)
      if (old.length === 0) return ok(counted(versions.length, 'Linux node'))
      return warning(
        'kubelets are older, so that every pod gets the classic layout, whose sidecar may end after the app:',
        `upgrade these nodes to 1.${FIRST_NATIVE} or later`,
        [...new Set(old)].map((version) => version || 'a node that has not reported yet'),
      )
    },
  },
]

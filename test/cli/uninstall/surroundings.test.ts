/** What keeps our namespace from being deleted: all in it that is somebody else's, or might be. */
import { expect, test } from '@jest/globals'
import type { ApiResources } from '../../../cli/api-resources.ts'
import { foreignObjects } from '../../../cli/uninstall/surroundings.ts'
import { type KubeClient, KubeError } from '../../../core/kube/client.ts'
import type { KubeObject } from '../../../core/kube/types.ts'

const resource = (apiVersion: string, kind: string, name: string) => ({
  ...{ apiVersion, kind, name },
  namespaced: true,
  verbs: ['list'],
})
const RESOURCES: ApiResources = {
  all: [
    resource('v1', 'Pod', 'pods'),
    resource('metrics.k8s.io/v1beta1', 'PodMetrics', 'pods'),
    resource('example.org/v1', 'Ledger', 'ledgers'),
  ],
  failed: [],
}
const ours = { 'app.kubernetes.io/part-of': 'azds' }
const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'theirs-1', uid: '1' }

/** Answers lists by their path; a number is the status of a refusal. */
function foreignIn(lists: Record<string, KubeObject[] | number>): Promise<string[]> {
  const get = async (path: string) => {
    const answer = lists[path] ?? []
    if (typeof answer === 'number') throw new KubeError(answer, '', `refused with ${answer}`)
    return { items: answer }
  }
  return foreignObjects({ get } as unknown as KubeClient, RESOURCES, 'azds')
}

test('a pod that nothing has made is somebody’s; ours, owned ones and their figures are not', async () => {
  const pods = [
    { metadata: { name: 'by-hand' } },
    { metadata: { name: 'azds-webhook-1', labels: ours } },
    { metadata: { name: 'theirs-1-x', ownerReferences: [owner] } },
  ]
  const figures = pods.map(({ metadata: { name } }) => ({ metadata: { name } }))
  expect(
    await foreignIn({
      '/api/v1/namespaces/azds/pods': pods,
      '/apis/metrics.k8s.io/v1beta1/namespaces/azds/pods': figures,
    }),
  ).toEqual(['Pod by-hand'])
})

test.each([403, 500, 503])(
  'a kind whose list is refused with %d counts as somebody’s',
  async (status) => {
    expect(await foreignIn({ '/apis/example.org/v1/namespaces/azds/ledgers': status })).toEqual([
      'ledgers (not to be seen)',
    ])
  },
)

test.each([404, 405])(
  'a kind that is only told of and not served (%d) holds nothing',
  async (status) => {
    expect(await foreignIn({ '/apis/example.org/v1/namespaces/azds/ledgers': status })).toEqual([])
  },
)

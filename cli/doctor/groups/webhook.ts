/** Whether the next pod of a space gets its sidecar. */
import type { KubeObject } from '../../../core/kube/types.ts'
import { WEBHOOK_CONFIGURATION, WEBHOOK_SERVICE } from '../../../core/names.ts'
import { getOrNull } from '../../api-resources.ts'
import { isRolledOut } from '../../install/apply.ts'
import { refusal } from '../canary.ts'
import { type Check, failure, ok, skipped, warning } from '../check.ts'
import { describe } from '../describe.ts'
import { firstDifference } from '../difference.ts'

/** Longer answers (ms) are felt with every pod; the webhook itself takes 1 ms. */
const SLOW_MS = 1000

export const WEBHOOK_CHECKS: readonly Check[] = [
  {
    id: 'webhook-registered',
    title: 'the API server asks our webhook, as the chart says',
    admin: true,
    after: ['installed'],
    async run({ client, installed, rendered, webhookConfiguration }) {
      const { namespace } = await installed()
      const live = await webhookConfiguration()
      if (!live) {
        return failure(
          `there is no MutatingWebhookConfiguration ${WEBHOOK_CONFIGURATION}, so that no pod gets a sidecar`,
          'put it back: azds upgrade',
        )
      }
      const wanted = (await rendered()).find(({ kind }) => kind === 'MutatingWebhookConfiguration')
      const { webhooks } = wanted as KubeObject & { webhooks: unknown }
      const difference = firstDifference(webhooks, live.webhooks, 'webhooks')
      if (difference !== null) {
        return failure(
          `MutatingWebhookConfiguration ${WEBHOOK_CONFIGURATION} is not as it was installed: ${difference}`,
          'put it back: azds upgrade (or helm upgrade, where Helm installed it)',
        )
      }
      const path = `/api/v1/namespaces/${namespace}/services/${WEBHOOK_SERVICE}`
      if (await getOrNull(client, path)) return ok()
      return failure(
        `the Service ${namespace}/${WEBHOOK_SERVICE} that it names does not exist`,
        'put it back: azds upgrade',
      )
    },
  },
  {
    id: 'webhook-endpoints',
    title: 'the webhook’s replicas are ready',
    admin: true,
    after: ['installed'],
    async run({ deployments, installed, client }) {
      const { namespace } = await installed()
      const found = (await deployments()).find(({ metadata }) => metadata.name === 'azds-webhook')
      if (!found) return failure('its Deployment does not exist', 'put it back: azds upgrade')
      const next = `see why: kubectl -n ${namespace} describe pods -l app.kubernetes.io/name=azds-webhook`
      if ((found.status?.availableReplicas ?? 0) === 0) {
        return failure('none is ready, so that no pod of a space starts:', next, [describe(found)])
      }
      if (!isRolledOut(found)) return warning('not all are ready:', next, [describe(found)])
      const budget = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets/azds-webhook`
      if ((found.spec.replicas ?? 1) < 2) {
        return warning(
          'there is one replica, so that no pod of a space starts while its node goes',
          'azds upgrade --replicas 2',
        )
      }
      if ((await getOrNull(client, budget)) === null) {
        return warning(
          'there is no PodDisruptionBudget, so that a drain may take all replicas at once',
          'azds upgrade --set podDisruptionBudgets.enabled=true',
        )
      }
      return ok(describe(found))
    },
  },
  {
    id: 'webhook-canary',
    title: 'a pod that is only tried gets a sidecar',
    after: ['installed'],
    async run({ canary, installation, target }) {
      const sent = await canary()
      if (!sent) return skipped('there is no space yet: azds use')
      const { space, answer } = sent
      if (answer.kind === 'refused') {
        const system = (await installation().catch(() => null))?.namespace ?? target
        const { cause, next } = refusal(answer.message, { space, system })
        return failure(`in space ${space} ${cause}`, next)
      }
      if (answer.kind === 'plain') {
        return failure(
          `a pod of space ${space} would start without a sidecar: the API server did not ask the webhook, or went on without an answer`,
          'see webhook-registered and webhook-endpoints above; pods that came so are found by azds list-up',
        )
      }
      if (answer.warnings.length > 0) {
        return warning(
          `in space ${space} it does, with these warnings:`,
          'each says what to do; pods of the space get them too',
          answer.warnings,
        )
      }
      return ok(`in space ${space}, ${answer.layout} layout`)
    },
  },
  {
    id: 'webhook-time',
    title: 'admission is quick',
    after: ['webhook-canary'],
    async run({ canary }) {
      const sent = await canary()
      if (!sent) return skipped('there is no space yet')
      const milliseconds = Math.round(sent.answer.milliseconds)
      if (milliseconds < SLOW_MS) return ok(`${milliseconds} ms`)
      return warning(
        `a pod takes ${milliseconds} ms to be admitted, with all webhooks of the cluster`,
        'the metric apiserver_admission_webhook_admission_duration_seconds tells which webhook it is',
      )
    },
  },
]

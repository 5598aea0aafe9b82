/** What `azds install`, `azds upgrade` and `azds use` share: from values to a control plane that is ready. */
import type { ConfigMap, KubeObject } from '../../core/kube/types.ts'
import { PART_OF, PART_OF_LABEL } from '../../core/names.ts'
import { ownChart } from '../chart/files.ts'
import { checkValues, renderChart } from '../chart/render.ts'
import { defaultValues, mergeValues, overlayValues, type Values } from '../chart/values.ts'
import { toYaml } from '../chart/yaml.ts'
import { CliError, usageError } from '../command.ts'
import { type DoctorFacts, doctorFacts, type FactParts } from '../doctor/facts.ts'
import { KUBERNETES_CHECKS } from '../doctor/groups/kubernetes.ts'
import { RIGHTS_CHECKS } from '../doctor/groups/rights.ts'
import { findingText } from '../doctor/render.ts'
import { hasFailed, runChecks } from '../doctor/run.ts'
import { painter } from '../output.ts'
import type { World } from '../world.ts'
import { applyAll } from './apply.ts'
import { chartVersion } from './chart-version.ts'
import { MANAGED_BY_LABEL, VALUES_CONFIG_MAP, VERSION_LABEL } from './installation.ts'
import type { Steps } from './steps.ts'

/** All objects of an installation by azds: those of the chart, its namespace, and the values that made them. */
export function installationObjects(
  namespace: string,
  values: Values,
  isInstall: boolean,
): KubeObject[] {
  const chart = ownChart()
  const all = overlayValues(values, { namespace: { create: true } })
  try {
    checkValues(chart, mergeValues(defaultValues(chart), all))
  } catch (error) {
    throw usageError((error as Error).message)
  }
  const rendered = renderChart(chart, all, { name: 'azds', namespace, isInstall })
  return [...rendered, valuesObject(namespace, values)]
}

/** Keeps the values, so that an upgrade need not be told them again. */
function valuesObject(namespace: string, values: Values): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: VALUES_CONFIG_MAP,
      namespace,
      labels: {
        'app.kubernetes.io/name': 'azds',
        [PART_OF_LABEL]: PART_OF,
        [MANAGED_BY_LABEL]: 'azds',
        [VERSION_LABEL]: chartVersion(),
      },
    },
    data: { 'values.yaml': `${toYaml(values)}\n` },
  }
}

/** Objects as a manifest, each a document. */
export function manifestText(objects: readonly KubeObject[]): string {
  return objects.map((object) => `---\n${toYaml(object)}\n`).join('')
}

/** Facts for checks, of the whole cluster unless told otherwise. */
export function factsFor(
  world: World,
  target: string,
  about: Pick<FactParts, 'space' | 'onlySpace'> = { space: null },
): DoctorFacts {
  return doctorFacts({
    client: world.cluster(),
    chart: ownChart(),
    target,
    ...about,
    now: Date.now,
    elapsed: () => performance.now(),
  })
}

/** The checks that come before an installation; throws where one has failed, after saying which. */
export async function preflight(world: World, target: string, steps: Steps): Promise<void> {
  const groups = [
    { name: 'kubernetes', checks: KUBERNETES_CHECKS },
    { name: 'rights', checks: RIGHTS_CHECKS },
  ]
  const paint = painter(world.colour)
  const findings = await runChecks(groups, factsFor(world, target), {
    pre: true,
    developer: false,
    onFinding: (finding) => {
      if (!['ok', 'skipped'].includes(finding.outcome.result))
        world.err(findingText(finding, paint))
    },
  })
  if (hasFailed(findings)) {
    throw new CliError('nothing was changed: the cluster is not ready for azds, as told above')
  }
  const version = findings.find(({ check }) => check.id === 'api-version')?.outcome
  const told = version?.result === 'ok' ? `Kubernetes ${version.detail}, ` : ''
  steps.done('preflight', `${told}${findings.length} checks`)
}

export interface PerformOptions {
  dryRun: boolean
  wait: boolean
}

/** Applies and tells each step; warnings of the API server are told once each. */
export async function perform(
  objects: readonly KubeObject[],
  world: World,
  steps: Steps,
  { dryRun, wait }: PerformOptions,
): Promise<void> {
  const warned = new Set<string>()
  await applyAll(objects, {
    client: world.cluster(),
    dryRun,
    wait,
    stop: world.stop,
    onDone: steps.done,
    onWarning: (text) => {
      if (!warned.has(text)) steps.warn('warning', text)
      warned.add(text)
    },
  })
}

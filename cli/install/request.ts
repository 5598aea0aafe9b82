/** What the flags of `azds install` and `azds upgrade` ask for, as values of the chart. */

import { overlayValues, parseSet, parseValues, type Values } from '../chart/values.ts'
import { type Flag, type Invocation, textFlag, usageError } from '../command.ts'
import { outputFlag } from '../output.ts'
import type { World } from '../world.ts'

export const VALUE_FLAGS: readonly Flag[] = [
  { name: 'registry', value: 'REGISTRY', doc: 'Registry of all images, with its path.' },
  { name: 'tag', value: 'TAG', doc: 'Tag of all images; default: the version of azds.' },
  {
    name: 'replicas',
    value: 'N',
    doc: 'Replicas of the webhook and of azds-api, each; default 2.',
  },
  {
    name: 'cluster-domain',
    value: 'DOMAIN',
    doc: 'DNS domain of the cluster; default: as its pods’ resolv.conf says.',
  },
  {
    name: 'layout',
    value: 'LAYOUT',
    choices: ['auto', 'native', 'classic'],
    doc: 'How sidecars stand in their pods; default auto: native where every kubelet knows it.',
  },
  {
    name: 'set',
    value: 'KEY=VALUE,…',
    doc: 'Any value of the chart, as Helm’s --set: webhook.replicas=3.',
  },
  { name: 'values', value: 'FILE', doc: 'A file of values of the chart.' },
  { name: 'dry-run', doc: 'Ask the API server for each object, but change nothing.' },
  {
    name: 'no-wait',
    doc: 'Do not wait until the programs are ready.',
  },
  outputFlag('text', 'yaml'),
]

/** Flags that stand for one or more values each. */
const SHORT_CUTS: readonly [flag: string, set: (value: string) => string][] = [
  ['registry', (value) => `image.registry=${literal(value)}`],
  ['tag', (value) => `image.tag=${literal(value)}`],
  ['replicas', (value) => `webhook.replicas=${value},api.replicas=${value}`],
  ['cluster-domain', (value) => `clusterDomain=${literal(value)}`],
  ['layout', (value) => `sidecar.layout=${value}`],
]

/** The values of a file, the short cuts and `--set`, each over the one before. Throws usage errors. */
export async function requestedValues(invocation: Invocation, world: World): Promise<Values> {
  const file = textFlag(invocation, 'values')
  const replicas = textFlag(invocation, 'replicas')
  if (replicas !== undefined && !/^[1-9]\d?$/.test(replicas)) {
    throw usageError(`--replicas ${replicas}: expected a whole number from 1 to 20`)
  }
  try {
    let values = file === undefined ? {} : parseValues(file, await world.read(file))
    for (const [flag, set] of SHORT_CUTS) {
      const value = textFlag(invocation, flag)
      if (value !== undefined) values = overlayValues(values, texts(parseSet(set(value)), flag))
    }
    const own = textFlag(invocation, 'set')
    return own === undefined ? values : overlayValues(values, parseSet(own))
  } catch (error) {
    throw usageError((error as Error).message)
  }
}

/** Commas and backslashes of a plain flag mean themselves. */
function literal(value: string): string {
  return value.replace(/[\\,{}]/g, '\\$&')
}

/** A tag such as 123 is a text, though `--set` takes it for a number. */
function texts(values: Values, flag: string): Values {
  if (flag === 'replicas') return values
  return JSON.parse(JSON.stringify(values), (_, value) =>
    typeof value === 'number' || typeof value === 'boolean' ? String(value) : value,
  )
}

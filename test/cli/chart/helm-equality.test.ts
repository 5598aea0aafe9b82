/** The real `helm template` and azds make the same objects of the same chart and values. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type ChartFiles, ownChart } from '../../../cli/chart/files.ts'
import { renderChart } from '../../../cli/chart/render.ts'
import type { Values } from '../../../cli/chart/values.ts'
import { readYaml } from '../../../cli/chart/yaml.ts'
import { exec } from '../../../core/exec.ts'
import { kubernetesTools } from '../../../playground/kubectl.ts'
import { SAMPLE_CHART } from './sample-chart.ts'
import { valuesOfSchema } from './schema-arbitrary.ts'

let folder: string
let helm: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'azds-chart-'))
  helm = (await kubernetesTools()).helm
}, 60_000)

afterAll(() => rmSync(folder, { recursive: true }))

function write(name: string, files: ChartFiles): string {
  const root = join(folder, name)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

async function byHelm(chart: string, values: Values): Promise<unknown[]> {
  const file = join(folder, 'values.json')
  writeFileSync(file, JSON.stringify(values))
  const args = [
    'template',
    'azds',
    chart,
    '-n',
    'azds-system',
    '-f',
    file,
    '--kube-version',
    '1.33.0',
  ]
  const env = {
    HOME: folder,
    HELM_CACHE_HOME: folder,
    HELM_CONFIG_HOME: folder,
    HELM_DATA_HOME: folder,
  }
  const { code, stdout, stderr } = await exec(helm, args, { env, timeoutMs: 60_000 })
  if (code !== 0) throw new Error(stderr)
  return readYaml('helm template', stdout)
}

/** Helm sorts by kind and name; azds does so when it applies. */
function sorted(objects: unknown[]): unknown[] {
  const key = ({ kind, metadata }: never) => `${kind} ${metadata['name']}`
  return objects.toSorted((a, b) => (key(a as never) < key(b as never) ? -1 : 1))
}

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/)
const text = fc.oneof(
  word,
  fc.constantFrom(
    'yes',
    'null',
    '1e3',
    '0x1f',
    '~',
    "it's",
    '"q"',
    'a: b',
    '- x',
    '#c',
    ' x',
    'é\\n',
  ),
)
const values: fc.Arbitrary<Values> = fc.record(
  {
    name: word,
    replicas: fc.integer({ min: 0, max: 9999 }),
    enabled: fc.boolean(),
    image: fc.record(
      {
        registry: fc.constantFrom('', 'reg.example/', 'localhost:5000/team'),
        repository: word,
        tag: fc.constantFrom('', '1.0', 'v1+x'),
        digests: fc.constantFrom({}, { web: 'sha256:00' }),
      },
      { requiredKeys: [] },
    ),
    labels: fc.dictionary(word, word, { maxKeys: 3 }),
    list: fc.uniqueArray(word, { maxLength: 4 }),
    nested: fc.record({
      deep: fc.record({ text, number: fc.integer({ min: -5, max: 99_999 }) }),
      more: fc.oneof(
        text,
        fc.array(text, { maxLength: 3 }),
        fc.dictionary(word, text, { maxKeys: 3 }),
      ),
    }),
  },
  { requiredKeys: [] },
)

const RELEASE = {
  name: 'azds',
  namespace: 'azds-system',
  service: 'Helm',
  kubeVersion: 'v1.33.0',
}

test('helm template and azds make the same objects of a chart that uses every construct', async () => {
  const chart = write('sample', SAMPLE_CHART)
  await fc.assert(
    fc.asyncProperty(values, async (own) => {
      const ours = renderChart(SAMPLE_CHART, own, RELEASE)
      expect(sorted(ours)).toEqual(sorted(await byHelm(chart, own)))
    }),
    { numRuns: 10 },
  )
}, 120_000)

/** A port that is the kubelet's. */
const TAKEN = { hostNetwork: true, port: 10250 }

/** What the chart itself says of values that its schema allows and it cannot serve. */
function refusalOf(render: () => unknown): string | null {
  try {
    render()
    return null
  } catch (error) {
    return (error as Error).message.replace(/^templates\/\S+: /, '')
  }
}

test('helm template and azds make the same objects of our own chart, or refuse alike, whatever its schema allows', async () => {
  const files = ownChart()
  const chart = write('own', files)
  const schema = JSON.parse(files['values.schema.json'] ?? '')
  const allowed = valuesOfSchema(schema, schema.definitions) as fc.Arbitrary<Values>
  await fc.assert(
    fc.asyncProperty(allowed, async (own) => {
      const refusal = refusalOf(() => renderChart(files, own, RELEASE))
      if (refusal !== null) return expect(byHelm(chart, own)).rejects.toThrow(refusal)
      expect(sorted(renderChart(files, own, RELEASE))).toEqual(sorted(await byHelm(chart, own)))
    }),
    { numRuns: 15, examples: [[{}], [{ api: { enabled: true } }], [{ webhook: TAKEN }]] },
  )
}, 180_000)

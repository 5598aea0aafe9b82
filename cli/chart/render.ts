/** Makes a chart's objects of its templates and values, as `helm template` does, without Helm. */
import type { KubeObject } from '../../core/kube/types.ts'
import { evaluate, type Partials } from './evaluate.ts'
import type { ChartFiles } from './files.ts'
import { isMap } from './functions.ts'
import { type ParsedTemplate, parseTemplate } from './parser.ts'
import { faultsOfValues } from './schema.ts'
import { defaultValues, mergeValues, type Values } from './values.ts'
import { readYaml } from './yaml.ts'

export interface Release {
  name: string
  namespace: string
  /** False for an upgrade. */
  isInstall?: boolean
  /** What renders: the label `app.kubernetes.io/managed-by`. Default: `azds`. */
  service?: string
  /** `v1.33.2`; default: the oldest that the chart is for. */
  kubeVersion?: string
  /** What the cluster serves, as `policy/v1`. */
  apiVersions?: readonly string[]
}

/** The chart's objects, file by file and each in its order; partials and notes give none. */
export type RenderedFiles = ReadonlyMap<string, KubeObject[]>

/** Where a chart does not say otherwise. */
const OLDEST_KUBERNETES = 'v1.29.0'

/**
 * @param values over those of values.yaml
 * Throws for values that the schema does not allow, and a `TemplateError` with file and line for templates.
 */
export function renderChart(files: ChartFiles, values: Values, release: Release): KubeObject[] {
  return [...renderFiles(files, values, release).values()].flat()
}

export function renderFiles(files: ChartFiles, values: Values, release: Release): RenderedFiles {
  const all = mergeValues(defaultValues(files), values)
  checkValues(files, all)
  const texts = renderTexts(files, dataOf(files, all, release))
  return new Map([...texts].map(([file, text]) => [file, objectsOf(file, text)]))
}

/** Throws one sentence that has all faults. */
export function checkValues(files: ChartFiles, values: Values): void {
  const schema = files['values.schema.json']
  if (schema === undefined) return
  const faults = faultsOfValues(JSON.parse(schema), values)
  if (faults.length > 0) throw new Error(faults.join('; '))
}

/** What `.` is at the start of each file. */
function dataOf(files: ChartFiles, values: Values, release: Release): Values {
  const { name, namespace, isInstall = true, service = 'azds' } = release
  const kubeVersion = release.kubeVersion ?? OLDEST_KUBERNETES
  const [, major = '', minor = ''] = /^v?(\d+)\.(\d+)/.exec(kubeVersion) ?? []
  const chart = readYaml('Chart.yaml', files['Chart.yaml'] ?? '')[0]
  return {
    Values: values,
    Release: {
      Name: name,
      Namespace: namespace,
      Service: service,
      IsInstall: isInstall,
      IsUpgrade: !isInstall,
      Revision: 1,
    },
    Chart: isMap(chart) ? capitalised(chart) : {},
    Capabilities: {
      KubeVersion: { Version: kubeVersion, Major: major, Minor: minor, GitVersion: kubeVersion },
      APIVersions: { Has: (version: string) => release.apiVersions?.includes(version) ?? false },
    },
  }
}

/** Templates name the fields of Chart.yaml as Go does. */
function capitalised(chart: Values): Values {
  return Object.fromEntries(
    Object.entries(chart).map(([key, value]) => [`${key[0]?.toUpperCase()}${key.slice(1)}`, value]),
  )
}

/** The text of each file of objects. */
function renderTexts(files: ChartFiles, data: Values): Map<string, string> {
  const parsed = new Map<string, ParsedTemplate>()
  for (const [file, source] of Object.entries(files)) {
    if (file.startsWith('templates/')) parsed.set(file, parseTemplate(file, source))
  }
  const partials: Partials = new Map(
    [...parsed].flatMap(([file, { defined }]) =>
      [...defined].map(([name, body]) => [name, { file, body }] as const),
    ),
  )
  const texts = new Map<string, string>()
  for (const [file, { body }] of parsed) {
    if (!/\/[^_/][^/]*\.ya?ml$/.test(file)) continue
    const ownData = { ...data, Template: { Name: `azds/${file}`, BasePath: 'azds/templates' } }
    texts.set(file, evaluate(file, body, ownData, partials))
  }
  return texts
}

function objectsOf(file: string, text: string): KubeObject[] {
  return readYaml(file, text).map((value) => {
    if (isMap(value) && typeof value['kind'] === 'string' && isMap(value['metadata'])) {
      return value as unknown as KubeObject
    }
    throw new Error(`${file}: a document is no object with kind and metadata`)
  })
}

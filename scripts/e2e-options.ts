/** The options of `npm run e2e`. */

export interface E2eOptions {
  kubeconfig: string
  context: string
  /** Where azds is installed. */
  namespace: string
  registry: string
  tag: string
  /** Empty: the kubectl of the npm packages. */
  kubectl: string
  /** Scenarios to run; empty: all. */
  only: string
  keep: boolean
}

/** Files of scenarios that run on any cluster, by what `--only` calls them. */
export const SCENARIOS = ['routing', 'leaving', 'pods'] as const

/** Programs that values may switch off, by the value. */
export const OPTIONAL_PARTS = ['gateway', 'api'] as const
export type OptionalPart = (typeof OPTIONAL_PARTS)[number]

/** What of each scenario needs a part that may be absent: the whole, or some of its checks. */
const NEEDS: Record<(typeof SCENARIOS)[number], 'all' | 'some'> = {
  routing: 'all',
  leaving: 'all',
  pods: 'some',
}

/**
 * What can be run on a cluster that lacks these parts, and a sentence for each thing that cannot.
 * @param only scenarios that are asked for; empty: all
 */
export function runnable(
  only: string,
  lacks: readonly OptionalPart[],
): { scenarios: string[]; leftOut: string[] } {
  const wanted = SCENARIOS.filter((name) => only === '' || only.split(',').includes(name))
  if (lacks.length === 0) return { scenarios: [...wanted], leftOut: [] }
  const why = lacks
    .map((part) => `azds-${part} is not installed (${part}.enabled=false)`)
    .join(', ')
  const what = lacks.map((part) => (part === 'api' ? 'traces' : 'requests through the gateway'))
  return {
    scenarios: wanted.filter((name) => NEEDS[name] === 'some'),
    leftOut: wanted.map((name) =>
      NEEDS[name] === 'all'
        ? `LEFT OUT: the scenario ${name}, because ${why}`
        : `LEFT OUT of the scenario ${name}: all checks of ${what.join(' and ')}, because ${why}`,
    ),
  }
}

export const HELP = `npm run e2e -- --kubeconfig FILE [options]
Runs the scenarios of the cluster tests on a cluster where azds is installed and whose nodes have or can pull the images.
  --context NAME    context of the kubeconfig (default: its current one)
  --namespace NAME  where azds is installed (default: azds)
  --registry NAME   what stands before azds/sample, the image that the scenarios deploy (default: none)
  --tag TAG         its tag (default: the version of package.json)
  --kubectl FILE    program to call as kubectl (default: that of the npm packages)
  --only NAMES      ${SCENARIOS.join(',')} (default: all)
  --keep            leave the namespaces azds-e2e-… in place`

type Parsed = { ok: true; options: E2eOptions } | { ok: false; mistake: string }

/** @param version tag where none is given */
export function parseE2eOptions(args: readonly string[], version: string): Parsed {
  const options: E2eOptions = {
    ...{ kubeconfig: '', context: '', namespace: 'azds', registry: '', tag: version },
    ...{ kubectl: '', only: '', keep: false },
  }
  for (let index = 0; index < args.length; index += 1) {
    const flag = args[index] ?? ''
    if (flag === '--keep') {
      options.keep = true
      continue
    }
    const name = flag.replace(/^--/, '')
    if (!flag.startsWith('--') || !isValue(name, options)) {
      return { ok: false, mistake: `unknown option ${flag}` }
    }
    const value = args[index + 1]
    if (!value) return { ok: false, mistake: `${flag} needs a value` }
    options[name] = value
    index += 1
  }
  if (options.kubeconfig === '') return { ok: false, mistake: '--kubeconfig is needed' }
  const unknown = options.only
    .split(',')
    .filter((name) => name !== '' && !(SCENARIOS as readonly string[]).includes(name))
  if (unknown.length > 0) return { ok: false, mistake: `--only: there is no ${unknown.join(', ')}` }
  return { ok: true, options }
}

type ValueName = Exclude<keyof E2eOptions, 'keep'>

function isValue(name: string, options: E2eOptions): name is ValueName {
  return name !== 'keep' && Object.hasOwn(options, name)
}

/** How the tests hear of it. */
export function environmentOf(
  options: E2eOptions,
  lacks: readonly OptionalPart[] = [],
): Record<string, string> {
  const { registry, tag } = options
  return {
    AZDS_E2E_KUBECONFIG: options.kubeconfig,
    AZDS_E2E_CONTEXT: options.context,
    AZDS_E2E_KUBECTL: options.kubectl,
    AZDS_E2E_NAMESPACE: options.namespace,
    AZDS_E2E_SAMPLE_IMAGE: `${registry === '' ? '' : `${registry}/`}azds/sample:${tag}`,
    AZDS_E2E_KEEP: String(options.keep),
    AZDS_E2E_LACKS: lacks.join(','),
  }
}

/** `npm run e2e`: the scenarios of the cluster tests, on any cluster where azds is installed. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type ExecResult, exec } from '../core/exec.ts'
import { kubernetesTools } from '../playground/kubectl.ts'
import {
  type E2eOptions,
  environmentOf,
  HELP,
  OPTIONAL_PARTS,
  type OptionalPart,
  parseE2eOptions,
  runnable,
} from './e2e-options.ts'

const ROOT = join(import.meta.dirname, '..')
const JEST = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js']
/** Without these no scenario can pass. */
const NEEDED = ['azds-webhook', 'azds-controller']

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    console.log(HELP)
    return 0
  }
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const parsed = parseE2eOptions(args, version)
  if (!parsed.ok) {
    console.error(`${parsed.mistake}\n\n${HELP}`)
    return 64
  }
  const options = { ...parsed.options, kubeconfig: resolve(parsed.options.kubeconfig) }
  const kubectl = await kubectlFor(options)
  const lacks = await lackingParts(kubectl, options.namespace)
  const problem = await notInstalled(kubectl, options.namespace, lacks)
  if (problem !== null) {
    console.error(problem)
    return 1
  }
  const { scenarios, leftOut } = runnable(options.only, lacks)
  for (const line of leftOut) console.error(line)
  if (scenarios.length === 0) {
    console.error('Nothing is left to run.')
    return 1
  }
  const code = await runScenarios(options, scenarios, lacks)
  // Once more, because it is the end of what was printed that people read.
  for (const line of leftOut) console.error(line)
  return code
}

type Kubectl = (args: readonly string[]) => Promise<ExecResult>

async function kubectlFor({ kubectl, kubeconfig, context }: E2eOptions): Promise<Kubectl> {
  const program = kubectl || (await kubernetesTools()).kubectl
  const target = ['--kubeconfig', kubeconfig, ...(context ? ['--context', context] : [])]
  return (args) => exec(program, [...target, ...args], { timeoutMs: 90_000 })
}

/** Parts that the values of this installation have switched off. */
async function lackingParts(kubectl: Kubectl, namespace: string): Promise<OptionalPart[]> {
  const names = OPTIONAL_PARTS.map((part) => `azds-${part}`)
  const get = ['get', 'deployment', ...names, '--ignore-not-found', '-o', 'name', '-n', namespace]
  const { code, stdout } = await kubectl(get)
  // Who may not look is told so by what comes next.
  if (code !== 0) return []
  const found = stdout.split('\n').map((line) => line.trim())
  return OPTIONAL_PARTS.filter((part) => !found.includes(`deployment.apps/azds-${part}`))
}

/** Why scenarios need not be tried; null if all is there. */
async function notInstalled(
  kubectl: Kubectl,
  namespace: string,
  lacks: readonly OptionalPart[],
): Promise<string | null> {
  const optional = OPTIONAL_PARTS.filter((part) => !lacks.includes(part))
  const wanted = [...NEEDED, ...optional.map((part) => `azds-${part}`)]
  const wait = ['wait', '--for=condition=Available', '--timeout=60s', '-n', namespace]
  const { code, stderr } = await kubectl([...wait, ...wanted.map((name) => `deployment/${name}`)])
  if (code === 0) return null
  return `azds is not ready in the namespace ${namespace} of this cluster: ${stderr.trim()}\nInstall it first: deploy/README.md.`
}

function runScenarios(
  options: E2eOptions,
  scenarios: readonly string[],
  lacks: readonly OptionalPart[],
): Promise<number> {
  const pattern = `test/cluster/spaces/(${scenarios.join('|')})\\.test\\.ts$`
  const args = [
    ...JEST,
    '--selectProjects',
    'cluster',
    '--runInBand',
    '--testPathPatterns',
    pattern,
  ]
  const env = { ...process.env, ...environmentOf(options, lacks) }
  const jest = spawn(process.execPath, args, { cwd: ROOT, env, stdio: 'inherit' })
  return new Promise((done) => {
    jest.once('exit', (code) => done(code ?? 1))
  })
}

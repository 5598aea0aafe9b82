/** `npm run e2e`: the scenarios of the cluster tests, on any cluster where azds is installed. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { exec } from '../core/exec.ts'
import { kubernetesTools } from '../playground/kubectl.ts'
import { type E2eOptions, environmentOf, HELP, parseE2eOptions, SCENARIOS } from './e2e-options.ts'

const ROOT = join(import.meta.dirname, '..')
const JEST = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js']
/** Without these no scenario can pass. */
const NEEDED = ['azds-webhook', 'azds-controller', 'azds-api', 'azds-gateway']

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
  const problem = await notInstalled(options)
  if (problem !== null) {
    console.error(problem)
    return 1
  }
  return runScenarios(options)
}

/** Why scenarios need not be tried; null if all is there. */
async function notInstalled(options: E2eOptions): Promise<string | null> {
  const { kubeconfig, context, namespace } = options
  const program = options.kubectl || (await kubernetesTools()).kubectl
  const target = ['--kubeconfig', kubeconfig, ...(context ? ['--context', context] : [])]
  const wanted = NEEDED.map((name) => `deployment/${name}`)
  const wait = ['wait', '--for=condition=Available', '--timeout=60s', '-n', namespace]
  const { code, stderr } = await exec(program, [...target, ...wait, ...wanted], {
    timeoutMs: 90_000,
  })
  if (code === 0) return null
  return `azds is not ready in the namespace ${namespace} of this cluster: ${stderr.trim()}\nInstall it first: deploy/README.md.`
}

function runScenarios(options: E2eOptions): Promise<number> {
  const wanted = options.only === '' ? SCENARIOS : options.only.split(',')
  const pattern = `test/cluster/spaces/(${wanted.join('|')})\\.test\\.ts$`
  const args = [
    ...JEST,
    '--selectProjects',
    'cluster',
    '--runInBand',
    '--testPathPatterns',
    pattern,
  ]
  const env = { ...process.env, ...environmentOf(options) }
  const jest = spawn(process.execPath, args, { cwd: ROOT, env, stdio: 'inherit' })
  return new Promise((done) => {
    jest.once('exit', (code) => done(code ?? 1))
  })
}

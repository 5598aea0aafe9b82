/** A cluster for one file of scenarios, with our control plane, and the calls that its tests make. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseAllDocuments } from 'yaml'
import { type ExecResult, execOk } from '../../../core/exec.ts'
import type { KubeClient } from '../../../core/kube/client.ts'
import type { KubeObject, Pod } from '../../../core/kube/types.ts'
import type { Playground } from '../../../playground/bring-up.ts'
import { foreignOptions, startTarget } from '../target.ts'
import { SpaceNames } from './space-names.ts'

export interface SpaceCluster {
  /** Throws on a cluster that is not the playground. */
  readonly playground: Playground
  client: KubeClient
  names: SpaceNames
  /** Ports of this machine that lead to the gateway, and to what answers for traces. */
  gatewayPort: number
  viewerPort: number
  /** Runs kubectl and says how it ended; `input` is its standard input: objects in JSON. */
  kubectl(args: readonly string[], input?: string): Promise<ExecResult>
  /** Applies objects with kubectl and waits until their Deployments are rolled out. */
  apply(objects: readonly KubeObject[]): Promise<void>
  /** Runs a command in the first container of the pod with the label `app`; rejects unless it exits with 0. */
  inPod(namespace: string, app: string, command: string[]): Promise<string>
  /** The pods with the label `app`. */
  pods(namespace: string, app: string): Promise<Pod[]>
  /** @param selector one label: `job-name=report` */
  podsBy(namespace: string, selector: string): Promise<Pod[]>
  stop(): Promise<void>
}

const SAMPLE = join(import.meta.dirname, '../../../playground/sample/manifests')

/** On somebody's own cluster images may have to be pulled: three times as long. */
const FACTOR = foreignOptions(process.env) ? 3 : 1
/** Longest wait (ms) for anything here: well above what it takes, also on a busy machine. */
export const WAIT_LIMIT_MS = 60_000 * FACTOR
/** For a scenario's longest step, with twelve pods: 8 s on an idle machine with two cores. */
export const SCENARIO_LIMIT_MS = 180_000 * FACTOR

/** @param sample whether the sample app of `npm start` is to run in `dev` and `alice` */
export async function startSpaceCluster(options: { sample: boolean }): Promise<SpaceCluster> {
  const target = await startTarget(options)
  const { client, gatewayPort, viewerPort } = target
  const names = new SpaceNames(target.prefix, target.sampleImage)
  const kubectl = async (args: readonly string[], input?: string) => {
    const mapped = input === undefined ? input : names.input(input)
    const { code, stdout, stderr } = await target.kubectl(names.args(args), mapped)
    return { code, stdout: names.logical(stdout), stderr: names.logical(stderr) }
  }
  const podsBy = async (namespace: string, selector: string) => {
    const query = `labelSelector=${encodeURIComponent(selector)}`
    const path = `/api/v1/namespaces/${names.real(namespace)}/pods?${query}`
    return (await client.get<{ items: Pod[] }>(path)).items
  }
  const pods = (namespace: string, app: string) => podsBy(namespace, `app=${app}`)
  const apply = async (objects: readonly KubeObject[]) => {
    const documents = objects.map((object) => JSON.stringify(object)).join('\n---\n')
    await execOk(
      (_, args, limits) => kubectl(args, limits?.input),
      'kubectl',
      ['apply', '-f', '-'],
      {
        input: documents,
      },
    )
    const deployments = objects.filter(({ kind }) => kind === 'Deployment')
    await Promise.all(
      deployments.map(({ metadata: { namespace = '', name = '' } }) => {
        const status = ['rollout', 'status', `deployment/${name}`, '-n', namespace]
        const limit = `--timeout=${target.waitLimitMs / 1000}s`
        return execOk((_, args) => kubectl(args), 'kubectl', [...status, limit])
      }),
    )
  }
  const stop = () => target.stop(names.made)
  try {
    if (options.sample && !target.playground) await apply(sampleObjects())
  } catch (error) {
    await stop()
    throw error
  }
  return {
    get playground() {
      if (target.playground) return target.playground
      throw new Error('this test needs the playground: see describeScenario')
    },
    ...{ client, names, gatewayPort, viewerPort, kubectl, apply, pods, podsBy, stop },
    inPod: async (namespace, app, command) => {
      const [pod] = await pods(namespace, app)
      if (!pod) throw new Error(`no pod with the label app=${app} in ${namespace}`)
      const { name = '' } = pod.metadata
      const container = pod.spec.containers[0]?.name ?? ''
      const result = await target.exec(names.real(namespace), name, container, command)
      if (result.code === 0) return names.logical(result.stdout)
      throw new Error(`in ${namespace}/${name}: ${command.join(' ')}: ${result.stderr}`)
    },
  }
}

/** What `npm start` deploys. */
function sampleObjects(): KubeObject[] {
  return readdirSync(SAMPLE)
    .toSorted()
    .flatMap((file) => parseAllDocuments(readFileSync(join(SAMPLE, file), 'utf8')))
    .map((document) => document.toJS() as KubeObject)
}

/**
 * Asks until the answer passes; fails with the last one. Returns it with the time that it took (ms).
 * What is asked for must come by itself: nothing else is tried.
 */
export async function eventually<T>(
  ask: () => Promise<T>,
  passes: (answer: T) => boolean,
  pauseMs = 20,
): Promise<{ answer: T; ms: number }> {
  const began = performance.now()
  for (;;) {
    const answer = await ask()
    const ms = performance.now() - began
    if (passes(answer)) return { answer, ms }
    if (ms > WAIT_LIMIT_MS) {
      throw new Error(`not so after ${ms} ms: ${JSON.stringify(answer)}`)
    }
    await sleep(pauseMs)
  }
}

export function isReady({ status }: Pod): boolean {
  return Boolean(
    status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
  )
}

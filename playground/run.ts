/** The two ways to run the playground: until Ctrl-C, or once with every answer checked. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Exec } from '../core/exec.ts'
import type { SignalSource } from '../core/lifecycle.ts'
import { bringUp, type Playground } from './bring-up.ts'
import { DEMO_REQUESTS, type DemoResult, differences } from './demonstration.ts'
import { hostState, leftovers, processesOf } from './leftovers.ts'
import { ANSI, PLAIN, renderDemonstration, renderPlaces, type Style } from './report.ts'
import { fetchRecords, makeRequest } from './requests.ts'

export interface World {
  env: Record<string, string | undefined>
  uid: number
  exec: Exec
  signals: SignalSource
  terminal: { write(text: string): unknown; isTTY?: boolean }
}

/** Starts, shows, stays up until a signal, takes down. Returns the exit code. */
export async function runForever(world: World): Promise<number> {
  const stop = stopSignal(world.signals)
  const playground = await start(world, stop)
  if (!playground) return 1
  const style = styleOf(world)
  try {
    const results = await demonstrate(playground)
    print(world, `\n${renderDemonstration(results, style)}\n\n${places(playground, style)}\n`)
    print(world, `\n${style.strong('Ctrl-C ends everything and leaves nothing behind.')}\n`)
    const reason = await Promise.race([
      stop.asked,
      playground.cluster.ended.then(() => 'the node has ended by itself' as const),
    ])
    if (reason === 'the node has ended by itself') {
      print(world, `\n${reason}; the end of its log:\n${lastLines(playground.cluster.logPath)}\n`)
      return 1
    }
    return 0
  } finally {
    print(world, '\nTaking everything down …\n')
    await playground.cluster.stop()
  }
}

/** Lines of a log that are shown where its file is about to go: a stack and what led there. */
const LOG_LINES = 20

function lastLines(path: string): string {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  return text.trimEnd().split('\n').slice(-LOG_LINES).join('\n') || '(nothing was written)'
}

/** Starts, shows, checks every answer and what is left behind. Returns the exit code. */
export async function runOnce(world: World): Promise<number> {
  const stop = stopSignal(world.signals)
  const before = await hostState(world.exec)
  const playground = await start(world, stop)
  const checks: Check[] = []
  if (playground) {
    try {
      const results = await Promise.race([demonstrate(playground), stop.asked])
      if (results === 'signal') throw new Error('interrupted by a signal')
      print(world, `\n${renderDemonstration(results, styleOf(world))}\n\n`)
      checks.push(...results.map(checkOf))
    } catch (error) {
      checks.push({ what: 'the demonstration', problem: (error as Error).message })
    } finally {
      await playground.cluster.stop()
    }
  } else {
    checks.push({ what: 'the playground starts', problem: 'see above' })
  }
  const left = leftovers(before, await hostState(world.exec))
  if (playground) {
    const directory = dirname(playground.cluster.kubeconfigPath)
    left.push(...(await processesOf(directory)).map((line) => `processes: ${line}`))
    if (existsSync(directory)) left.push(`folders: ${directory}`)
  }
  checks.push({ what: 'nothing is left behind', problem: left.join('\n        ') || null })
  return conclude(world, checks)
}

interface Check {
  what: string
  /** Null if it holds. */
  problem: string | null
}

function checkOf(result: DemoResult): Check {
  return { what: result.request.title, problem: differences(result).join('; ') || null }
}

function conclude(world: World, checks: Check[]): number {
  for (const { what, problem } of checks) {
    print(
      world,
      `  ${problem === null ? '√' : '×'} ${what}${problem === null ? '' : `\n        ${problem}`}\n`,
    )
  }
  const failed = checks.filter(({ problem }) => problem !== null).length
  print(world, `\n${checks.length - failed} passed, ${failed} failed\n`)
  return failed === 0 ? 0 : 1
}

async function start(world: World, stop: StopSignal): Promise<Playground | null> {
  const { env, uid, exec } = world
  const rising = bringUp({ env, uid, exec }, (step, milliseconds) => {
    print(world, `  ${(milliseconds / 1000).toFixed(1).padStart(5)} s  ${step}\n`)
  })
  const outcome = await Promise.race([rising.catch((error: Error) => error), stop.asked])
  if (outcome === 'signal') {
    // Whoever presses Ctrl-C while it starts wants it gone as much as later.
    const late = await rising.catch(() => null)
    await late?.cluster.stop()
    return null
  }
  if (outcome instanceof Error) {
    print(world, `\nThe playground did not start: ${outcome.message}\n`)
    return null
  }
  return outcome
}

async function demonstrate(playground: Playground): Promise<DemoResult[]> {
  const { gatewayPort, viewerPort } = playground
  const results: DemoResult[] = []
  for (const request of DEMO_REQUESTS) results.push(await makeRequest(request, gatewayPort))
  for (const result of results) result.records = await fetchRecords(viewerPort, result.traceId)
  return results
}

function places(playground: Playground, style: Style): string {
  const { cluster, gatewayPort, viewerPort, kubectlPath } = playground
  const url = (host: string) => `http://${host}.localhost:${gatewayPort}/`
  const services = ['web', 'orders', 'stock', 'warehouse']
  const addresses = [
    { what: 'traces', where: `http://localhost:${viewerPort}/` },
    ...services.map((name) => ({ what: `${name}, team`, where: url(`dev.${name}`) })),
    ...services.map((name) => ({ what: `${name}, Alice`, where: url(`alice.s.dev.${name}`) })),
  ]
  const node = join('node_modules', '.bin', 'node')
  const commands = [
    { what: 'kubeconfig', where: `export KUBECONFIG=${cluster.kubeconfigPath}` },
    { what: 'look around', where: `${kubectlPath} get pods --all-namespaces` },
    {
      what: 'watch traces',
      where: `${node} dist/azds.mjs trace --follow`,
    },
    { what: 'list spaces', where: `${node} dist/azds.mjs space list` },
  ]
  return `${renderPlaces('Addresses', addresses, style)}\n\n${renderPlaces('Commands', commands, style)}`
}

interface StopSignal {
  readonly asked: Promise<'signal'>
}

function stopSignal(signals: SignalSource): StopSignal {
  const asked = new Promise<'signal'>((resolve) => {
    const listener = () => resolve('signal')
    signals.on('SIGINT', listener)
    signals.on('SIGTERM', listener)
  })
  return { asked }
}

function styleOf({ terminal, env }: World): Style {
  return terminal.isTTY && !env['NO_COLOR'] ? ANSI : PLAIN
}

function print({ terminal }: World, text: string): void {
  terminal.write(text)
}

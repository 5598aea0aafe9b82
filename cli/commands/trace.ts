/** `azds trace`: what requests did, as a list, as a tree of hops, or live. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { TraceQuery } from '../../core/controller-api.ts'
import { type Command, EXIT_OK, type Invocation, textFlag, usageError } from '../command.ts'
import { json, jsonLine, outputFlag, painter, printableAll, printableLines } from '../output.ts'
import { refuseNoSpace } from '../spaces.ts'
import type { TraceListener } from '../trace-source.ts'
import { exchangeLine, listText, treeText } from '../trace-text.ts'
import type { World } from '../world.ts'

/** Traces of a list: about one screen. The controller gives 200 at most. */
const LIMIT = { usual: 20, most: 200 }
/** Pause (ms) before a broken stream is opened again: the controller restarts within seconds. */
const RECONNECT_MS = 1000

function queryOf(invocation: Invocation): TraceQuery {
  const [space, service] = ['space', 'service'].map((name) => textFlag(invocation, name))
  return { ...(space !== undefined && { space }), ...(service !== undefined && { service }) }
}

async function list(invocation: Invocation, world: World): Promise<number> {
  const limit = textFlag(invocation, 'limit') ?? String(LIMIT.usual)
  if (!/^[1-9]\d{0,2}$/.test(limit) || Number(limit) > LIMIT.most) {
    throw usageError(`--limit ${limit}: expected a whole number from 1 to ${LIMIT.most}`)
  }
  const source = await world.traces()
  const query = queryOf(invocation)
  const { traces } = await source.list(query, Number(limit))
  if (invocation.flags['output'] === 'json') world.out(json(traces))
  else if (traces.length > 0) world.out(listText(printableAll(traces), painter(world.colour)))
  else {
    // Traces outlive their space, so this is asked only where there are none.
    if (query.space !== undefined) await refuseNoSpace(world.cluster(), query.space)
    world.err('No traces match; make a request, or look live with `azds trace -f`.\n')
  }
  return EXIT_OK
}

async function show(traceId: string, invocation: Invocation, world: World): Promise<number> {
  if (!/^[0-9a-f]{32}$/.test(traceId)) {
    throw usageError(`trace id "${traceId}": expected 32 hex digits, as \`azds trace\` prints them`)
  }
  const source = await world.traces()
  const detail = await source.one(traceId, textFlag(invocation, 'space'))
  if (invocation.flags['output'] === 'json') world.out(json(detail))
  else world.out(treeText(printableAll(detail.records), painter(world.colour)))
  return EXIT_OK
}

/** Prints exchanges as they happen until Ctrl-C; a stream that breaks is opened again. */
async function follow(invocation: Invocation, world: World): Promise<number> {
  const source = await world.traces()
  const paint = painter(world.colour)
  const asJson = invocation.flags['output'] === 'json'
  let hasOpened = false
  const listener: TraceListener = {
    opened: () => {
      hasOpened = true
    },
    missed: (records) =>
      world.err(`${records} exchanges were left out: more happens than can be shown.\n`),
    record: (record) => {
      if (asJson) return world.out(jsonLine(record))
      const line = exchangeLine(printableAll(record), paint)
      if (line !== null) world.out(`${line}\n`)
    },
  }
  const query = queryOf(invocation)
  if (query.space !== undefined) await refuseNoSpace(world.cluster(), query.space)
  for (;;) {
    await source.follow(query, listener, world.stop).catch((error: Error) => {
      // A stream that never stood is the caller's to see: what is missing would be asked for for ever.
      if (!hasOpened) throw error
      world.err(`${printableLines(error.message)}\n`)
    })
    if (world.stop.aborted) return EXIT_OK
    world.err(
      'The stream has ended; opening it again. What happens meanwhile is in `azds trace`.\n',
    )
    await sleep(RECONNECT_MS, undefined, { signal: world.stop }).catch(() => {})
    if (world.stop.aborted) return EXIT_OK
  }
}

export const trace: Command = {
  words: ['trace'],
  summary: 'Show what requests did: newest traces, one trace’s hops, or live',
  description: [
    'Without an argument: the newest traces, one a line. With a trace id: that trace’s hops, each under\nthe one that caused it, with who called whom in which space, and why. With -f: every exchange as it\nhappens, until Ctrl-C.',
    'With -o json the controller’s own objects are printed; with -f one to a line.',
  ],
  args: [{ name: 'ID', doc: 'A trace id: 32 hex digits.', optional: true }],
  flags: [
    { name: 'follow', short: 'f', doc: 'Print exchanges as they happen.' },
    {
      name: 'space',
      value: 'SPACE',
      doc: 'Only what belongs to this space or was recorded in it.',
    },
    {
      name: 'service',
      value: 'SERVICE',
      doc: 'Only what has to do with this service or workload.',
    },
    {
      name: 'limit',
      value: 'N',
      doc: `How many traces, 1 to ${LIMIT.most}; default ${LIMIT.usual}.`,
    },
    outputFlag('table', 'json'),
  ],
  examples: [
    ['azds trace --space alice', 'the newest traces of space alice'],
    ['azds trace -f --service orders', 'what orders does, live'],
    ['azds trace 4bf92f3577b34da6a3ce929d0e0e4736', 'the hops of one trace'],
  ],
  async run(invocation, world) {
    const [traceId] = invocation.args
    const live = invocation.flags['follow'] === true
    if (traceId !== undefined && live) {
      throw usageError('azds trace -f follows what happens: leave the trace id out')
    }
    if (live) return follow(invocation, world)
    return traceId === undefined ? list(invocation, world) : show(traceId, invocation, world)
  },
}

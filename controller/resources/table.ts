/** The answer's form for `kubectl get`: `Table` of meta.k8s.io/v1, made on this side so that kubectl needs no plug-in. */
import type { Sidecar, SpaceResource, Trace, TraceNews } from '../../core/trace-resource.ts'
import { shortDuration } from './short-duration.ts'

/** Any object of the group. */
export type Resource = Trace | TraceNews | Sidecar | SpaceResource

/** How much of an object each row carries; kubectl asks for `Metadata`. */
export type IncludeObject = 'None' | 'Metadata' | 'Object'

interface Column<T> {
  name: string
  type: 'string' | 'integer' | 'number'
  description: string
  /** Above 0: shown by `-o wide` only. */
  priority?: number
  cell: (object: T, now: number) => string | number
}

export interface Table {
  kind: 'Table'
  apiVersion: 'meta.k8s.io/v1'
  metadata: object
  columnDefinitions: {
    name: string
    type: string
    format: string
    description: string
    priority: number
  }[]
  rows: { cells: (string | number)[]; object?: unknown }[]
}

/** Shown where there is nothing to show, as kubectl does. */
const NONE = '<none>'

const TRACE: readonly Column<Trace>[] = [
  {
    name: 'Name',
    type: 'string',
    description: 'Trace id (W3C).',
    cell: ({ metadata }) => metadata.name,
  },
  {
    name: 'Method',
    type: 'string',
    description: 'Of the first request.',
    cell: ({ summary }) => summary.method ?? summary.protocol,
  },
  {
    name: 'Host',
    type: 'string',
    description: 'Whom the first request was for.',
    cell: ({ summary }) => summary.authority ?? NONE,
  },
  {
    name: 'Path',
    type: 'string',
    description: 'Of the first request.',
    cell: ({ summary }) => summary.path ?? NONE,
  },
  {
    name: 'Status',
    type: 'string',
    description: 'Of the answer, or the error that ended it.',
    cell: ({ summary }) => String(summary.status ?? summary.error?.code ?? NONE),
  },
  {
    name: 'Space',
    type: 'string',
    description: 'The space that it belongs to.',
    cell: ({ summary }) => summary.context ?? NONE,
  },
  {
    name: 'Milliseconds',
    type: 'integer',
    description: 'From the start of the first request to the end of the last.',
    cell: ({ summary }) => Math.round(summary.durationMs),
  },
  {
    name: 'Age',
    type: 'string',
    description: 'Since the first request began.',
    cell: ({ summary }, now) => shortDuration(now - summary.startedAt),
  },
  {
    name: 'Services',
    type: 'string',
    description: 'That it passed.',
    priority: 1,
    cell: ({ summary }) => summary.services.join(',') || NONE,
  },
  {
    name: 'Spaces',
    type: 'string',
    description: 'That it passed.',
    priority: 1,
    cell: ({ summary }) => summary.spaces.join(',') || NONE,
  },
]

const NEWS: readonly Column<TraceNews>[] = [
  {
    name: 'Name',
    type: 'string',
    description: 'Trace id (W3C).',
    cell: ({ metadata }) => metadata.name,
  },
  {
    name: 'Records',
    type: 'integer',
    description: 'That are new.',
    cell: ({ added }) => added.length,
  },
]

const SIDECAR: readonly Column<Sidecar>[] = [
  {
    name: 'Name',
    type: 'string',
    description: 'Name of the pod.',
    cell: ({ metadata }) => metadata.name,
  },
  {
    name: 'State',
    type: 'string',
    description: '"connected", or "missing" and why.',
    cell: ({ status }) =>
      status.state === 'missing' ? `missing (${status.reason})` : status.state,
  },
  {
    name: 'Version',
    type: 'string',
    description: 'Of the sidecar.',
    cell: ({ status }) => (status.state === 'connected' ? (status.version ?? NONE) : NONE),
  },
  {
    name: 'Connected',
    type: 'string',
    description: 'For how long its routing feed has been open.',
    cell: ({ status }, now) =>
      status.state === 'connected' ? shortDuration(now - Date.parse(status.since)) : NONE,
  },
  {
    name: 'Owner',
    type: 'string',
    description: 'What is restarted to give the pod a sidecar.',
    priority: 1,
    cell: ({ status }) =>
      status.state === 'missing' && status.owner
        ? `${status.owner.kind}/${status.owner.name}`
        : NONE,
  },
]

const SPACE: readonly Column<SpaceResource>[] = [
  {
    name: 'Name',
    type: 'string',
    description: 'The namespace.',
    cell: ({ metadata }) => metadata.name,
  },
  {
    name: 'Path',
    type: 'string',
    description: 'The chain from the root down.',
    cell: ({ status }) => status.path,
  },
  {
    name: 'Services',
    type: 'integer',
    description: 'How many Services it has of its own.',
    cell: ({ status }) => status.services.length,
  },
  {
    name: 'Problem',
    type: 'string',
    description: 'What is wrong with its parents.',
    cell: ({ status }) => status.problem?.code ?? NONE,
  },
]

type KindOfColumns = 'Trace' | 'TraceNews' | 'Sidecar' | 'Space'
const COLUMNS = { Trace: TRACE, TraceNews: NEWS, Sidecar: SIDECAR, Space: SPACE }

/**
 * @param kind of all the objects
 * @param metadata of the list, if it is one
 * @param now wall clock in ms since 1970
 */
export function tableOf(
  kind: KindOfColumns,
  objects: readonly Resource[],
  options: { metadata?: object; include: IncludeObject; now: number },
): Table {
  const { metadata = {}, include, now } = options
  // The kind chose the columns, so each cell gets the object that it is for.
  const columns = COLUMNS[kind] as unknown as readonly Column<Resource>[]
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columns.map(({ name, type, description, priority = 0 }) => ({
      name,
      type,
      format: name === 'Name' ? 'name' : '',
      description,
      priority,
    })),
    rows: objects.map((object) => ({
      cells: columns.map(({ cell }) => cell(object, now)),
      ...(include !== 'None' && { object: include === 'Object' ? object : partialOf(object) }),
    })),
  }
}

function partialOf({ metadata }: Resource) {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata }
}

/** Whether an `Accept` header asks for a table of v1 before plain JSON, as kubectl's does. */
export function wantsTable(accept: string | undefined): boolean {
  for (const range of (accept ?? '').split(',')) {
    const [type, ...parameters] = range.split(';').map((part) => part.trim())
    const has = (parameter: string) => parameters.includes(parameter)
    if (type !== 'application/json') continue
    if (!parameters.some((parameter) => parameter.startsWith('as='))) return false
    if (has('as=Table') && has('v=v1') && has('g=meta.k8s.io')) return true
  }
  return false
}

/** @returns null where the parameter is none of the three */
export function includeObjectOf(value: string | undefined): IncludeObject | null {
  if (!value) return 'Metadata'
  return value === 'None' || value === 'Metadata' || value === 'Object' ? value : null
}

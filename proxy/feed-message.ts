/** Reads one line of the routing feed and checks its shape; pure. */
import type { FeedMessage } from '../core/routing-feed.ts'

export type ParsedFeedLine =
  | { ok: true; message: FeedMessage }
  /** What is wrong, and with which field. */
  | { ok: false; problem: string }

type Fields = Record<string, unknown>

/**
 * A wrong line must not leave half a table behind, so that every field that the table walks through
 * is checked before the message is applied.
 */
export function parseFeedLine(line: string): ParsedFeedLine {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return { ok: false, problem: 'the line is not JSON' }
  }
  if (!isObject(value)) return { ok: false, problem: 'the line is not an object' }
  const problem = problemOf(value)
  return problem === null ? { ok: true, message: value as unknown as FeedMessage } : wrong(problem)
}

const wrong = (problem: string): ParsedFeedLine => ({ ok: false, problem })

function problemOf(message: Fields): string | null {
  if (message['type'] === 'bye') return isDelay(message['afterMs']) ? null : 'afterMs is no time'
  if (!isVersion(message['version'])) return 'version is not {epoch, number}'
  for (const name of ['leaving', 'finished']) {
    if (!isOneOf(['boolean', 'undefined'], message[name])) return `${name} is no boolean`
  }
  if (!isOneOf(['string', 'undefined'], message['digest'])) return 'digest is no text'
  switch (message['type']) {
    case 'heartbeat':
      return isOneOf(['number', 'undefined'], message['readers']) ? null : 'readers is no number'
    case 'resume':
      return listProblem('self', message['self'], isSelfPort)
    case 'snapshot':
      return (
        listProblem('spaces', message['spaces'], isSpace) ??
        listProblem('services', message['services'], isService) ??
        listProblem('self', message['self'], isSelfPort)
      )
    case 'delta':
      return (
        changesProblem('spaces', message['spaces'], isSpace) ??
        changesProblem('services', message['services'], isService) ??
        (message['self'] === null ? null : listProblem('self', message['self'], isSelfPort))
      )
    default:
      return 'type is none of snapshot, delta, resume, heartbeat, bye'
  }
}

function changesProblem(
  name: string,
  value: unknown,
  fits: (item: unknown) => boolean,
): string | null {
  if (!isObject(value)) return `${name} is not {put, remove}`
  return (
    listProblem(`${name}.put`, value['put'], fits) ??
    listProblem(`${name}.remove`, value['remove'], isText)
  )
}

function listProblem(
  name: string,
  value: unknown,
  fits: (item: unknown) => boolean,
): string | null {
  if (!Array.isArray(value)) return `${name} is not a list`
  const at = value.findIndex((item) => !fits(item))
  return at < 0 ? null : `${name}[${at}] has not the shape that it must have`
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => Number.isInteger(value)
/** A day: whoever says more than that means something else. */
const isDelay = (value: unknown) => isNumber(value) && value >= 0 && value <= 86_400_000
const isOneOf = (types: string[], value: unknown) => types.includes(typeof value)
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText)

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isVersion(value: unknown): boolean {
  return isObject(value) && isText(value['epoch']) && isNumber(value['number'])
}

function isSpace(value: unknown): boolean {
  if (!isObject(value) || !isText(value['name'])) return false
  return value['parent'] === null || isText(value['parent'])
}

function isService(value: unknown): boolean {
  if (!isObject(value) || !isText(value['space']) || !isText(value['name'])) return false
  return (
    isTexts(value['clusterIPs']) && Array.isArray(value['ports']) && value['ports'].every(isPort)
  )
}

function isPort(value: unknown): boolean {
  if (!isObject(value) || !isText(value['name']) || !isText(value['appProtocol'])) return false
  return isNumber(value['port']) && isNumber(value['ready']) && isTexts(value['endpoints'])
}

function isSelfPort(value: unknown): boolean {
  if (!isObject(value) || !isText(value['service'])) return false
  return isNumber(value['port']) && isNumber(value['targetPort'])
}

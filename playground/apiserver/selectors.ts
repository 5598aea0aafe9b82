/** Label and field selectors: from text to a test of an object. */
import { badRequest } from './api-error.ts'
import { type ApiObject, valueAt } from './object.ts'

type LabelTest = (labels: Readonly<Record<string, string>>) => boolean
export type ObjectTest = (object: ApiObject) => boolean

/** A selector as objects carry it. */
export interface LabelSelector {
  matchLabels?: Record<string, string>
  matchExpressions?: { key: string; operator: string; values?: string[] }[]
}

const KEY = '[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?'
const EQUALITY = new RegExp(`^(${KEY})\\s*(=|==|!=)\\s*([A-Za-z0-9]?[-A-Za-z0-9_.]*)$`)
const MEMBERSHIP = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`)
const EXISTENCE = new RegExp(`^(!?)\\s*(${KEY})$`)

/** Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`; throws 400 for anything else. */
export function parseLabelSelector(text: string): LabelTest {
  const tests = splitTop(text).map(parseRequirement)
  return (labels) => tests.every((test) => test(labels))
}

/** Splits at commas outside parentheses. */
function splitTop(text: string): string[] {
  return text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

function parseRequirement(text: string): LabelTest {
  const equality = EQUALITY.exec(text)
  if (equality) {
    const [, key = '', , operator, value = ''] = equality
    if (operator === '!=') return (labels) => labels[key] !== value
    return (labels) => labels[key] === value
  }
  const membership = MEMBERSHIP.exec(text)
  if (membership) {
    const [, key = '', , operator, list = ''] = membership
    const values = new Set(list.split(',').map((value) => value.trim()))
    if (operator === 'in') return (labels) => key in labels && values.has(labels[key] ?? '')
    return (labels) => !(key in labels) || !values.has(labels[key] ?? '')
  }
  const existence = EXISTENCE.exec(text)
  if (existence) {
    const [, not, key = ''] = existence
    return (labels) => key in labels !== (not === '!')
  }
  throw badRequest(
    `unable to parse requirement: "${text}" is none of key=value, key!=value, key in (a,b), key notin (a,b), key, !key`,
  )
}

/** Tests labels against a selector object; an empty selector matches everything. */
export function matchesSelector(
  selector: LabelSelector,
  labels: Readonly<Record<string, string>> = {},
): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every((expression) => matchesExpression(expression, labels))
  )
}

function matchesExpression(
  { key, operator, values = [] }: NonNullable<LabelSelector['matchExpressions']>[number],
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = labels[key]
  if (operator === 'In') return value !== undefined && values.includes(value)
  if (operator === 'NotIn') return value === undefined || !values.includes(value)
  if (operator === 'Exists') return value !== undefined
  return operator === 'DoesNotExist' && value === undefined
}

/** Field labels that any kind can be selected by are `metadata.name` and `metadata.namespace`. */
const SELECTABLE_FIELD =
  /^(metadata\.(name|namespace)|spec\.(nodeName|restartPolicy|schedulerName|serviceAccountName|hostNetwork|unschedulable|type|clusterIP)|status\.(phase|podIP|nominatedNodeName|successful)|type|reason|reportingComponent|source|(involvedObject|regarding)\.[a-zA-Z]+)$/

/** Reads `metadata.name=a,status.phase!=Running`; throws 400 for fields that cannot be selected by. */
export function parseFieldSelector(text: string): ObjectTest {
  const tests = splitTop(text).map((part): ObjectTest => {
    const match = /^([A-Za-z.]+)(=|==|!=)(.*)$/.exec(part)
    const [, field = '', operator, value = ''] = match ?? []
    if (!SELECTABLE_FIELD.test(field)) {
      throw badRequest(`field label not supported: ${field || part}`)
    }
    const path = field.split('.')
    if (operator === '!=') return (object) => fieldText(object, path) !== value
    return (object) => fieldText(object, path) === value
  })
  return (object) => tests.every((test) => test(object))
}

function fieldText(object: ApiObject, path: string[]): string {
  const value =
    path[0] === 'source' ? valueAt(object, ['source', 'component']) : valueAt(object, path)
  return value === undefined || value === null ? '' : String(value)
}

/** The test for a list or watch: both selectors of its query. */
export function selectionOf(query: URLSearchParams): ObjectTest {
  const labels = parseLabelSelector(query.get('labelSelector') ?? '')
  const fields = parseFieldSelector(query.get('fieldSelector') ?? '')
  return (object) => labels(object.metadata.labels ?? {}) && fields(object)
}

/** What is refused of network policies, disruption budgets and API services. */
import type { FieldFault } from './api-error.ts'
import { invalidValue, notAllowedHere, required, unsupported } from './field-faults.ts'
import { type ApiObject, isObject, type JsonObject } from './object.ts'
import { objectsOf } from './pod-defaults.ts'

const OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist']
const PROTOCOLS = ['TCP', 'UDP', 'SCTP']
const CIDR =
  /^(\d{1,3}(\.\d{1,3}){3}\/([0-9]|[12]\d|3[0-2])|[0-9a-fA-F:]+\/(\d{1,2}|1[01]\d|12[0-8]))$/
const PERCENT = /^\d+%$/

export function selectorFaults(selector: unknown, at: string): FieldFault[] {
  if (!isObject(selector)) return []
  return objectsOf(selector['matchExpressions']).flatMap((expression, i) => {
    const field = `${at}.matchExpressions[${i}]`
    const { key, operator, values } = expression
    const faults: FieldFault[] = []
    if (!key) faults.push(required(`${field}.key`))
    if (!OPERATORS.includes(String(operator))) {
      faults.push(
        invalidValue(`${field}.operator`, operator ?? '', 'not a valid selector operator'),
      )
      return faults
    }
    const some = Array.isArray(values) && values.length > 0
    const listed = operator === 'In' || operator === 'NotIn'
    if (listed && !some) {
      faults.push(
        required(
          `${field}.values`,
          "Required value: must be specified when `operator` is 'In' or 'NotIn'",
        ),
      )
    }
    if (!listed && some) {
      faults.push(
        notAllowedHere(
          `${field}.values`,
          "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
      )
    }
    return faults
  })
}

export function networkPolicyFaults({ spec = {} }: ApiObject): FieldFault[] {
  const faults = selectorFaults(spec['podSelector'], 'spec.podSelector')
  for (const [list, peers] of [
    ['ingress', 'from'],
    ['egress', 'to'],
  ] as const) {
    for (const [i, rule] of objectsOf(spec[list]).entries()) {
      const at = `spec.${list}[${i}]`
      for (const [j, port] of objectsOf(rule['ports']).entries()) {
        faults.push(...policyPortFaults(port, `${at}.ports[${j}]`))
      }
      for (const [j, peer] of objectsOf(rule[peers]).entries()) {
        faults.push(...peerFaults(peer, `${at}.${peers}[${j}]`))
      }
    }
  }
  const types = spec['policyTypes']
  for (const [i, type] of (Array.isArray(types) ? types : []).entries()) {
    if (type === 'Ingress' || type === 'Egress') continue
    faults.push(unsupported(`spec.policyTypes[${i}]`, type, ['Egress', 'Ingress']))
  }
  return faults
}

function policyPortFaults(
  { protocol = 'TCP', port, endPort }: JsonObject,
  at: string,
): FieldFault[] {
  const faults: FieldFault[] = []
  if (!PROTOCOLS.includes(String(protocol))) {
    faults.push(unsupported(`${at}.protocol`, protocol, ['SCTP', 'TCP', 'UDP']))
  }
  if (typeof port === 'number' && (port < 1 || port > 65_535)) {
    faults.push(invalidValue(`${at}.port`, port, 'must be between 1 and 65535, inclusive'))
  }
  if (typeof port === 'string' && !/^(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$/.test(port)) {
    const rule = 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)'
    faults.push(invalidValue(`${at}.port`, port, rule))
  }
  if (endPort === undefined) return faults
  if (typeof port !== 'number') {
    faults.push(required(`${at}.port`, 'Required value: must be specified when endPort is set'))
  } else if (Number(endPort) < port) {
    faults.push(invalidValue(`${at}.endPort`, endPort, 'must be greater than or equal to `port`'))
  }
  return faults
}

function peerFaults(peer: JsonObject, at: string): FieldFault[] {
  const { podSelector, namespaceSelector, ipBlock } = peer
  const faults = [
    ...selectorFaults(podSelector, `${at}.podSelector`),
    ...selectorFaults(namespaceSelector, `${at}.namespaceSelector`),
  ]
  if (!podSelector && !namespaceSelector && !ipBlock) {
    faults.push(required(at, 'Required value: must specify a peer'))
  }
  if (!isObject(ipBlock)) return faults
  if (podSelector || namespaceSelector) {
    faults.push(notAllowedHere(at, 'may not specify both ipBlock and another peer'))
  }
  if (!CIDR.test(String(ipBlock['cidr']))) {
    const rule = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'
    faults.push(invalidValue(`${at}.ipBlock.cidr`, ipBlock['cidr'] ?? '', rule))
  }
  return faults
}

export function disruptionBudgetFaults({ spec = {} }: ApiObject): FieldFault[] {
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec
  const faults = selectorFaults(selector, 'spec.selector')
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    faults.push(invalidValue('spec', {}, 'minAvailable and maxUnavailable cannot be both set'))
  }
  for (const [field, given] of Object.entries({ minAvailable, maxUnavailable })) {
    if (given === undefined) continue
    const good = typeof given === 'number' ? given >= 0 : PERCENT.test(String(given))
    const rule = 'must be a whole number that is not negative, or a percentage such as "25%"'
    if (!good) faults.push(invalidValue(`spec.${field}`, given, rule))
  }
  if (policy !== undefined && policy !== 'IfHealthyBudget' && policy !== 'AlwaysAllow') {
    const known = ['AlwaysAllow', 'IfHealthyBudget']
    faults.push(unsupported('spec.unhealthyPodEvictionPolicy', policy, known))
  }
  return faults
}

export function apiServiceFaults({ metadata, spec = {} }: ApiObject): FieldFault[] {
  const { group = '', version, service, caBundle, insecureSkipTLSVerify } = spec
  const faults: FieldFault[] = []
  const name = `${version}.${group}`
  if (metadata.name !== name) {
    const rule = `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(name)}`
    faults.push(invalidValue('metadata.name', metadata.name, rule))
  }
  if (!version) faults.push(required('spec.version'))
  for (const [field, most] of [
    ['groupPriorityMinimum', 20_000],
    ['versionPriority', 1000],
  ] as const) {
    const given = Number(spec[field] ?? 0)
    if (given > 0 && given <= most) continue
    faults.push(invalidValue(`spec.${field}`, given, `must be positive and less than ${most}`))
  }
  if (!isObject(service)) {
    if (caBundle)
      faults.push(invalidValue('spec.caBundle', '…', 'local APIServices may not have a caBundle'))
    if (insecureSkipTLSVerify) {
      const rule = 'local APIServices may not have insecureSkipTLSVerify'
      faults.push(invalidValue('spec.insecureSkipTLSVerify', true, rule))
    }
    return faults
  }
  for (const field of ['namespace', 'name']) {
    if (!service[field]) faults.push(required(`spec.service.${field}`))
  }
  if (insecureSkipTLSVerify && caBundle) {
    const rule = 'may not be true if caBundle is present'
    faults.push(invalidValue('spec.insecureSkipTLSVerify', true, rule))
  }
  return faults
}

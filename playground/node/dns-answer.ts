/** Answers one DNS question from the zone. Pure; dns-packet's plain objects in and out. */
import type { Answer, Packet, Question } from 'dns-packet'
import type { Zone } from './dns-zone.ts'

/** Seconds that an answer may be remembered: CoreDNS' setting for cluster names. */
const TTL = 5

/** Response codes of RFC 1035, 4.1.1. */
export const RCODE = { ok: 0, formatError: 1, serverFailure: 2, noSuchName: 3, notImplemented: 4 }

/** RFC 1035 flags: authoritative answer, recursion available. */
const AUTHORITATIVE = 1 << 10
const RECURSION_AVAILABLE = 1 << 7
const RECURSION_DESIRED = 1 << 8

export interface DnsAnswer {
  rcode: number
  answers: Answer[]
}

/**
 * Names of the cluster and reverse names of nobody are ours: what is not there does not exist (NXDOMAIN), a
 * type that a name lacks gives an empty answer. Any other name would need an upstream server, and the
 * playground has none: NXDOMAIN at once, so that search lists go on quickly.
 */
export function answerQuestion(question: Question, zone: Zone): DnsAnswer {
  const name = question.name.toLowerCase().replace(/\.$/, '')
  const found = zone.get(name)
  if (!found) return { rcode: RCODE.noSuchName, answers: [] }
  const own = { name: question.name, ttl: TTL, class: 'IN' as const }
  if (found.cname !== null) {
    return { rcode: RCODE.ok, answers: [{ ...own, type: 'CNAME', data: found.cname }] }
  }
  const answers: Answer[] = []
  // Nothing asks for ANY but tools; RFC 8482 lets a server answer it with less.
  if (question.type === 'A') {
    for (const data of found.a) answers.push({ ...own, type: 'A', data })
  }
  if (question.type === 'SRV') {
    for (const { host, port } of found.srv) {
      answers.push({
        ...own,
        type: 'SRV',
        data: { priority: 0, weight: 100, port, target: host },
      })
    }
  }
  return { rcode: RCODE.ok, answers }
}

/** The whole response to a query. */
export function responseTo(query: Packet, zone: Zone): Packet {
  const question = query.questions?.[0]
  const standard = ((query.flags ?? 0) & 0x7800) === 0
  const { rcode, answers } =
    question && standard
      ? answerQuestion(question, zone)
      : { rcode: standard ? RCODE.formatError : RCODE.notImplemented, answers: [] }
  const flags =
    ((query.flags ?? 0) & RECURSION_DESIRED) | AUTHORITATIVE | RECURSION_AVAILABLE | rcode
  return {
    type: 'response',
    ...(query.id !== undefined && { id: query.id }),
    flags,
    questions: question ? [question] : [],
    answers,
  }
}

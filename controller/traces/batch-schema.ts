/** JSON schemas of `POST /v1/traces`: what a batch must hold to be read, and a record to be stored. */
import { MAX_BATCH_RECORDS } from '../../core/trace-record.ts'

/**
 * Lists that grow with the project (reasons, error codes, protocols, sources) are checked by shape
 * and not by member, and unknown fields are kept: during an upgrade newer sidecars write to an older
 * controller, and their traces must not be lost.
 */
const word = { type: 'string', pattern: '^[a-z0-9][a-z0-9./-]{0,63}$' } as const
const orNull = <T extends object>(schema: T) => ({ anyOf: [schema, { type: 'null' }] }) as const
const nullableText = (maxLength: number) => ({ type: ['string', 'null'], maxLength }) as const

/** Kubernetes names end at 253 characters (RFC 1123 subdomain). */
const name = { type: 'string', minLength: 1, maxLength: 253 } as const
/** `[v6]:port`, with room for a zone. */
const address = { type: 'string', maxLength: 128 } as const
/** A request head ends at 65536 characters; redaction may lengthen what is taken from it, never fourfold. */
const HEAD = 4 * 65_536
const traceId = { type: 'string', pattern: '^[0-9a-f]{32}$' } as const
const spanId = { type: 'string', pattern: '^[0-9a-f]{16}$' } as const
const amount = { type: 'number', minimum: 0 } as const
/** The end of the year 9999 in ms: beyond what a `Date` can show, or pages of the list can name. */
const LAST_TIME = 253_402_300_799_999
const port = { type: 'integer', minimum: 0, maximum: 65_535 } as const

const headers = {
  type: 'array',
  items: {
    type: 'array',
    items: { type: 'string', maxLength: HEAD },
    minItems: 2,
    maxItems: 2,
  },
} as const

const body = orNull({
  type: 'object',
  required: ['base64', 'truncated'],
  properties: {
    // 65536 bytes in base64.
    base64: { type: 'string', maxLength: 87_384, pattern: '^[A-Za-z0-9+/]*={0,2}$' },
    truncated: { type: 'boolean' },
  },
})

const route = {
  type: 'object',
  required: [
    'context',
    'contextSource',
    'reason',
    'originalDestination',
    'target',
    'service',
    'tried',
  ],
  properties: {
    context: nullableText(63),
    contextSource: word,
    reason: word,
    originalDestination: address,
    target: address,
    service: orNull({
      type: 'object',
      required: ['space', 'name', 'port'],
      properties: { space: name, name, port },
    }),
    tried: {
      type: 'array',
      items: {
        type: 'object',
        required: ['space', 'outcome'],
        properties: { space: name, outcome: word },
      },
    },
  },
} as const

const recordProperties = {
  traceId,
  spanId,
  parentSpanId: orNull(spanId),
  space: name,
  pod: name,
  workload: name,
  service: nullableText(253),
  direction: { enum: ['inbound', 'outbound', 'gateway'] },
  protocol: word,
  hop: { type: 'integer', minimum: 0 },
  method: nullableText(HEAD),
  authority: nullableText(HEAD),
  path: nullableText(HEAD),
  // Three digits, whatever an odd server sends: its trace is wanted most.
  status: orNull({ type: 'integer', minimum: 0, maximum: 999 }),
  sni: nullableText(HEAD),
  startedAt: { type: 'number', minimum: 0, maximum: LAST_TIME },
  firstByteMs: orNull(amount),
  durationMs: amount,
  requestBytes: amount,
  responseBytes: amount,
  requestHeaders: headers,
  responseHeaders: headers,
  requestBody: body,
  responseBody: body,
  client: address,
  route,
  error: orNull({
    type: 'object',
    required: ['code', 'message'],
    properties: { code: word, message: { type: 'string', maxLength: HEAD } },
  }),
} as const

export const BATCH_SCHEMA = {
  type: 'object',
  required: ['namespace', 'pod', 'dropped', 'records'],
  properties: {
    namespace: name,
    pod: name,
    dropped: { type: 'integer', minimum: 0 },
    records: {
      type: 'array',
      maxItems: MAX_BATCH_RECORDS,
      // Each by itself against RECORD_SCHEMA, so that one odd record does not cost its batch.
      items: { type: 'object' },
    },
  },
} as const

export const RECORD_SCHEMA = {
  type: 'object',
  required: Object.keys(recordProperties),
  properties: recordProperties,
} as const

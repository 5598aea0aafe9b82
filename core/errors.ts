/**
 * The closed list of errors that a sidecar answers with or records. The code travels in the header
 * `azds-proxy-error`, in traces and in metrics; docs/reference/errors.md is made from this table.
 */
export interface ErrorKind {
  /** HTTP status of the answer; null where no answer can be given. */
  status: number | null
  /** What happened. */
  meaning: string
  /** What to do next. */
  next: string
}

export const ERROR = {
  'bad-request': {
    status: 400,
    meaning: 'The request breaks HTTP in a way on which two parsers could disagree.',
    next: 'Mend the client; the trace names the rule and its section of RFC 9112 or RFC 9113.',
  },
  'head-too-large': {
    status: 431,
    meaning: 'The request head is longer than 65536 bytes.',
    next: 'Send fewer or smaller headers; cookies are the usual cause.',
  },
  'too-many-hops': {
    status: 508,
    meaning: 'The request has passed more than 8 sidecars: it goes round in a loop.',
    next: 'Look at the trace: two services that send each other the same request.',
  },
  loop: {
    status: 508,
    meaning: 'The connection was made to the sidecar’s own port.',
    next: 'Call the service’s port, not 15001 or 15006.',
  },
  'connect-refused': {
    status: 502,
    meaning: 'Nothing listens at the target’s address.',
    next: 'See if the app listens on the port that its Service names.',
  },
  'connect-timeout': {
    status: 504,
    meaning: 'The target did not accept the connection in time.',
    next: 'Look for a NetworkPolicy, or an endpoint that has gone.',
  },
  'connect-failed': {
    status: 502,
    meaning: 'The target could not be reached; the message has the errno.',
    next: 'Look at the target’s node and network.',
  },
  'upstream-stuck': {
    status: 503,
    meaning:
      'The target does not read its connection: 4 MiB of HTTP/2 requests wait for it already.',
    next: 'See if the app hangs or is stopped; look at its log.',
  },
  'upstream-closed': {
    status: 502,
    meaning: 'The target closed the connection before it had answered.',
    next: 'Look at the target’s log: it may have crashed or timed out.',
  },
  'upstream-left': {
    status: null,
    meaning:
      'The target closed a connection that had answered before, as a request came that may not be sent twice; the client’s was closed likewise.',
    next: 'Often harmless: the client decides whether to send it again, as it would without a sidecar. Else look at the target’s log.',
  },
  'upstream-reset': {
    status: null,
    meaning:
      'The target vanished in the middle of its answer; the client’s connection was closed or reset likewise.',
    next: 'Look at the target’s log.',
  },
  'bad-response': {
    status: 502,
    meaning:
      'The target’s answer breaks HTTP, or is no HTTP/2 where the client speaks that; the message names the rule.',
    next: 'Mend the server.',
  },
  'client-closed': {
    status: null,
    meaning: 'The client went away before the exchange was done.',
    next: 'Often harmless: a time-out or a closed tab on the client’s side.',
  },
  'unknown-host': {
    status: 404,
    meaning: 'The gateway knows no service for this host name.',
    next: 'Use <service> and <space> names that `azds space list` shows.',
  },
  unavailable: {
    status: 503,
    meaning: 'The sidecar has no routing table and no address for this service.',
    next: 'See `azds-controller` in namespace azds.',
  },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof ERROR

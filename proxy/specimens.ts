/**
 * Keeps alive one object of each class that comes and goes with an exchange. When V8 collects, it forgets the shape
 * of objects of which none is left, and throws away all compiled code in which that shape is written down. At rest
 * that is the code of the whole path: after each pause the next burst would begin by compiling it again, which costs
 * a second of traffic 5 to 10 µs an exchange.
 */

type Kind =
  | 'exchange'
  | 'request'
  | 'response'
  | 'plan'
  | 'trace'
  | 'detection'
  | 'accepted'
  | 'dial'

/** The latest of each; they hold what belongs to them, some KiB in all. Nobody reads them. */
export const SPECIMENS: Record<Kind, unknown> = {
  /** And so its client's connection, its server's, and its record. */
  exchange: null,
  request: null,
  response: null,
  plan: null,
  /** A record that waits holds its heads in another form. */
  trace: null,
  detection: null,
  accepted: null,
  dial: null,
}

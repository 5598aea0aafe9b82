/**
 * The log of what runs in an app's pod (sidecar and init container) and of the webhook, with the lines of
 * `control-log.ts`. Written here, because a logging library costs every pod 6 MB and 20 ms of its start, and an
 * admission a sixth of its garbage.
 */
import { writeSync } from 'node:fs'
import { LOG_LEVELS, type LogLevel } from './config.ts'
import { CENSORED, dropped, type Log, type LogMethod, type LogSink, SECRET_FIELDS } from './log.ts'

type Fields = Record<string, unknown>

const SECRET = new Set<string>(SECRET_FIELDS)

/**
 * How often a line is offered to a reader that takes nothing (only where somebody has made our
 * standard output non-blocking), and for how long each time, in ms. Then the line is dropped: traffic
 * is worth more than its log.
 */
const FULL_PIPE_TRIES = 50
const FULL_PIPE_WAIT_MS = 2

/**
 * Makes a program's log.
 * @param destination where lines go; standard output unless a test passes its own sink
 */
export function createPodLog(
  program: string,
  level: LogLevel,
  destination: LogSink = standardOutput,
): Log {
  return logWith({ program }, LOG_LEVELS.indexOf(level), destination)
}

function logWith(bindings: Fields, least: number, destination: LogSink): Log {
  const methodOf = (level: LogLevel): LogMethod => {
    if (LOG_LEVELS.indexOf(level) < least) return dropped
    return (first: Fields | string, message?: string) => {
      const fields = typeof first === 'string' ? { msg: first } : { ...first, msg: message }
      destination.write(lineOf(level, { ...bindings, ...fields }))
    }
  }
  const methods = Object.fromEntries(LOG_LEVELS.map((level) => [level, methodOf(level)]))
  return {
    ...(methods as Record<LogLevel, LogMethod>),
    child: (more) => logWith({ ...bindings, ...more }, least, destination),
  }
}

function lineOf(level: LogLevel, fields: Fields): string {
  const head = { level, time: new Date().toISOString() }
  try {
    return `${JSON.stringify({ ...head, ...printable(fields, true) })}\n`
  } catch (error) {
    // A cycle or a bigint: the fact that something happened is still worth a line.
    const { program, msg } = fields
    return `${JSON.stringify({ ...head, program, msg, unprintable: String(error) })}\n`
  }
}

/** A copy without secrets, and with errors as what is to be known of them. */
function printable(fields: Fields, deeper: boolean): Fields {
  const copy: Fields = {}
  for (const [name, value] of Object.entries(fields)) {
    if (SECRET.has(name) && value !== undefined) copy[name] = CENSORED
    else if (value instanceof Error) copy[name] = describeError(value)
    else if (deeper && isPlainObject(value)) copy[name] = printable(value, false)
    else copy[name] = value
  }
  return copy
}

function isPlainObject(value: unknown): value is Fields {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !('toJSON' in value)
  )
}

/** Errors have no enumerable message: type, text and stack, the causes included, and `code` and its like. */
function describeError(error: Error): Fields {
  const { name: type, message, stack, cause } = error
  const because = cause instanceof Error ? { cause: describeError(cause) } : {}
  return { ...error, type, message, stack, ...because }
}

/** Synchronous: a program that is about to exit must not lose its last line. */
const standardOutput: LogSink = {
  write(line) {
    let rest = Buffer.from(line)
    for (let tries = 0; rest.length > 0 && tries < FULL_PIPE_TRIES; ) {
      const written = writeNow(rest)
      if (written === null) return
      rest = rest.subarray(written)
      if (written === 0) {
        tries++
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_WAIT_MS)
      }
    }
  },
}

/** Bytes written; 0 where the pipe is full; null where nobody reads it any more. */
function writeNow(bytes: Buffer): number | null {
  try {
    return writeSync(1, bytes)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 0 : null
  }
}

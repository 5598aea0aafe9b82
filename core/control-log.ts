/** The controller's log: one JSON line per fact on standard output, written by pino. */
import pino from 'pino'
import type { LogLevel } from './config.ts'
import { CENSORED, type Log, type LogSink, SECRET_FIELDS } from './log.ts'

const REDACTED = SECRET_FIELDS.flatMap((field) => [`["${field}"]`, `*["${field}"]`])

/**
 * Makes a program's log.
 * @param destination where lines go; standard output unless a test passes its own sink
 */
export function createLog(program: string, level: LogLevel, destination?: LogSink): Log {
  const options: pino.LoggerOptions = {
    level,
    base: { program },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: pino.stdSerializers.errWithCause },
    redact: { paths: REDACTED, censor: CENSORED },
  }
  // Synchronous writes: a program that is about to exit must not lose its last line.
  return pino(options, destination ?? pino.destination({ sync: true }))
}

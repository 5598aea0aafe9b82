/** One JSON line per fact on standard output: constant message, facts as fields, no secrets. */
import pino from 'pino'
import type { LogLevel } from './config.ts'

export type Log = Pick<pino.Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'> & {
  child(bindings: Record<string, unknown>): Log
}

/** Fields that are blanked at the top of a record and one level deep in it. */
const SECRET_FIELDS = ['authorization', 'cookie', 'set-cookie', 'token', 'password']
const REDACTED = SECRET_FIELDS.flatMap((field) => [`["${field}"]`, `*["${field}"]`])

/**
 * Makes a program's log.
 * @param destination where lines go; standard output unless a test passes its own sink
 */
export function createLog(
  program: string,
  level: LogLevel,
  destination?: { write(line: string): void },
): Log {
  const options: pino.LoggerOptions = {
    level,
    base: { program },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: REDACTED, censor: '[redacted]' },
  }
  // Synchronous writes: a program that is about to exit must not lose its last line.
  return pino(options, destination ?? pino.destination({ sync: true }))
}

/** A log that drops everything, for tests that do not look at it. */
export const silentLog: Log = createLog('silent', 'fatal', { write: () => {} })

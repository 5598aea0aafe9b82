/** What every program's log has in common: its methods, and which fields no line may show. */
import { LOG_LEVELS, type LogLevel } from './config.ts'

/** Writes one line, if its level is wanted; either the fields or the message may be left out. */
export interface LogMethod {
  (fields: Record<string, unknown>, message?: string): void
  (message: string): void
}

export type Log = Record<LogLevel, LogMethod> & {
  /** A log with more fields on every line. */
  child(bindings: Record<string, unknown>): Log
}

export interface LogSink {
  write(line: string): void
}

/** Fields that are blanked at the top of a record and one level deep in it. */
export const SECRET_FIELDS = ['authorization', 'cookie', 'set-cookie', 'token', 'password'] as const
export const CENSORED = '[redacted]'

/** The method of a level that is not wanted. */
export const dropped: LogMethod = () => {}

/** Whether what is logged so is dropped for certain, so that it need not be made. */
export function isDropped(method: LogMethod): boolean {
  return method === dropped
}

/** A log that drops everything, for what is not looked at. */
export const silentLog: Log = {
  ...(Object.fromEntries(LOG_LEVELS.map((level) => [level, dropped])) as Record<
    LogLevel,
    LogMethod
  >),
  child: () => silentLog,
}

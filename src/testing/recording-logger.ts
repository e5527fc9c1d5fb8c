/** Keeps what was logged, for tests to look at. */
import type { Logger } from '../common/logger.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export interface LogEntry { readonly level: LogLevel; readonly message: string; readonly fields: Readonly<Record<string, unknown>> }

export class RecordingLogger implements Logger {
  readonly entries: LogEntry[] = []

  debug(message: string, fields?: Readonly<Record<string, unknown>>): void { this.#add('debug', message, fields) }
  info(message: string, fields?: Readonly<Record<string, unknown>>): void { this.#add('info', message, fields) }
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void { this.#add('warn', message, fields) }
  error(message: string, fields?: Readonly<Record<string, unknown>>): void { this.#add('error', message, fields) }

  /** The messages of one level, or all of them, in order. */
  messages(level?: LogLevel): string[] {
    return this.entries.filter((entry) => level === undefined || entry.level === level).map((entry) => entry.message)
  }

  clear(): void { this.entries.length = 0 }

  #add(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.entries.push({ level, message, fields: { ...fields } })
  }
}

import { callGuarded } from './guarded-call.ts'

/** Port to the application's log. `fields` are plain values, not to be kept; what it returns or throws is not heeded. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
  error(message: string, fields?: Readonly<Record<string, unknown>>): void
  /** What it writes nothing below, where it says so. */
  readonly level?: string
  /** The same without that bound, where it can do without: a level is chosen from it while a database is open (kafka-configs --entity-type broker-loggers). */
  readonly everything?: Logger
}

/** Kafka's words, from the most to the least that is written. */
export const logLevels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const
export type LogLevel = (typeof logLevels)[number]
type Fields = Readonly<Record<string, unknown>>

const nothing = (): void => {}

export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }

function line(level: string, message: string, fields?: Readonly<Record<string, unknown>>): void {
  const tail = fields === undefined ? '' : ' ' + Object.entries(fields).map(([k, v]) => `${k}=${v instanceof Error ? v.message : typeof v === 'object' ? JSON.stringify(v) : String(v)}`).join(' ')
  const { stderr } = process
  // A log that cannot be written (a full disk, a reader that has gone) must not end the process: without a listener the error would be thrown.
  // What peers say may hold line ends, and orders to a terminal.
  const text = `ottla ${level} ${message}${tail}`.trimEnd().replace(/\p{Cc}+/gu, ' ')
  stderr.write(`${text}\n`, (error) => { if (error != null && stderr.listenerCount('error') === 0) stderr.once('error', nothing) })
}

const everyLine: Logger = {
  debug: (message, fields) => line('debug', message, fields),
  info: (message, fields) => line('info', message, fields),
  warn: (message, fields) => line('warn', message, fields),
  error: (message, fields) => line('error', message, fields),
}

/** The default: info and above, one line each, on standard error. */
export const stderrLogger: Logger = { ...everyLine, debug: nothing, level: 'INFO', everything: everyLine }

/** The logger that was given, or what is left of it by a level that was chosen meanwhile. Its failures are nobody else's. */
export class AdjustableLogger implements Logger {
  readonly #given: Logger
  #chosen: LogLevel | null = null
  #hasFailed = false

  constructor(given: Logger) { this.#given = given }

  get level(): LogLevel {
    const said = this.#given.level?.toUpperCase()
    return this.#chosen ?? logLevels.find((each) => each === said) ?? 'DEBUG'
  }

  choose(level: LogLevel): void { this.#chosen = level }
  debug(message: string, fields?: Fields): void { this.#tell('debug', message, fields) }
  info(message: string, fields?: Fields): void { this.#tell('info', message, fields) }
  warn(message: string, fields?: Fields): void { this.#tell('warn', message, fields) }
  error(message: string, fields?: Fields): void { this.#tell('error', message, fields) }

  #tell(method: 'debug' | 'info' | 'warn' | 'error', message: string, fields: Fields | undefined): void {
    callGuarded(() => this.#at(method.toUpperCase() as LogLevel)?.[method](message, fields), this.#failed)
  }

  readonly #failed = (error: unknown): void => {
    if (!this.#hasFailed) stderrLogger.error('the logger that was given fails: its lines are lost (said once)', { error })
    this.#hasFailed = true
  }

  #at(level: LogLevel): Logger | null {
    if (this.#chosen === null) return this.#given
    return logLevels.indexOf(level) >= logLevels.indexOf(this.#chosen) ? this.#given.everything ?? this.#given : null
  }
}

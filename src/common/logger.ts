/** Port to the application's log. `fields` are plain values; a logger must not throw and must not keep them. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
  error(message: string, fields?: Readonly<Record<string, unknown>>): void
}

const nothing = (): void => {}

export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }

function line(level: string, message: string, fields?: Readonly<Record<string, unknown>>): void {
  const tail = fields === undefined ? '' : ' ' + Object.entries(fields).map(([k, v]) => `${k}=${v instanceof Error ? v.message : typeof v === 'object' ? JSON.stringify(v) : String(v)}`).join(' ')
  process.stderr.write(`ottla ${level} ${message}${tail}\n`)
}

/** The default: info and above, one line each, on standard error. */
export const stderrLogger: Logger = {
  debug: nothing,
  info: (message, fields) => line('info', message, fields),
  warn: (message, fields) => line('warn', message, fields),
  error: (message, fields) => line('error', message, fields),
}

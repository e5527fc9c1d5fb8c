/**
 * Standard output and standard error of one command: output is gathered and waits for a slow reader, a reader that has gone away
 * ends the command quietly, progress and colour appear only where a person looks.
 */
const GATHER_BYTES = 64 * 1024
const PROGRESS_PERIOD_MS = 100
/** Not `styleText` of Node: it looks at standard output, which may be a pipe while a person reads standard error. */
const styles = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const
const NEW_LINE = new Uint8Array([10])

export interface Streams { readonly out: NodeJS.WriteStream; readonly error: NodeJS.WriteStream }

export class Terminal {
  /** Fires on Ctrl-C, on SIGTERM, and when the reader of standard output has gone. */
  readonly signal: AbortSignal
  /** True when standard error is a terminal: progress is drawn. */
  readonly isInteractive: boolean
  readonly #streams: Streams
  readonly #abort = new AbortController()
  #gathered: (Uint8Array | string)[] = []
  #gatheredBytes = 0
  #readerGone = false
  #writeFailure: Error | null = null
  #progressShown = false
  #progressAt = 0
  #wake: (() => void) | null = null

  constructor(streams: Streams) {
    this.#streams = streams
    this.signal = this.#abort.signal
    this.isInteractive = streams.error.isTTY && process.env['CI'] === undefined
    const onError = (error: NodeJS.ErrnoException): void => {
      if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') this.#writeFailure ??= error
      this.#readerGone = true
      this.#wake?.()
      this.interrupt()
    }
    streams.out.on('error', onError)
    streams.error.on('error', onError)
  }

  get readerGone(): boolean { return this.#readerGone }

  /** Why nothing more can be written (a full disk, say); null also when the reader has merely gone. */
  get writeFailure(): Error | null { return this.#writeFailure }

  interrupt(): void { this.#abort.abort() }

  /** Puts text or bytes on standard output as they are. Await it in long loops: it resolves once there is room again. */
  write(data: Uint8Array | string): Promise<void> | undefined {
    if (this.#readerGone) return undefined
    this.#gathered.push(data)
    this.#gatheredBytes += data.length
    return this.#gatheredBytes >= GATHER_BYTES ? this.flush() : undefined
  }

  line(text: string): Promise<void> | undefined { return this.write(`${text}\n`) }

  /** Bytes, and a line end. */
  lineOfBytes(bytes: Uint8Array): Promise<void> | undefined {
    void this.write(bytes)
    return this.write(NEW_LINE)
  }

  json(value: unknown): Promise<void> | undefined { return this.line(JSON.stringify(value)) }

  /** Resolves when everything written so far has been taken by the reader, or the reader has gone. */
  async flush(): Promise<void> {
    if (this.#gathered.length === 0 || this.#readerGone) return
    const parts = this.#gathered
    this.#gathered = []
    this.#gatheredBytes = 0
    const isText = parts.every((part) => typeof part === 'string')
    const bytes = isText ? parts.join('') : Buffer.concat(parts.map((part) => typeof part === 'string' ? Buffer.from(part) : part))
    this.#hideProgress()
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      this.#streams.out.write(bytes, () => resolve())
    })
    this.#wake = null
  }

  /** A line for people, on standard error. */
  note(text: string): void {
    this.#hideProgress()
    this.#streams.error.write(`${text}\n`)
  }

  /** Replaces the line of progress; nothing where nobody looks. */
  progress(text: () => string): void {
    if (!this.isInteractive) return
    const now = performance.now()
    if (now - this.#progressAt < PROGRESS_PERIOD_MS) return
    this.#progressAt = now
    this.#progressShown = true
    this.#streams.error.write(`\r\x1b[K${text().slice(0, (this.#streams.error.columns ?? 80) - 1)}`)
  }

  #hideProgress(): void {
    if (!this.#progressShown) return
    this.#progressShown = false
    this.#streams.error.write('\r\x1b[K')
  }

  /** Ends the line of progress. */
  endProgress(): void { this.#hideProgress() }

  /** `text` in a style where standard error is a terminal. */
  style(style: keyof typeof styles, text: string): string {
    return this.#streams.error.isTTY && process.env['NO_COLOR'] === undefined ? `\x1b[${styles[style]}m${text}\x1b[0m` : text
  }
}

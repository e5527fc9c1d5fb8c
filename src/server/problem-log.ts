/** Log lines about peers, bounded: a flood of bad connections must not become a flood of lines. What was left out is counted in the next line. */
import type { Ports } from '../common/ports.ts'

const LINES = 20
const WINDOW_MS = 10_000

export class ProblemLog {
  readonly #ports: Pick<Ports, 'clock' | 'logger'>
  #windowAt = -Infinity
  #lines = 0
  #left = 0

  constructor(ports: Pick<Ports, 'clock' | 'logger'>) {
    this.#ports = ports
  }

  warn(message: string): void {
    const now = this.#ports.clock.monotonic()
    if (now - this.#windowAt >= WINDOW_MS) {
      this.#windowAt = now
      this.#lines = 0
    }
    if (this.#lines >= LINES) {
      this.#left += 1
      return
    }
    this.#lines += 1
    const before = this.#left === 0 ? '' : ` (${this.#left} lines like this were left out before)`
    this.#left = 0
    this.#ports.logger.warn(message + before)
  }
}

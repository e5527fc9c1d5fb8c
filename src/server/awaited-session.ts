/**
 * A session whose code is on its way: connections that come before it is there put their requests together meanwhile. Until then no request overlaps another,
 * and one who must log in has not.
 */
import type { Answer } from './connection.ts'
import type { Session } from './listener.ts'

export class AwaitedSession implements Session {
  readonly #loading: Promise<Session>
  readonly #isOpen: boolean
  #session: Session | null = null
  #isDraining = false
  #isClosed = false

  /** `isOpen`: nobody has to log in. */
  constructor(loading: Promise<Session>, isOpen: boolean) {
    this.#loading = loading
    this.#isOpen = isOpen
    // Told to the first request, if there is one.
    loading.catch(() => {})
  }

  get isAuthenticated(): boolean { return this.#session?.isAuthenticated ?? this.#isOpen }
  get farewell(): string | null { return this.#session?.farewell ?? null }
  isOverlappable(frame: Uint8Array): boolean { return this.#session?.isOverlappable(frame) ?? false }
  isParked(frame: Uint8Array): boolean { return this.#session?.isParked(frame) ?? false }
  isTransient(frame: Uint8Array): boolean { return this.#session?.isTransient(frame) ?? false }

  handle(frame: Uint8Array): Promise<Answer | null> { return this.#session === null ? this.#begin(frame) : this.#session.handle(frame) }

  drain(): void {
    this.#isDraining = true
    this.#session?.drain()
  }

  close(): void {
    this.#isClosed = true
    this.#session?.close()
  }

  async #begin(frame: Uint8Array): Promise<Answer | null> {
    const session = await this.#loading
    if (this.#session === null) {
      this.#session = session
      if (this.#isDraining) session.drain()
      if (this.#isClosed) session.close()
    }
    return session.handle(frame)
  }
}

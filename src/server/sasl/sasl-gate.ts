/**
 * The gate of a SASL listener: which requests a connection may send until it has said who it is (spec/wire-protocol 6.1).
 *
 *   start → SaslHandshake v1 → SaslAuthenticate … → open
 *   start → SaslHandshake v0 → bare tokens (no header) … → open
 *
 *   open → SaslHandshake v1 → SaslAuthenticate … → open       where sessions end (KIP-368), by the same mechanism and as the same user
 *
 * ApiVersions is answered before the handshake; anything else, a second handshake included, is ILLEGAL_SASL_STATE and the end of the connection, and so is a login that
 * fails, after a pause that makes guessing slow.
 */
import type { Random } from '../../common/random.ts'
import type { Scheduler } from '../../common/scheduler.ts'
import type { ScramMechanism } from '../../common/scram.ts'
import { PlainServer } from './plain-server.ts'
import { saslMechanisms, type CredentialSource, type SaslMechanism, type SaslServer, type SaslStep } from './sasl-server.ts'
import { ScramServer } from './scram-server.ts'

export interface SaslOptions {
  readonly mechanisms: readonly SaslMechanism[]
  readonly credentials: CredentialSource
  /** How long a login holds; 0: as long as the connection. */
  readonly sessionMs: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly random: Random
  readonly scheduler: Scheduler
}

/** Kafka's connection.failed.authentication.delay.ms. */
const FAILURE_DELAY_MS = 100
/** Whoever is in may log in again, but not all the time. */
const RENEWAL_PAUSE_MS = 1000
const failed: SaslStep = { kind: 'failed' }

export class SaslGate {
  readonly #options: SaslOptions
  #server: SaslServer | null = null
  #user: string | null = null
  #mechanism: SaslMechanism | null = null
  #loggedInAt = 0
  #state: 'start' | 'tokens' | 'bareTokens' | 'open' | 'shut' = 'start'

  constructor(options: SaslOptions) {
    this.#options = options
  }

  /** Who logged in; null until then. */
  get user(): string | null { return this.#user }
  get isOpen(): boolean { return this.#user !== null && this.#state !== 'shut' }
  /** True from the handshake of a login of who is in to its end: nothing else may be asked meanwhile. */
  get isRenewing(): boolean { return this.#user !== null && this.#state === 'tokens' }
  /** Logging in again is all that is left. */
  get isExpired(): boolean { return this.isOpen && this.sessionMs > 0 && this.#options.now() - this.#loggedInAt > this.sessionMs }
  get sessionMs(): number { return this.#options.sessionMs }
  /** True: the connection ends once it has been answered. */
  get isShut(): boolean { return this.#state === 'shut' }
  /** True: the next frame is a token without a header. */
  get takesBareTokens(): boolean { return this.#state === 'bareTokens' }
  get mechanisms(): readonly SaslMechanism[] { return this.#options.mechanisms }

  /** Whether the mechanism is one of the listener's, and its turn. */
  begin(mechanism: string, isBare: boolean): 'begun' | 'unknownMechanism' | 'illegalState' {
    const wanted = saslMechanisms.find((each) => each === mechanism && this.#options.mechanisms.includes(each))
    const result = !this.#mayBegin(isBare) ? 'illegalState' : wanted === undefined ? 'unknownMechanism' : 'begun'
    if (result === 'begun') {
      const { credentials, random } = this.#options
      this.#server = wanted === 'PLAIN' ? new PlainServer(credentials) : new ScramServer(wanted as ScramMechanism, credentials, random)
      // Another mechanism might ask for less: its tokens are not looked at.
      if (this.#mechanism !== null && this.#mechanism !== wanted) this.#server = null
      this.#mechanism ??= wanted!
      this.#state = isBare ? 'bareTokens' : 'tokens'
    } else if (this.#state !== 'open') this.#state = 'shut'
    return result
  }

  /** True: something else was asked in the middle of a login. That ends it, and the connection. */
  breakOff(): boolean {
    if (this.#state !== 'tokens') return false
    this.#state = 'shut'
    return true
  }

  #mayBegin(isBare: boolean): boolean {
    if (this.#state !== 'open') return this.#state === 'start'
    return this.sessionMs > 0 && !isBare && this.#options.now() - this.#loggedInAt >= RENEWAL_PAUSE_MS
  }

  /** A token out of turn fails as a wrong one does. */
  async token(token: Uint8Array, isBare: boolean): Promise<SaslStep> {
    const server = this.#state === (isBare ? 'bareTokens' : 'tokens') ? this.#server : null
    const taken = server === null ? failed : await server.next(token)
    const step = taken.kind === 'done' && this.#user !== null && taken.user !== this.#user ? failed : taken
    if (step.kind === 'done') {
      this.#loggedInAt = this.#options.now()
      this.#state = 'open'
      this.#user = step.user
      this.#server = null
    }
    if (step.kind === 'failed') {
      this.#state = 'shut'
      await new Promise<void>((resolve) => { this.#options.scheduler.after(FAILURE_DELAY_MS, resolve) })
    }
    return step
  }
}

/**
 * The gate of a SASL listener: which requests a connection may send until it has said who it is (spec/wire-protocol 6.1).
 *
 *   start → SaslHandshake v1 → SaslAuthenticate … → open
 *   start → SaslHandshake v0 → bare tokens (no header) … → open
 *
 * ApiVersions is answered before; anything else, a second handshake included, is ILLEGAL_SASL_STATE and the end of the connection, and so is a login that
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
  readonly random: Random
  readonly scheduler: Scheduler
}

/** Kafka's connection.failed.authentication.delay.ms. */
const FAILURE_DELAY_MS = 100
const failed: SaslStep = { kind: 'failed' }

export class SaslGate {
  readonly #options: SaslOptions
  #server: SaslServer | null = null
  #user: string | null = null
  #state: 'start' | 'tokens' | 'bareTokens' | 'open' | 'shut' = 'start'

  constructor(options: SaslOptions) {
    this.#options = options
  }

  /** Who logged in; null until then. */
  get user(): string | null { return this.#user }
  get isOpen(): boolean { return this.#state === 'open' }
  /** True: the connection ends once it has been answered. */
  get isShut(): boolean { return this.#state === 'shut' }
  /** True: the next frame is a token without a header. */
  get takesBareTokens(): boolean { return this.#state === 'bareTokens' }
  get mechanisms(): readonly SaslMechanism[] { return this.#options.mechanisms }

  /** Whether the mechanism is one of the listener's, and its turn. */
  begin(mechanism: string, isBare: boolean): 'begun' | 'unknownMechanism' | 'illegalState' {
    const wanted = saslMechanisms.find((each) => each === mechanism && this.#options.mechanisms.includes(each))
    const result = this.#state !== 'start' ? 'illegalState' : wanted === undefined ? 'unknownMechanism' : 'begun'
    if (result === 'begun') {
      const { credentials, random } = this.#options
      this.#server = wanted === 'PLAIN' ? new PlainServer(credentials) : new ScramServer(wanted as ScramMechanism, credentials, random)
      this.#state = isBare ? 'bareTokens' : 'tokens'
    } else if (this.#state !== 'open') this.#state = 'shut'
    return result
  }

  /** A token out of turn fails as a wrong one does. */
  async token(token: Uint8Array, isBare: boolean): Promise<SaslStep> {
    const server = this.#state === (isBare ? 'bareTokens' : 'tokens') ? this.#server : null
    const step = server === null ? failed : await server.next(token)
    if (step.kind === 'done') {
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

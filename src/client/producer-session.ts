/**
 * What a producer needs before its first batch: the codec loaded, and with idempotence a producer id. Asked for at the first send, again
 * when the id is used up; a lost attempt is retried with backoff for as long as somebody waits.
 */
import { OttlaError } from '../common/errors.ts'
import type { Ports } from '../common/ports.ts'
import type { Timer } from '../common/scheduler.ts'
import type { ProducerValues } from '../config/settings.ts'
import type { BrokerApi } from '../protocol/broker-api.ts'
import { loadCodec } from '../record/compression.ts'
import { backoffMs } from './backoff.ts'
import { throwOnFailure } from './failure.ts'

export class ProducerSession {
  /** Batches carry sequence numbers. */
  readonly sequenced: boolean
  readonly #api: BrokerApi
  readonly #ports: Ports
  readonly #values: ProducerValues
  #codecLoaded: boolean
  #producerId = -1
  #producerEpoch = -1
  #preparing = false
  #attempts = 0
  #timer: Timer | null = null
  #error: OttlaError | null = null
  #stopped = false

  constructor(api: BrokerApi, ports: Ports, values: ProducerValues, sequenced: boolean) {
    this.#api = api
    this.#ports = ports
    this.#values = values
    this.sequenced = sequenced
    this.#codecLoaded = values['compression.type'] === 'none'
  }

  get codecLoaded(): boolean { return this.#codecLoaded }
  get ready(): boolean { return this.#codecLoaded && (!this.sequenced || this.#producerId >= 0) }
  get producerId(): number { return this.#producerId }
  get producerEpoch(): number { return this.#producerEpoch }

  /** Forgets the producer id: the next `prepare` asks for another. */
  renew(): void { this.#producerId = -1 }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  /** What the last attempt failed with. */
  get error(): OttlaError | null { return this.#error }

  /** Starts, unless it is under way. `finished` is called once it is ready (null), or with an error that no retry will mend, or that nobody waits to see mended. */
  prepare(finished: (error: OttlaError | null) => void, isWanted: () => boolean): void {
    if (this.#preparing || this.#stopped) return
    this.#preparing = true
    this.#load().then(() => {
      this.#preparing = false
      this.#attempts = 0
      this.#error = null
      if (!this.#stopped) finished(null)
    }, (reason: unknown) => {
      const error = OttlaError.from(reason)
      this.#preparing = false
      if (this.#stopped) return
      this.#error = error
      if (!error.retriable || !isWanted()) {
        finished(error)
        return
      }
      this.#attempts++
      this.#timer = this.#ports.scheduler.after(backoffMs(this.#values, this.#attempts, this.#ports.random), () => this.prepare(finished, isWanted), { keepAlive: true })
    })
  }

  async #load(): Promise<void> {
    if (!this.#codecLoaded) {
      await loadCodec(this.#values['compression.type'])
      this.#codecLoaded = true
    }
    if (!this.sequenced || this.#producerId >= 0) return
    const answer = await this.#api.initProducerId({ transactionalId: null, transactionTimeoutMs: 0, producerId: -1, producerEpoch: -1 })
    throwOnFailure(answer, 'asking for a producer id')
    this.#producerEpoch = answer.producerEpoch
    this.#producerId = answer.producerId
  }
}

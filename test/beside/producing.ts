/** An actor that produces in every way, with settings that make room, time and batches scarce. */
import type { Producer, ProducerSettings } from '../../src/client/types.ts'
import type { Ledger, Sent } from './ledger.ts'
import type { Topics } from './tending.ts'
import { codeOf, type World } from './world.ts'

/** What a send may be refused with while nothing is broken. */
const usual = new Set(['ABORTED', 'BUFFER_EXHAUSTED', 'REQUEST_TIMED_OUT', 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])

export class Producing {
  readonly #world: World
  readonly #ledger: Ledger
  readonly #id: number
  readonly #topics: Topics
  readonly #producer: Producer
  readonly #settings: ProducerSettings
  readonly #out = new Set<Promise<void>>()
  /** Records of which only the event told that they failed. */
  lost: number = 0

  constructor(world: World, ledger: Ledger, id: number, topics: Topics, acks: readonly ProducerSettings['acks'][] = ['all', 'all', 1, 0]) {
    this.#world = world
    this.#ledger = ledger
    this.#id = id
    this.#topics = topics
    const { random } = world
    const batch = random.pick([0, 100, 1000, 16_384])
    this.#settings = {
      acks: random.pick(acks)!, 'linger.ms': random.pick([0, 0, 3, 100]), 'batch.size': batch,
      'buffer.memory': random.pick([3000, 10_000, 1_000_000]), 'max.block.ms': random.pick([5, 200, 60_000]),
      'compression.type': random.pick(['none', 'none', 'gzip', 'snappy', 'lz4', 'zstd'] as const), 'delivery.timeout.ms': random.pick([30_200, 120_000]),
      'max.request.size': random.pick([1500, 1_000_000]), partitioner: random.pick(['default', 'round-robin'] as const),
    }
    this.#producer = world.ottla.producer(this.#settings)
    this.#producer.on('error', () => { this.lost++ })
  }

  async run(steps: number): Promise<void> {
    const { random } = this.#world
    for (let step = 0; step < steps && !this.#world.isClosing; step++) {
      await this.#step(random.int(12))
      if (random.int(3) === 0) await this.#world.sleep(random.int(random.int(10) === 0 ? 3000 : 20))
    }
    await this.end()
  }

  async end(): Promise<void> {
    await this.#world.watch(`close of producer ${this.#id}`, this.#producer.close())
    const left = this.#out.size
    await this.#world.sleep(0)
    this.#world.expect(this.#out.size === 0, () => `${left} sends of producer ${this.#id} are not settled after close`)
    this.#world.expect(await codeOf(this.#producer.send({ topic: 't', value: 'late' })) === 'CLOSED', () => 'a closed producer takes records')
  }

  async #step(kind: number): Promise<void> {
    const { random } = this.#world
    if (kind < 5) for (let count = 1 + random.int(4); count > 0; count--) this.#send()
    else if (kind < 7) this.#batch(1 + random.int(12))
    else if (kind < 8) await this.#post(1 + random.int(12))
    else if (kind < 9) await this.#world.watch(`flush of producer ${this.#id}`, this.#flush())
    else if (kind < 10) this.#abortable()
    else if (this.#out.size > 0) await Promise.race(this.#out)
  }

  #make(posted = false): Sent {
    const { random } = this.#world
    const topic = random.pick([...this.#topics.keys()])
    return this.#ledger.make(this.#id, random, topic, this.#topics.get(topic)!, posted)
  }

  #note(what: string, promise: Promise<unknown>): void {
    const noted = this.#world.watch(`${what} of producer ${this.#id} ${JSON.stringify(this.#settings)}`, promise).then(() => { this.#out.delete(noted) })
    this.#out.add(noted)
  }

  #failed(sent: Sent, error: unknown): void {
    const code = (error as { code?: string }).code ?? String(error)
    this.#ledger.failed(sent, code)
    this.#world.expect(usual.has(code) || this.#world.tolerates(error), () => `send of record ${sent.serial} failed with ${code}: ${String(error)}`)
  }

  #send(signal?: AbortSignal): void {
    const sent = this.#make()
    const promise = signal === undefined ? this.#producer.send(sent.record) : this.#producer.send(sent.record, { signal })
    sent.durable = this.#settings.acks === 'all'
    this.#note(`send of record ${sent.serial}`, promise.then((told) => this.#ledger.acked(sent, told), (error: unknown) => this.#failed(sent, error)))
  }

  #abortable(): void {
    const controller = new AbortController()
    this.#send(controller.signal)
    void this.#world.sleep(this.#world.random.int(50)).then(() => controller.abort())
  }

  #batch(count: number): void {
    const all = Array.from({ length: count }, () => this.#make())
    for (const each of all) each.durable = this.#settings.acks === 'all'
    this.#note(`batch from record ${all[0]!.serial}`, this.#producer.sendBatch(all.map((each) => each.record)).then((told) => {
      this.#world.expect(told.length === count, () => `sendBatch of ${count} answers for ${told.length}`)
      told.forEach((each, i) => this.#ledger.acked(all[i]!, each))
    }, (error: unknown) => {
      const code = (error as { code?: string }).code ?? String(error)
      this.#world.expect(usual.has(code) || this.#world.tolerates(error), () => `sendBatch failed with ${code}`)
      // Others of the batch may be in their logs.
      for (const each of all) this.#ledger.failed(each, `one of ${code}`)
    }))
  }

  async #post(count: number): Promise<void> {
    for (; count > 0; count--) {
      const sent = this.#make(true)
      if (!this.#producer.post(sent.record)) await this.#world.watch(`drained of producer ${this.#id}`, this.#producer.drained())
    }
  }

  /** All that was sent before is settled then. */
  async #flush(): Promise<void> {
    const before = [...this.#out]
    await this.#producer.flush()
    await this.#world.sleep(0)
    this.#world.expect(before.every((each) => !this.#out.has(each)), () => 'flush is over before what was sent is settled')
  }
}

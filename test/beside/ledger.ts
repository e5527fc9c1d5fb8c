/** What producers were asked to send, what they were told of it, and what of it anybody read. Says when these do not go together. */
import type { ConsumerRecord, ProducerRecord, RecordMetadata } from '../../src/client/types.ts'
import type { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { World } from './world.ts'

export interface Sent {
  readonly serial: number
  readonly producer: number
  readonly record: ProducerRecord
  /** Nobody is told of it but by the event. */
  readonly posted: boolean
  state: 'out' | 'acked' | 'failed'
  code: string
  told: RecordMetadata | null
  durable: boolean
}

/** Records that were refused with these are in no log. */
const never = new Set(['INVALID_ARGUMENT', 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'BUFFER_EXHAUSTED', 'SERIALIZATION_ERROR', 'INVALID_TOPIC_EXCEPTION', 'DISK_FULL'])

const text = (bytes: unknown): string | null => bytes === null || bytes === undefined ? null : Buffer.from(bytes as Uint8Array).toString()

export class Ledger {
  readonly sent: Sent[] = []
  /** `topic-partition@offset` → serial. */
  readonly #places = new Map<string, number>()
  readonly #placeOf = new Map<number, string>()
  /** Topics whose offsets may begin anew. */
  readonly fleeting: Set<string> = new Set<string>()
  readonly #world: World
  reads: number = 0

  constructor(world: World) { this.#world = world }

  make(producer: number, random: SeededRandom, topic: string, partitions: number, posted: boolean): Sent {
    const serial = this.sent.length
    const isTombstone = random.int(8) === 0
    const record: ProducerRecord = {
      topic, value: isTombstone ? null : `${serial}|${'x'.repeat(random.int(random.int(10) === 0 ? 2000 : 60))}`,
      ...(random.int(2) === 0 ? { key: `k${random.int(20)}` } : {}),
      ...(random.int(3) === 0 ? { partition: random.int(partitions) } : {}),
      ...(random.int(3) === 0 ? { timestamp: this.#world.scheduler.clock.now() - random.int(10_000) } : {}),
      ...(isTombstone || random.int(3) === 0 ? { headers: [{ key: 'n', value: String(serial) }, { key: 'null', value: null }] } : {}),
    }
    const sent: Sent = { serial, producer, record, posted, state: 'out', code: '', told: null, durable: false }
    this.sent.push(sent)
    return sent
  }

  acked(sent: Sent, told: RecordMetadata): void {
    const { topic, partition, offset } = told
    sent.state = 'acked'
    sent.told = told
    this.#world.expect(topic === sent.record.topic, () => `record ${sent.serial} for ${sent.record.topic} is acknowledged in ${topic}`)
    this.#world.expect(sent.record.partition === undefined || sent.record.partition === partition, () => `record ${sent.serial} went to partition ${partition}`)
    if (offset >= 0) this.#place(sent.serial, topic, partition, offset)
  }

  failed(sent: Sent, code: string): void {
    sent.state = 'failed'
    sent.code = code
  }

  #place(serial: number, topic: string, partition: number, offset: number): void {
    if (this.fleeting.has(topic)) return
    const place = `${topic}-${partition}@${offset}`
    const there = this.#places.get(place)
    this.#world.expect(there === undefined || there === serial, () => `at ${place} there are records ${there} and ${serial}`)
    const other = this.#placeOf.get(serial)
    this.#world.expect(other === undefined || other === place, () => `record ${serial} is at ${other} and at ${place}`)
    this.#places.set(place, serial)
    this.#placeOf.set(serial, place)
  }

  /** Somebody read it. */
  read({ topic, partition, offset, key, value, headers, timestamp }: ConsumerRecord): Sent {
    this.reads++
    const serial = value === null ? Number(text(headers[0]?.value)) : Number.parseInt(text(value)!, 10)
    const sent = this.sent[serial]
    if (sent === undefined) return this.#world.fail(`${topic}-${partition}@${offset} holds what nobody sent`)
    const { record } = sent
    const shown = (): string => `record ${serial} at ${topic}-${partition}@${offset}`
    this.#world.expect(record.topic === topic && (record.partition ?? partition) === partition, () => `${shown()} was sent to ${record.topic}-${record.partition}`)
    this.#world.expect(!(sent.state === 'failed' && never.has(sent.code)), () => `${shown()} was refused with ${sent.code}`)
    this.#world.expect((record.key ?? null) === text(key) && record.value === text(value), () => `${shown()} has another key or value`)
    const wanted = JSON.stringify((record.headers as { key: string; value: string | null }[] | undefined ?? []).map((each) => [each.key, each.value]))
    const got = JSON.stringify(headers.map((each) => [each.key, text(each.value)]))
    this.#world.expect(wanted === got, () => `${shown()} has the headers ${got} in place of ${wanted}`)
    this.#world.expect(record.timestamp === undefined || record.timestamp === timestamp, () => `${shown()} has the timestamp ${timestamp}, not ${String(record.timestamp)}`)
    this.#world.expect(sent.told === null || sent.told.offset < 0 || this.fleeting.has(topic) || sent.told.timestamp === timestamp, () => `${shown()} has another timestamp than was told`)
    this.#place(serial, topic, partition, offset)
    return sent
  }

  /** `records`: all of a partition from `start` on. `lossy`: what was not durable may be gone. */
  judge(topic: string, partition: number, start: number, records: readonly ConsumerRecord[], lossy: boolean): void {
    const lastOf = new Map<number, number>()
    let expected = start
    for (const each of records) {
      const { serial, producer } = this.read(each)
      if (!lossy) this.#world.expect(each.offset === expected, () => `${topic}-${partition} has ${each.offset} behind ${expected - 1}`)
      expected = each.offset + 1
      const last = lastOf.get(producer) ?? -1
      this.#world.expect(last < serial, () => `${topic}-${partition} has record ${serial} of producer ${producer} behind record ${last}`)
      lastOf.set(producer, serial)
    }
    const there = new Set(records.map((each) => each.offset))
    for (const { serial, told, durable } of this.sent) {
      if (told === null || told.topic !== topic || told.partition !== partition || told.offset < start || (lossy && !durable)) continue
      this.#world.expect(there.has(told.offset), () => `record ${serial}, acknowledged at ${topic}-${partition}@${told.offset}, is not there`)
    }
  }

  /** After a crash: nobody has seen anything but what is there, which is to be looked at anew. */
  forget(isPowerCut: boolean): void {
    this.#places.clear()
    this.#placeOf.clear()
    for (const each of this.sent) {
      if (each.told !== null && !each.durable) each.told = null
      // What a full disk left of a write is cut off at once, but that is not synced: a whole batch may come back.
      if (isPowerCut && each.code === 'DISK_FULL') each.code = 'one of DISK_FULL'
    }
  }

  /** Of what was posted, or sent with acks 0, the events tell of all that is in no log. Of a sendBatch that failed, and of what was aborted, nobody knows. */
  judgeLost(told: number, trimmed: ReadonlySet<string>): void {
    const missing = this.sent.filter((each) => !this.#placeOf.has(each.serial) && !trimmed.has(each.record.topic))
    const gone = missing.filter((each) => each.posted || each.told?.offset === -1).length
    const unknown = missing.filter((each) => !each.durable && (each.code.startsWith('one of') || each.code === 'ABORTED')).length
    this.#world.expect(gone <= told && (told <= gone + unknown || trimmed.size > 0), () => `${gone} records are gone, of ${told} was told`)
  }
}

import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { silentLogger } from '../src/common/logger.ts'
import { open, type Ottla } from '../src/index.ts'

const RECORDS = 30_000
const valueOf = (i: number): string => `${i}:`.padEnd(1000, String(i % 10))

/** More than the tail cache holds, so that most of it is read from files, into memory that is used again. */
describe('what a consumer hands out of 30 MB', () => {
  let directory = ''
  let ottla: Ottla

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'ottla-memory-'))
    ottla = await open(directory, { logger: silentLogger })
    await ottla.admin.createTopic('t', { partitions: 1 })
    const producer = ottla.producer({ acks: 1 })
    for (let i = 0; i < RECORDS; i++) if (!producer.post({ topic: 't', partition: 0, value: valueOf(i) })) await producer.drained()
    await producer.close()
  })

  afterAll(async () => {
    await ottla.close()
    rmSync(directory, { recursive: true, force: true })
  })

  test('by cursor is right until the next batch, and what was kept as records is right for ever', async () => {
    const consumer = ottla.consumer<Uint8Array, string>({ 'value.deserializer': 'string', 'max.poll.records': 700 })
    consumer.assign([{ topic: 't', partition: 0, offset: 0 }])
    const kept: { offset: number; bytes: () => string | null }[] = []
    const read: unknown[] = []
    let seen = 0
    let turn = 0
    for await (const batch of consumer.batches()) {
      if (turn++ % 40 === 39) {
        for (const record of batch) kept.push({ offset: record.offset, bytes: () => record.value })
        seen += batch.count
      } else {
        const cursor = batch.cursor()
        while (cursor.next()) {
          if (Buffer.from(cursor.value()!).toString() !== valueOf(cursor.offset) || cursor.offset !== seen) throw new Error(`wrong at ${cursor.offset}`)
          seen++
        }
        read.push(batch)
      }
      if (seen >= RECORDS) break
    }
    expect(kept.length).toBeGreaterThan(300)
    for (const { offset, bytes } of kept) expect(bytes()).toBe(valueOf(offset))
    expect(() => [...read[0] as Iterable<unknown>]).toThrow(/gone once the next one is asked for/)
    await consumer.close()
  })

  test('by batches that are looked at later is right', async () => {
    const consumer = ottla.consumer<Uint8Array, string>({ 'value.deserializer': 'string' })
    consumer.assign([{ topic: 't', partition: 0, offset: 0 }])
    const batches: Iterable<{ offset: number; value: string | null }>[] = []
    let seen = 0
    for await (const batch of consumer.batches()) {
      batches.push(batch)
      seen += batch.count
      if (seen >= RECORDS) break
    }
    let next = 0
    for (const batch of batches) for (const { offset, value } of batch) if (offset !== next++ || value !== valueOf(offset)) throw new Error(`wrong at ${offset}`)
    expect(next).toBe(RECORDS)
    await consumer.close()
  })

  test('by cursors of two consumers that are read in turns is right, while the batches of both are in hand', async () => {
    const readers = [0, 7].map((offset) => {
      const consumer = ottla.consumer({ 'max.poll.records': 1000 })
      consumer.assign([{ topic: 't', partition: 0, offset }])
      return { consumer, batches: consumer.batches()[Symbol.asyncIterator](), offset }
    })
    for (let turn = 0; turn < 20; turn++) {
      const cursors = []
      for (const { batches } of readers) cursors.push((await batches.next()).value!.cursor())
      for (const [i, reader] of readers.entries()) {
        const cursor = cursors[i]!
        while (cursor.next()) {
          const isRight = cursor.offset === reader.offset && Buffer.from(cursor.value() ?? []).toString() === valueOf(reader.offset) && cursor.valueLength === 1000
          if (!isRight) throw new Error(`wrong at ${reader.offset}`)
          reader.offset++
        }
      }
    }
    expect(readers.map((each) => each.offset > 5000)).toEqual([true, true])
    for (const { consumer } of readers) await consumer.close()
  })

  test('by poll is right for ever, also where one poll spans the end of a fetch and the next fetch comes before it is looked at', async () => {
    const consumer = ottla.consumer<Uint8Array, string>({ 'value.deserializer': 'string', 'max.poll.records': 1500 })
    consumer.assign([{ topic: 't', partition: 0, offset: 0 }])
    const polled: Iterable<{ offset: number; value: string | null }>[] = []
    let seen = 0
    while (seen < RECORDS) {
      for (const batch of await consumer.poll()) {
        polled.push(batch)
        seen += batch.count
      }
      // Time for the fetches ahead, which may read into memory that was given back.
      await new Promise((resolve) => { setImmediate(resolve) })
    }
    let next = 0
    for (const batch of polled) for (const { offset, value } of batch) if (offset !== next++ || value !== valueOf(offset)) throw new Error(`wrong at ${offset}`)
    expect(next).toBe(RECORDS)
    await consumer.close()
  })

  test('ends before a flipped bit, with the file and the place of the batch that has it', async () => {
    const file = join(directory, 't-0', '00000000000000000000.log')
    const descriptor = openSync(file, 'r+')
    const byte = Buffer.alloc(1)
    readSync(descriptor, byte, 0, 1, 5_000_000)
    byte[0]! ^= 4
    writeSync(descriptor, byte, 0, 1, 5_000_000)
    closeSync(descriptor)
    const consumer = ottla.consumer()
    consumer.assign([{ topic: 't', partition: 0, offset: 0 }])
    let seen = 0
    const read = async (): Promise<void> => {
      for await (const batch of consumer.batches()) {
        const cursor = batch.cursor()
        while (cursor.next()) {
          if (Buffer.from(cursor.value()!).toString() !== valueOf(seen)) throw new Error(`wrong at ${seen}`)
          seen++
        }
      }
    }
    await expect(read()).rejects.toMatchObject({ code: 'LOG_CORRUPT', message: expect.stringContaining(file) as string })
    expect(seen).toBeGreaterThan(4000)
    expect(seen).toBeLessThan(5000)
    // A batch of 64 KiB further on, wherever batches begin.
    await consumer.seek({ topic: 't', partition: 0, offset: 5100 })
    const [first] = await consumer.poll()
    expect(first!.baseOffset).toBe(5100)
    await consumer.close()
  })
})

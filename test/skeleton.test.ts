/**
 * The walk through every layer on real files: open, create a topic, send, consume in a group, close, open again. And what a process may do
 * with `open`: twice in one process, while another process has it, read only, in memory, and end without closing.
 */
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { open, OttlaError, type Ottla, type OpenOptions } from '../src/index.ts'
import { RecordingLogger } from '../src/testing/recording-logger.ts'
import { readPartition } from '../reliability/lib/raw-reader.mjs'
import { compilePackage, runModule, type Ended } from './support/child-process.ts'

const root = mkdtempSync(join(realpathSync(tmpdir()), 'ottla-skeleton-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let directory: string
let logger: RecordingLogger
const handles: Ottla[] = []
beforeEach(() => { directory = join(mkdtempSync(join(root, 'd-')), 'data'); logger = new RecordingLogger() })
afterEach(async () => { for (const handle of handles.splice(0)) await handle.close() })

async function opened(more: OpenOptions = {}): Promise<Ottla> {
  const ottla = await open(directory, { logger, ...more })
  handles.push(ottla)
  return ottla
}

const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString())

/** Reads so many records of a group, then leaves it. */
async function consume(ottla: Ottla, group: string, topics: string[], count: number): Promise<string[]> {
  const consumer = ottla.consumer({ 'group.id': group, 'auto.offset.reset': 'earliest' })
  consumer.subscribe(topics)
  const seen: string[] = []
  for await (const record of consumer) {
    seen.push(`${text(record.key)}=${text(record.value)}`)
    if (seen.length === count) break
  }
  await consumer.close()
  return seen
}

async function findings(ottla: Ottla): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const finding of ottla.verify()) found.push(finding)
  return found
}

describe('the walking skeleton', () => {
  test('what was sent is consumed, survives closing, and groups go on where they were', async () => {
    const first = await opened()
    const topic = await first.admin.createTopic('truck_gps', { partitions: 3, config: { 'retention.ms': 604_800_000 } })
    expect(topic).toMatchObject({ name: 'truck_gps', internal: false })
    const producer = first.producer({ acks: 'all' })
    const sent = await Promise.all(Array.from({ length: 100 }, (_, i) => producer.send({ topic: 'truck_gps', key: `truck_${i % 20}`, value: `position ${i}` })))
    for (const partition of [0, 1, 2]) {
      const offsets = sent.filter((each) => each.partition === partition).map((each) => each.offset)
      expect(offsets).toEqual(offsets.map((_, i) => i))
    }
    expect((await consume(first, 'dashboard', ['truck_gps'], 60)).length).toBe(60)
    expect(await findings(first)).toEqual([])
    await first.close()
    expect(existsSync(join(directory, '.kafka_cleanshutdown'))).toBe(true)

    const second = await opened()
    expect((await second.admin.describeTopic('truck_gps')).topicId).toBe(topic.topicId)
    const rest = await consume(second, 'dashboard', ['truck_gps'], 40)
    expect(rest.length).toBe(40)
    const all = await consume(second, 'notifications', ['truck_gps'], 100)
    expect([...all].sort()).toEqual(Array.from({ length: 100 }, (_, i) => `truck_${i % 20}=position ${i}`).sort())
    expect(await findings(second)).toEqual([])
    expect(logger.messages('warn')).toEqual([])
    expect(logger.messages('error')).toEqual([])
    const raw = [0, 1, 2].map((partition) => readPartition(join(directory, `truck_gps-${partition}`)))
    expect(raw.flatMap((each) => each.problems)).toEqual([])
    expect(raw.flatMap((each) => each.batches.flatMap((batch) => batch.records)).length).toBe(100)
  })

  test('after close every call raises CLOSED', async () => {
    const ottla = await opened()
    const producer = ottla.producer()
    const consumer = ottla.consumer()
    await producer.send({ topic: 'a', value: 'x' })
    await ottla.close()
    await ottla.close()
    const codeOf = async (call: () => unknown): Promise<string> => {
      try { await call() } catch (error) { return OttlaError.is(error) ? error.code : String(error) }
      return 'no error'
    }
    const calls: (() => unknown)[] = [
      () => producer.send({ topic: 'a', value: 'x' }), () => producer.sendBatch([{ topic: 'a', value: 'x' }]), () => consumer.poll({ timeoutMs: 1 }),
      () => ottla.producer(), () => ottla.consumer(), () => ottla.admin.listTopics(), () => ottla.admin.createTopic('b'), () => ottla.log('a', 0), () => ottla.metrics(), () => findings(ottla),
    ]
    expect(await Promise.all(calls.map(codeOf))).toEqual(calls.map(() => 'CLOSED'))
  })

  test('the storage engine and the figures can be had', async () => {
    const ottla = await opened()
    await ottla.producer().send({ topic: 'a', value: 'x' })
    expect(ottla.log('a', 0).logEndOffset).toBe(1)
    expect(() => ottla.log('a', 1)).toThrow(expect.objectContaining({ code: 'UNKNOWN_TOPIC_OR_PARTITION' }) as Error)
    const metrics = ottla.metrics()
    expect(metrics).toMatchObject({ producedBatches: 1, producedRecords: 1, topics: 1, partitions: [{ topic: 'a', partition: 0, logEndOffset: 1, isOffline: false }] })
    expect(metrics.producedBytes).toBeGreaterThan(60)
    expect(metrics.syncs).toBe(1)
  })
})

describe('open', () => {
  test('of a directory that is open in this process gives the same database, counted', async () => {
    const first = await opened()
    const second = await opened()
    await first.producer().send({ topic: 'a', value: '1' })
    await second.producer().send({ topic: 'a', value: '2' })
    expect(second.log('a', 0).logEndOffset).toBe(2)
    await first.close()
    expect(() => first.producer()).toThrow(expect.objectContaining({ code: 'CLOSED' }) as Error)
    expect((await second.producer().send({ topic: 'a', value: '3' })).offset).toBe(2)
    expect(existsSync(join(directory, '.kafka_cleanshutdown'))).toBe(false)
    const closing = second.close()
    const third = await opened()
    await closing
    expect((await third.producer().send({ topic: 'a', value: '4' })).offset).toBe(3)
  })

  test('opened many times at once opens once', async () => {
    const many = await Promise.all(Array.from({ length: 5 }, () => opened()))
    expect(logger.messages('info').filter((line) => line.startsWith('opened'))).toHaveLength(1)
    for (const each of many) await each.close()
    expect(existsSync(join(directory, '.kafka_cleanshutdown'))).toBe(true)
  })

  test('aborted by its signal does not abort another open of the directory, nor leave it locked', async () => {
    const controller = new AbortController()
    const aborted = open(directory, { logger, signal: controller.signal })
    const other = open(directory, { logger })
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
    const ottla = await other
    handles.push(ottla)
    expect((await ottla.producer().send({ topic: 'a', value: 'x' })).offset).toBe(0)
  })

  test.each([
    [() => open(''), 'INVALID_ARGUMENT', 'the directory is a path, not empty'],
    [() => open(undefined as unknown as string), 'INVALID_ARGUMENT', 'the directory is a path, not undefined'],
    [() => open({ directory: 'data' } as unknown as string), 'INVALID_ARGUMENT', 'the directory is a path, not an object'],
    [() => open(new URL('file:///tmp/data') as unknown as string), 'INVALID_ARGUMENT', 'the directory is a path, not a URL: give fileURLToPath(url) of node:url'],
    [() => open('file:///tmp/data'), 'INVALID_ARGUMENT', 'the directory is a path, not a URL: give fileURLToPath(url) of node:url'],
    [() => open(Buffer.from('/tmp/data') as unknown as string), 'INVALID_ARGUMENT', 'the directory is a path, not an object'],
    [() => open(directory, { readonly: true } as OpenOptions), 'INVALID_CONFIG', 'write it as readOnly'],
    [() => open(directory, { readOnly: 'yes' } as unknown as OpenOptions), 'INVALID_CONFIG', 'option readOnly of open() must be a boolean, not "yes"'],
    [() => open(directory, { numPartitions: 3 } as OpenOptions), 'INVALID_CONFIG', 'write it as "num.partitions"'],
    [() => open(directory, { 'linger.ms': 3 } as OpenOptions), 'INVALID_CONFIG', 'linger.ms is a producer setting'],
    [() => open(directory, null as unknown as OpenOptions), 'INVALID_CONFIG', 'not null'],
    [() => open(directory, { readOnly: true, logger }), 'DIRECTORY_UNUSABLE', 'there is no directory'],
    [() => open(directory, { signal: AbortSignal.abort(), logger }), 'ABORTED', 'aborted'],
  ])('refuses wrong arguments (%#)', async (call, code, message) => {
    await expect(call()).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string })
  })

  test('refuses a file in the place of the directory, and makes missing parents', async () => {
    const path = join(root, 'file')
    writeFileSync(path, 'x')
    await expect(open(path, { logger })).rejects.toMatchObject({ code: 'DIRECTORY_UNUSABLE', file: path })
    await (await open(join(directory, 'deep', 'er'), { logger })).close()
    expect(readdirSync(join(directory, 'deep', 'er'))).toContain('meta.properties')
  })

  test('in memory needs no directory and leaves nothing', async () => {
    const before = readdirSync(root)
    const [one, two] = [await open('', { inMemory: true, logger }), await open('', { inMemory: true, logger })]
    await one.producer().send({ topic: 'a', value: 'x' })
    expect(await consume(one, 'g', ['a'], 1)).toEqual(['null=x'])
    expect(await two.admin.listTopics()).toEqual([])
    expect(await findings(one)).toEqual([])
    await Promise.all([one.close(), two.close()])
    expect(readdirSync(root)).toEqual(before)
  })

  test('read only serves records and groups, and refuses to write', async () => {
    const owner = await opened()
    await owner.producer().send({ topic: 'a', key: 'k', value: 'x' })
    const reader = await opened({ readOnly: true })
    const consumer = reader.consumer()
    consumer.assign([{ topic: 'a', partition: 0, offset: 0 }])
    const [batch] = await consumer.poll({ timeoutMs: 1000 })
    expect([...batch!].map((record) => text(record.value))).toEqual(['x'])
    expect(() => reader.producer()).toThrow(expect.objectContaining({ code: 'READ_ONLY' }) as Error)
    await expect(reader.admin.createTopic('b')).rejects.toMatchObject({ code: 'READ_ONLY' })
    await expect(reader.admin.deleteTopic('a')).rejects.toMatchObject({ code: 'READ_ONLY' })
  })
})

describe('another process', () => {
  let entry: string
  beforeAll(() => { entry = compilePackage('skeleton-dist') }, 60_000)
  const run = (code: string, onLine?: (line: string, kill: () => void) => void): Promise<Ended> => (
    runModule(`import { open, silentLogger as quiet } from ${JSON.stringify(entry)}; const directory = ${JSON.stringify(directory)}; ${code}`, onLine === undefined ? {} : { onLine }))

  test('is kept out while this one owns the directory, and let in afterwards', async () => {
    const ottla = await opened()
    const attempt = `try { const o = await open(directory, { logger: quiet }); await o.close(); console.log('in') } catch (e) { console.log(e.code, e.message.includes(String(${process.pid}))) }`
    expect((await run(attempt)).lines).toEqual(['DIRECTORY_LOCKED true'])
    await ottla.close()
    expect((await run(attempt)).lines).toEqual(['in'])
  })

  test('that ends without closing leaves what it had buffered, and no lock', async () => {
    const { status } = await run(`
      const o = await open(directory, { logger: quiet })
      const p = o.producer({ 'linger.ms': 60000 })
      await Promise.all([p.send({ topic: 'a', value: 'v0' }), p.flush()]) // the topic is known from here on
      for (let i = 1; i < 100; i += 1) p.post({ topic: 'a', value: 'v' + i })
      process.exit(3)`)
    expect(status).toBe(3)
    const ottla = await opened()
    const values = (await consume(ottla, 'g', ['a'], 100)).map((each) => each.replace('null=', ''))
    expect(values).toEqual(Array.from({ length: 100 }, (_, i) => `v${i}`))
    expect(await findings(ottla)).toEqual([])
  })

  test('that is killed loses nothing acknowledged', async () => {
    const { lines } = await run(`
      const o = await open(directory, { logger: quiet })
      const p = o.producer()
      for (let i = 0; ; i += 1) { const { offset } = await p.send({ topic: 'a', value: 'v' + i }); console.log(offset) }`, (line, kill) => { if (Number(line) >= 30) kill() })
    const acknowledged = lines.length
    const ottla = await opened()
    expect(ottla.log('a', 0).logEndOffset).toBeGreaterThanOrEqual(acknowledged)
    expect((await consume(ottla, 'g', ['a'], acknowledged)).at(-1)).toBe(`null=v${acknowledged - 1}`)
    expect(await findings(ottla)).toEqual([])
  })

  test('with an idle database ends by itself, and an open consumer keeps it alive', async () => {
    const idle = await run(`const o = await open(directory, { logger: quiet }); const p = o.producer(); await p.send({ topic: 'a', value: 'x' }); console.log('done')`)
    expect(idle).toEqual({ lines: ['done'], status: 0 })
    const busy = await run(`const o = await open(directory, { logger: quiet }); const c = o.consumer({ 'group.id': 'g', 'auto.offset.reset': 'earliest' }); c.subscribe('a')
      for await (const r of c) { console.log(String(r.value)); setTimeout(() => console.log('alive'), 300).unref() }`, (line, kill) => { if (line === 'alive') kill() })
    expect(busy.lines).toEqual(['x', 'alive'])
  })
})

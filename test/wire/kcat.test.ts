/**
 * kcat (librdkafka of the system) against the port. Where kcat is not installed this file says so and tests nothing: `.ci/run` installs it.
 */
import { spawn } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { growingLines, isInstalled, run, type Ran } from '../support/program.ts'
import { listening, type WireKit } from '../support/wire-kit.ts'

const hasKcat = isInstalled('kcat')
if (!hasKcat) process.stderr.write('SKIPPED: kcat is not installed, so nothing was tested with it (apt-get install kcat)\n')

let kit: WireKit
beforeEach(async () => { kit = await listening({ 'num.partitions': 1 }) })
afterEach(() => kit.ottla.close())

const kcat = (args: string, input = ''): Promise<Ran> => run('kcat', ['-b', kit.broker, ...args.split(' ')], input)
const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')

async function succeeds(ran: Promise<Ran>): Promise<string> {
  const { code, out, error } = await ran
  expect(code, error).toBe(0)
  return out
}

describe.runIf(hasKcat)('kcat', () => {
  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])('writes and reads records compressed with %s, and the embedded consumer reads them, too', async (codec) => {
    // The first one is long: kcat sends as it is what would not get shorter, and under load a batch may hold but one.
    const values = Array.from({ length: 500 }, (_, i) => `value-${i}-${'x'.repeat(i === 0 ? 2000 : i % 50)}`)
    await succeeds(kcat(`-P -t codecs -z ${codec} -X linger.ms=20`, values.join('\n')))
    expect(lines(await succeeds(kcat('-C -t codecs -e -q')))).toEqual(values)
    const stored = await kit.ottla.log('codecs', 0).read(0, { maxBytes: 1, isolation: 'highWatermark' })
    expect(stored.records[22]! & 7).toBe(['none', 'gzip', 'snappy', 'lz4', 'zstd'].indexOf(codec))
    const consumer = kit.ottla.consumer({ 'value.deserializer': 'string' })
    consumer.assign([{ topic: 'codecs', partition: 0, offset: 0 }])
    const read: unknown[] = []
    for await (const record of consumer) {
      read.push(record.value)
      if (read.length === values.length) break
    }
    await consumer.close()
    expect(read).toEqual(values)
  })

  test('keeps keys, tombstones and headers', async () => {
    await succeeds(kcat('-P -t keyed -K : -Z -H one=1 -H two=2', 'a:1\nb:\n'))
    expect(lines(await succeeds(kcat(String.raw`-C -t keyed -e -q -J`))).map((line) => JSON.parse(line) as Record<string, unknown>)).toMatchObject([
      { topic: 'keyed', offset: 0, key: 'a', payload: '1', headers: ['one', '1', 'two', '2'] }, { offset: 1, key: 'b', payload: null },
    ])
  })

  test('reads from an offset, from the end, and from a time', async () => {
    await succeeds(kcat('-P -t places', '0\n1\n2\n3\n4\n'))
    expect(lines(await succeeds(kcat('-C -t places -e -q -o 3')))).toEqual(['3', '4'])
    expect(lines(await succeeds(kcat('-C -t places -e -q -o -2')))).toEqual(['3', '4'])
    expect(await succeeds(kcat('-Q -t places:0:1'))).toBe('places [0] offset 0\n')
    expect(await succeeds(kcat('-Q -t places:0:-1'))).toBe('places [0] offset 5\n')
    expect(lines(await succeeds(kcat(`-C -t places -e -q -o s@${Date.now() - 60_000} -o e@${Date.now() + 60_000}`)))).toHaveLength(5)
  })

  test('is idempotent on request, and waits for a larger batch than one fetch may hold', async () => {
    const large = 'y'.repeat(900_000)
    await succeeds(kcat('-P -t large -X enable.idempotence=true -X acks=all', `${large}\nsmall\n`))
    expect(lines(await succeeds(kcat('-C -t large -e -q -X fetch.message.max.bytes=1000'))).map((line) => line.length)).toEqual([900_000, 5])
  })

  test('lists brokers and topics, and does not see what it may not create', async () => {
    await kit.ottla.admin.createTopic('listed', { partitions: 3 })
    const { brokers, topics } = JSON.parse(await succeeds(kcat('-L -J'))) as { brokers: { name: string }[]; topics: { topic: string; partitions: unknown[] }[] }
    expect(brokers).toMatchObject([{ name: kit.broker }])
    expect(topics.map(({ topic, partitions }) => [topic, partitions.length])).toEqual([['listed', 3]])
    await kit.ottla.admin.alterConfigs({ broker: 1 }, { 'auto.create.topics.enable': false })
    expect(await succeeds(kcat('-L -t nowhere'))).toContain('Unknown topic or partition')
    expect(await kit.ottla.admin.listTopics()).toEqual(['listed'])
  })

  test('learns at once, and why, that there are no transactions', async () => {
    const started = performance.now()
    const { code, error } = await kcat('-P -t nowhere -X transactional.id=tx', 'x\n')
    expect([code, error]).toEqual([1, expect.stringContaining('Ottla has no transactions yet: leave transactional.id out')])
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  test('shares the partitions of a topic with an embedded consumer of its group', async () => {
    await kit.ottla.admin.createTopic('both', { partitions: 4 })
    const embedded = kit.ottla.consumer({ 'group.id': 'mixed', 'auto.offset.reset': 'earliest', 'value.deserializer': 'string', 'partition.assignment.strategy': 'range' })
    embedded.subscribe('both')
    const inside: string[] = []
    const reading = (async () => { for await (const record of embedded) inside.push(`${record.partition}:${String(record.value)}`) })()
    const child = spawn('kcat', ['-b', kit.broker, '-G', 'mixed', 'both', '-q', '-u', '-f', '%p:%s\\n', '-X', 'auto.offset.reset=earliest', '-X', 'session.timeout.ms=6000'])
    const outside = growingLines(child.stdout)
    const pause = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })
    while (embedded.assignment().length !== 2) await pause()
    const producer = kit.ottla.producer()
    await producer.sendBatch([0, 1, 2, 3].flatMap((partition) => ['a', 'b'].map((value) => ({ topic: 'both', partition, value }))))
    while (inside.length + outside.length < 8) await pause()
    const mine = new Set(embedded.assignment().map(({ partition }) => String(partition)))
    expect(new Set(inside.map((each) => each[0]!))).toEqual(mine)
    expect(new Set(outside.map((each) => each[0]!))).toEqual(new Set(['0', '1', '2', '3'].filter((each) => !mine.has(each))))
    expect([...inside, ...outside].sort()).toEqual([0, 1, 2, 3].flatMap((partition) => [`${partition}:a`, `${partition}:b`]))
    child.kill('SIGTERM')
    while (embedded.assignment().length !== 4) await pause()
    await embedded.close()
    await reading
  })
})

/** `ottla perf produce`: kafka-producer-perf-test on a directory or a cluster. */
import type { Ottla, Producer, ProducerSettings } from '../../index.ts'
import { fileText, pairs, required } from '../arguments.ts'
import { defineCommand, jsonLinesOption, refused, sourceOptions, UsageError, type Command } from '../command.ts'
import { LatencyHistogram } from '../latency.ts'
import { clientConfig, isRemote, refuseMetrics, withFormerName, withKafka } from '../session.ts'
import type { Terminal } from '../terminal.ts'

const WINDOW_MS = 5000
const MEGABYTE = 1024 * 1024

export const perfProduce: Command = defineCommand({
  name: 'perf produce',
  summary: 'measure writing, as kafka-producer-perf-test does',
  usage: ['--data DIR --topic NAME --num-records N --record-size BYTES --throughput N [--producer-props NAME=VALUE …]'],
  options: {
    ...sourceOptions,
    ...jsonLinesOption,
    topic: { type: 'text', value: 'NAME', help: 'the topic; it is created when it is not there' },
    'num-records': { type: 'number', least: 0, help: 'how many records' },
    'record-size': { type: 'number', least: 0, value: 'BYTES', help: 'size of each value' },
    'payload-file': { type: 'text', value: 'FILE', help: 'take the values from this file instead, at random' },
    'payload-delimiter': { type: 'text', value: 'TEXT', help: 'what separates them (line feed)' },
    'payload-monotonic': { type: 'flag', help: 'values are the numbers from 0 on, as text' },
    'transactional-id': refused('is for transactions, which are not built'),
    'transaction-duration-ms': refused('is for transactions, which are not built'),
    throughput: { type: 'number', least: -1, help: 'records a second at most; -1 (default): as many as it takes' },
    'producer.config': { type: 'text', value: 'FILE', help: '--command-config, as Kafka\'s tools called it before' },
    'producer-props': { type: 'text', greedy: true, value: 'NAME=VALUE', help: 'settings of the producer, such as acks=1 linger.ms=5' },
    'warmup-records': { type: 'number', least: 0, help: 'leave so many records at the start out of the figures' },
    'print-metrics': { type: 'flag', help: 'print what the database counted' },
  },
  notes: [
    'The latency of a record runs from the moment it is handed over to its acknowledgement. The figures depend on acks: with',
    'all (default) a record is on disk when it is acknowledged.',
  ],
  examples: ['ottla perf produce --data ./data --topic perf --num-records 1000000 --record-size 100 --throughput -1 --producer-props acks=1'],
  async run(terminal, given) {
    const values = withFormerName(given, given['producer.config'])
    const topic = required(values.topic, 'topic')
    const total = required(values['num-records'], 'num-records')
    const payload = payloadsOf(values)
    const { 'bootstrap.servers': servers, ...props } = pairs('producer-props', values['producer-props'])
    const source = { ...values, 'bootstrap-server': values['bootstrap-server'] ?? servers }
    if (isRemote(source)) refuseMetrics(values)
    const settings = { ...(await clientConfig(values)).producer, ...props } as ProducerSettings
    return withKafka(terminal, source, 'create', async (kafka) => {
      await kafka.admin.createTopic(topic, { ifNotExists: true })
      const producer = kafka.producer(settings)
      const stats = new Stats(terminal, values['warmup-records'] ?? 0, values.json)
      await drive(terminal, producer, { topic, payload, total, throughput: values.throughput ?? -1 }, stats)
      await producer.close()
      await stats.finish()
      if (values['print-metrics']) await terminal.json((kafka as Ottla).metrics())
      return 0
    })
  },
})

interface PayloadValues {
  readonly 'record-size': number | undefined; readonly 'payload-file': string | undefined; readonly 'payload-delimiter': string | undefined; readonly 'payload-monotonic': boolean
}

/** The value of each record. Raises UsageError. */
function payloadsOf(values: PayloadValues): (index: number) => Uint8Array {
  const { 'record-size': size, 'payload-file': file, 'payload-monotonic': isMonotonic } = values
  if ([size !== undefined, file !== undefined, isMonotonic].filter(Boolean).length !== 1) throw new UsageError('give one of --record-size, --payload-file and --payload-monotonic')
  if (isMonotonic) return (index) => Buffer.from(String(index))
  const random = generator()
  if (file !== undefined) {
    const delimiter = (values['payload-delimiter'] ?? '\n').replaceAll('\\n', '\n')
    const parts = fileText('payload-file', file).split(delimiter)
    // As in Java a delimiter at the end has nothing behind it.
    while (parts.at(-1) === '') parts.pop()
    if (parts.length === 0) throw new UsageError(`--payload-file ${file} is empty`)
    const payloads = parts.map((part) => Buffer.from(part))
    return () => payloads[random() % payloads.length]!
  }
  // Capital letters, as in Kafka's tool.
  const payload = Buffer.from(Uint8Array.from({ length: size! }, () => 65 + random() % 26))
  return () => payload
}

/** Whole numbers below 2^24, of our own making: the same in every run. */
function generator(): () => number {
  let state = 42
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 8
  }
}

/** Enough to fill batches; more in flight would only measure the queue. */
const MOST_IN_FLIGHT = 10_000
/** Lets answers in while nothing else waits. */
const YIELD_EVERY = 1000

/** Sends in flight, and the first that failed. */
class InFlight {
  #count = 0
  #wake: (() => void) | null = null
  failure: Error | null = null

  add(sent: Promise<unknown>, done: () => void): void {
    this.#count++
    sent.then(done, (error: Error) => { this.failure ??= error }).finally(() => {
      this.#count--
      this.#wake?.()
    })
  }

  async room(): Promise<void> {
    while (this.#count >= MOST_IN_FLIGHT) await new Promise<void>((resolve) => { this.#wake = resolve })
  }
}

interface Load { readonly topic: string; readonly payload: (index: number) => Uint8Array; readonly total: number; readonly throughput: number }

async function drive(terminal: Terminal, producer: Producer, { topic, payload, total, throughput }: Load, stats: Stats): Promise<void> {
  const inFlight = new InFlight()
  const started = performance.now()
  for (let i = 0; i < total && !terminal.signal.aborted && inFlight.failure === null; i++) {
    const value = payload(i)
    const at = performance.now()
    inFlight.add(producer.send({ topic, value }), () => stats.add(performance.now() - at, value.length))
    await inFlight.room()
    const ahead = throughput > 0 ? started + (i + 1) / throughput * 1000 - performance.now() : 0
    if (ahead > 1) await new Promise((resolve) => { setTimeout(resolve, ahead) })
    else if (i % YIELD_EVERY === YIELD_EVERY - 1) await new Promise((resolve) => { setImmediate(resolve) })
  }
  await producer.flush()
  if (inFlight.failure !== null) throw inFlight.failure
}

/** Totals and the five-second windows of Kafka's tool. */
class Stats {
  readonly #terminal: Terminal
  readonly #warmup: number
  readonly #json: boolean
  #all = new LatencyHistogram()
  #window = new LatencyHistogram()
  #seen = 0
  #bytes = 0
  #windowBytes = 0
  #start = performance.now()
  #windowStart = performance.now()

  constructor(terminal: Terminal, warmup: number, json: boolean) {
    this.#terminal = terminal
    this.#warmup = warmup
    this.#json = json
  }

  add(ms: number, bytes: number): void {
    if (++this.#seen <= this.#warmup) {
      if (this.#seen === this.#warmup) this.#start = this.#windowStart = performance.now()
      return
    }
    this.#all.add(ms)
    this.#window.add(ms)
    this.#bytes += bytes
    this.#windowBytes += bytes
    const elapsed = performance.now() - this.#windowStart
    if (elapsed < WINDOW_MS) return
    if (!this.#json) void this.#terminal.line(rateText(this.#window, this.#windowBytes, elapsed))
    void this.#terminal.flush()
    this.#window = new LatencyHistogram()
    this.#windowBytes = 0
    this.#windowStart = performance.now()
  }

  async finish(): Promise<void> {
    const elapsed = performance.now() - this.#start
    const [p50, p95, p99, p999] = [0.5, 0.95, 0.99, 0.999].map((share) => Math.round(this.#all.percentile(share) * 100) / 100) as [number, number, number, number]
    if (this.#json) {
      await this.#terminal.json({
        records: this.#all.count, seconds: elapsed / 1000,
        recordsPerSecond: this.#all.count / elapsed * 1000, megabytesPerSecond: this.#bytes / MEGABYTE / elapsed * 1000,
        latencyMs: { mean: this.#all.mean, max: this.#all.max, p50, p95, p99, p999 },
      })
      return
    }
    const rate = rateText(this.#all, this.#bytes, elapsed).replace(/\.$/, '')
    await this.#terminal.line(`${rate}, ${p50} ms 50th, ${p95} ms 95th, ${p99} ms 99th, ${p999} ms 99.9th.`)
  }
}

function rateText(latencies: LatencyHistogram, bytes: number, elapsed: number): string {
  const rate = (latencies.count / elapsed * 1000).toFixed(1)
  const megabytes = (bytes / MEGABYTE / elapsed * 1000).toFixed(2)
  const head = `${latencies.count} records sent, ${rate} records/sec (${megabytes} MB/sec)`
  return `${head}, ${latencies.mean.toFixed(2)} ms avg latency, ${latencies.max.toFixed(2)} ms max latency.`
}

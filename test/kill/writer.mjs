/**
 * The process that gets killed. Usage: writer.mjs DIRECTORY FIRST_SEQUENCE SEED. Three producers (acks all, 1 and all with gzip) send records
 * `<producer>:<sequence>:<padding>` to topic `k`, each in sequence order; every ack is reported on standard output with one synchronous write
 * after the promise resolved: `ack <producer> <sequence> <partition> <offset>`.
 */
import { writeSync } from 'node:fs'
import { open } from '../../dist/index.js'

const [directory, first, seedText] = process.argv.slice(2)
let seed = Number(seedText) >>> 0
const random = (bound) => { seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0; return Math.floor(seed / 4294967296 * bound) }
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** The pipe may be full for a moment (EAGAIN): the parent is reading. */
function report(line) {
  for (let rest = Buffer.from(line); rest.length > 0;) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
    }
  }
}

const ottla = await open(directory, { logger: quiet })
await ottla.admin.createTopic('k', { partitions: 2, ifNotExists: true, config: { 'internal.segment.bytes': 16_384, 'index.interval.bytes': 512, 'file.delete.delay.ms': 0 } })
report('open\n')

const kinds = [{ acks: 'all' }, { acks: 1 }, { acks: 'all', 'compression.type': 'gzip' }]
await Promise.all(kinds.map(async (settings, p) => {
  const producer = ottla.producer({ ...settings, 'linger.ms': 0 })
  let sequence = Number(first)
  for (;;) {
    const burst = Array.from({ length: 1 + random(40) }, () => sequence++)
    await Promise.all(burst.map((s) => producer.send({ topic: 'k', partition: p % 2, key: String(p), value: `${p}:${s}:${'x'.repeat(s % 300)}` })
      .then(({ partition, offset }) => report(`ack ${p} ${s} ${partition} ${offset}\n`))))
  }
}))

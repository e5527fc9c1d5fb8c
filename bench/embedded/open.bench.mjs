/**
 * A fresh process: time to the first durable ack beyond Node's own start, memory idle, 1,000 partitions. The CPU time of the same is for machines that do
 * other things too: it moves far less.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { open } from '../../dist/index.js'
import { interleave, row } from '../lib/measure.mjs'
import { quiet, withScratch } from '../lib/workspace.mjs'

const entry = pathToFileURL(join(import.meta.dirname, '../../dist/index.js')).href
/** Times are those of a process without flags: with one, Node compiles its own modules anew. */
const child = (code, ...flags) => execFileSync(process.execPath, [...flags, '--input-type=module', '-e', code], { encoding: 'utf8' }).trim()
/** Milliseconds of a process that tells its own CPU time. */
const timed = (code) => {
  const started = process.hrtime.bigint()
  const { user, system } = JSON.parse(child(`${code}; process.stdout.write(JSON.stringify(process.cpuUsage())); process.reallyExit(0)`))
  return { wall: Number(process.hrtime.bigint() - started) / 1e6, cpu: (user + system) / 1000 }
}
const prelude = (directory) => `import { open } from ${JSON.stringify(entry)}; const quiet = { debug() {}, info() {}, warn() {}, error() {} }; const ottla = await open(${JSON.stringify(directory)}, { logger: quiet });`

export async function run({ rounds }) {
  return withScratch(async (scratch) => {
    const few = join(scratch, 'few')
    const many = join(scratch, 'many')
    for (const [directory, partitions] of [[few, 3], [many, 1000]]) {
      const ottla = await open(directory, { logger: quiet })
      await ottla.admin.createTopic('t', { partitions })
      const producer = ottla.producer()
      await producer.sendBatch(Array.from({ length: partitions }, (_, i) => ({ topic: 't', partition: i, value: 'x' })))
      await ottla.close()
    }
    const firstAck = `${prelude(join(scratch, 'copy'))} await ottla.producer().send({ topic: 't', partition: 0, value: 'x' })`
    // The process ends without closing, so every round opens a fresh copy of a directory that was closed cleanly; `unclean` opens what such a process left.
    const copy = join(scratch, 'copy')
    const copied = (work) => () => {
      rmSync(copy, { recursive: true, force: true })
      cpSync(few, copy, { recursive: true })
      return work()
    }
    const figures = await interleave({
      node: () => timed(''),
      firstAck: copied(() => timed(firstAck)),
      unclean: copied(() => { timed(firstAck); return timed(firstAck) }),
      rss: () => Number(child(`${prelude(few)} await ottla.producer().send({ topic: 't', partition: 0, value: 'x' }); globalThis.gc(); await new Promise((r) => setTimeout(r, 200)); globalThis.gc(); process.stdout.write(String(process.memoryUsage.rss())); await ottla.close()`, '--expose-gc')),
      openMany: () => Number(child(`const t0 = process.hrtime.bigint(); ${prelude(many)} process.stdout.write(String(Number(process.hrtime.bigint() - t0) / 1e6)); await ottla.close()`)),
      heapMany: () => Number(child(`import { open as warm } from ${JSON.stringify(entry)}; globalThis.gc(); const before = process.memoryUsage().heapUsed; ${prelude(many)} globalThis.gc(); process.stdout.write(String((process.memoryUsage().heapUsed - before) / 1000)); await ottla.close()`, '--expose-gc')),
    }, rounds)
    const beyondNode = (runs, kind) => runs.map((run, i) => run[kind] - figures.node[i][kind])
    return [
      row({ name: 'open to first durable ack, beyond Node start', unit: 'ms', figures: beyondNode(figures.firstAck, 'wall'), better: 'less', must: 60, stretch: 50 }),
      row({ name: 'the same, CPU time', unit: 'ms', figures: beyondNode(figures.firstAck, 'cpu'), better: 'less' }),
      row({ name: 'the same after an unclean end', unit: 'ms', figures: beyondNode(figures.unclean, 'wall'), better: 'less' }),
      row({ name: 'resident memory, idle open database', unit: 'MB', figures: figures.rss.map((b) => b / 1e6), better: 'less', must: 90 }),
      row({ name: 'open 1,000 partitions', unit: 'ms', figures: figures.openMany, better: 'less', must: 1000 }),
      row({ name: 'heap per idle open partition', unit: 'bytes', figures: figures.heapMany, better: 'less', must: 20_480 }),
    ]
  })
}

import { closeSync, fdatasyncSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from '../../dist/index.js'

export const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** A scratch directory on the disk of OTTLA_BENCH_DIR (default: the system's temp folder), removed afterwards. */
export async function withScratch(block) {
  const directory = mkdtempSync(join(process.env['OTTLA_BENCH_DIR'] ?? tmpdir(), 'ottla-bench-'))
  try { return await block(directory) } finally { rmSync(directory, { recursive: true, force: true }) }
}

/**
 * Runs `block` twice, each time in files of its own, and gives the second answer. Compiled code has settled then, and the memory that the system gives to files has been
 * touched: what a virtual machine has not had in its hands yet costs ten times as much to write to, and what is freed goes back to the host within seconds. Touching it by
 * other writes does not help: the system keeps blocks of other sizes for them.
 */
export async function settled(block) {
  await block()
  return block()
}

/** Opens a fresh database with one topic `t` and closes it afterwards. */
export async function withDatabase({ partitions = 1, config = {} }, block) {
  return withScratch(async (scratch) => {
    const ottla = await open(join(scratch, 'data'), { logger: quiet })
    await ottla.admin.createTopic('t', { partitions, config })
    try { return await block(ottla, scratch) } finally { await ottla.close() }
  })
}

/** Yardstick: bytes a second of 1 MiB `writeSync` appends into a fresh file, page cache only. */
export function rawWriteRate(scratch, totalBytes = 512 << 20, chunkBytes = 1 << 20) {
  const chunk = Buffer.alloc(chunkBytes, 0x61)
  const fd = openSync(join(scratch, 'raw-write'), 'w')
  try {
    const started = process.hrtime.bigint()
    for (let at = 0; at < totalBytes; at += chunkBytes) writeSync(fd, chunk, 0, chunkBytes, at)
    return totalBytes / (Number(process.hrtime.bigint() - started) / 1e9)
  } finally { ftruncateSync(fd, 0); closeSync(fd) }
}

/** Yardstick: appends a second of `size` bytes, each followed by fdatasyncSync, in one loop. */
export function rawSyncLoopRate(scratch, size, count = 2000) {
  const chunk = Buffer.alloc(size, 0x61)
  const fd = openSync(join(scratch, 'raw-sync'), 'w')
  try {
    const started = process.hrtime.bigint()
    for (let i = 0; i < count; i += 1) { writeSync(fd, chunk, 0, size, i * size); fdatasyncSync(fd) }
    return count / (Number(process.hrtime.bigint() - started) / 1e9)
  } finally { closeSync(fd) }
}

/** `senders` loops that each await one send after another until `count` records are through; records a second. */
export async function closedLoop(producer, senders, count, value) {
  let left = count
  const loop = async () => {
    while (left > 0) {
      left -= 1
      await producer.send({ topic: 't', partition: 0, value })
    }
  }
  const started = process.hrtime.bigint()
  await Promise.all(Array.from({ length: senders }, loop))
  return count / (Number(process.hrtime.bigint() - started) / 1e9)
}

/** Sends `count` records with a promise each, never more than `window` unresolved; records a second, last ack included. */
export async function openWindow(producer, count, value, window = 8192) {
  let unresolved = 0
  let wake = null
  const settle = () => {
    unresolved -= 1
    if (wake !== null && unresolved < window >> 1) { const w = wake; wake = null; w() }
  }
  const started = process.hrtime.bigint()
  for (let i = 0; i < count; i += 1) {
    unresolved += 1
    producer.send({ topic: 't', partition: 0, value }).then(settle, (error) => { throw error })
    if (unresolved >= window) await new Promise((resolve) => { wake = resolve })
  }
  await producer.flush()
  return count / (Number(process.hrtime.bigint() - started) / 1e9)
}

/**
 * Posts `count` records (fire and forget) of one value, or of a list in turn, waiting where `post` says so (it took that record all the same); records a
 * second, flush included.
 */
export async function postAll(producer, count, value) {
  const records = (Array.isArray(value) ? value : [value]).map((each) => ({ topic: 't', partition: 0, value: each }))
  let turn = 0
  const started = process.hrtime.bigint()
  for (let i = 0; i < count; i += 1) {
    if (!producer.post(records[turn])) await producer.drained()
    turn = turn + 1 === records.length ? 0 : turn + 1
  }
  await producer.flush()
  return count / (Number(process.hrtime.bigint() - started) / 1e9)
}

/**
 * Row 8: bit rot. A closed database of at least 64 KiB with every kind of file (two topics, several segments, aborted and open transactions in snapshots and
 * transaction indexes, leader epochs, a group, checkpoints) is copied; one bit of one file flips (long form: every bit, and sectors that were written elsewhere);
 * then it is opened, cleanly and as after a crash, and read. Allowed: the same records as before, or an error of Ottla's that names file, position and offset.
 * Never: other records, silence about lost ones, a hang, unbounded memory. The full check (`ottla verify`) must find what mattered, and `--repair` must leave
 * a directory that passes the check and has every record of the batches that were not hit.
 *
 * The LMDB file is checked by itself: its reader either gives the same nodes or says that it is damaged.
 */
import { readFileSync } from 'node:fs'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { loadKit, ROOT, SimulatedLog } from '../lib/simulated-log.mjs'

export const row = { id: 8, name: 'bit rot', lane: 3, floor: { count: 20_000, unit: 'flips' }, seconds: 60 }

const ENOUGH = 20_000
const MAX_VIOLATIONS = 5
const MAX_HEAP = 64 * 1024 * 1024
const SECTOR = 512
/** A repair costs as much as twenty checks. */
const REPAIR_EVERY = 25
export const sabotages = ['crc-not-checked', 'check-is-blind', 'repair-drops-silently']

/** Writes the database that rots. */
async function makeDatabase(kit) {
  const disk = new kit.SimulatedFileSystem()
  disk.makeDirectory(ROOT)
  const world = await new SimulatedLog(kit, disk, { config: { 'segment.bytes': 9_000, 'index.interval.bytes': 600 } }).open()
  await world.create('t')
  await world.create('__consumer_offsets')
  const random = new kit.SeededRandom(5)
  for (let i = 0; i < 110; i++) await world.append(true)
  const plain = (value) => kit.buildBatch([{ timestamp: 2_000, key: 'g', value }], {})
  for (let i = 0; i < 40; i++) await world.log('__consumer_offsets').append(plain(`commit ${i} ${'y'.repeat(random.int(300))}`), { origin: 'coordinator', durable: true })
  await world.create('x')
  const x = world.log('x')
  for (let i = 0; i < 24; i++) {
    const producer = { producerId: 4, producerEpoch: 0, baseSequence: i * 2, isTransactional: true }
    await x.append(kit.buildBatch([{ timestamp: 3_000 + i, value: `in ${i}` }, { timestamp: 3_000 + i, value: 'z'.repeat(random.int(900)) }], producer), { origin: 'client', durable: true })
    if (i === 12) await x.assignLeaderEpoch(3)
    const type = i % 3 === 0 ? 'ABORT' : 'COMMIT'
    const marker = kit.buildEndTransactionMarker({ type, timestamp: 3_000 + i, producerId: 4, producerEpoch: 0, coordinatorEpoch: 0 })
    if (i < 23) await x.append(marker, { origin: 'coordinator', durable: true })
  }
  await world.trim(5)
  await world.close()
  disk.settle()
  return disk
}

/** One file with one change; `hits` are the bytes that differ. */
class Rot {
  constructor(kit, whole, sabotage) {
    this.kit = kit
    this.whole = whole
    this.sabotage = sabotage
    this.violations = []
    this.outcomes = { harmless: 0, told: 0, found: 0, repaired: 0 }
    this.unseen = new Map()
    /** Every batch as it was written, by log and base offset. */
    this.batches = new Map()
    this.learning = false
    this.layout = new Map()
    this.count = 0
  }

  say(text) { if (this.violations.length < MAX_VIOLATIONS) this.violations.push(text) }

  async open(disk) { return new SimulatedLog(this.kit, disk, { config: { 'segment.bytes': 9_000, 'index.interval.bytes': 600 } }).open() }

  /** `t-0@12` → record as text, and what reading ran into. Reading goes on behind damage, record by record. `only`: this log alone. */
  async read(world, only = null) {
    const found = new Map()
    const errors = []
    for (const log of world.manager.logs()) {
      const name = `${log.topic}-${log.partition}`
      if (only !== null && name !== only) continue
      for (let offset = log.logStartOffset; offset < log.logEndOffset && errors.length < 200;) {
        try {
          const { records } = await log.read(offset, { maxBytes: 32_768, isolation: 'logEnd', checkCrc: this.sabotage !== 'crc-not-checked' })
          if (records.length === 0) break
          const next = this.take(records, offset, name, found)
          if (next <= offset) {
            this.say(`reading ${name} does not get past ${offset}`)
            break
          }
          offset = next
        } catch (error) {
          errors.push(error)
          offset++
        }
      }
      const { abortedTransactions } = await log.read(log.logStartOffset, { maxBytes: 1, isolation: 'committed' }).catch((error) => {
        errors.push(error)
        return { abortedTransactions: null }
      })
      found.set(`${name} aborted`, abortedTransactions === null ? '' : JSON.stringify(abortedTransactions))
      found.set(`${name} bounds`, `${log.logStartOffset}–${log.logEndOffset}`)
    }
    return { found, errors }
  }

  take(records, from, name, found) {
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength)
    let next = from
    for (let at = 0; at < records.length;) {
      const end = at + 12 + view.getInt32(at + 8)
      // Batches that are as they were need not be decoded again.
      const known = this.batches.get(`${name}@${view.getBigInt64(at)}`)
      if (known !== undefined && known.bytes.equals(records.subarray(at, end))) {
        for (const [offset, key, value] of known.records) if (offset >= from) found.set(key, value)
        next = known.nextOffset
      } else next = this.decode(records, at, end, from, name, found)
      at = end
    }
    return next
  }

  decode(records, at, end, from, name, found) {
    const { header, records: batch } = this.kit.readBatch(records, at, end)
    const decoded = batch.map(({ offset, timestamp, key, value }) => [
      offset, `${name}@${offset}`, `${timestamp} ${key === null ? '' : Buffer.from(key).toString('latin1')} ${Buffer.from(value ?? []).toString('latin1')}`,
    ])
    for (const [offset, key, value] of decoded) if (offset >= from) found.set(key, value)
    if (this.learning) this.batches.set(`${name}@${header.baseOffset}`, { bytes: Buffer.from(records.subarray(at, end)), records: decoded, nextOffset: header.nextOffset })
    return header.nextOffset
  }

  async truth() {
    const world = await this.open(this.whole.copy())
    this.learning = true
    this.expected = (await this.read(world)).found
    this.learning = false
    await world.close()
  }

  damaged(path, change) {
    const disk = this.whole.copy({ recordOperations: false })
    const bytes = Buffer.from(disk.readFile(path))
    change(bytes)
    const file = disk.open(path, 'write')
    file.writeSync(bytes, 0, bytes.length, 0)
    file.close()
    return disk
  }

  /** `topic`: only that one; null: all, and the files in the root. */
  async findings(disk, topic) {
    const found = []
    const options = topic === null ? {} : { topics: [topic] }
    if (this.sabotage !== 'check-is-blind') for await (const finding of this.kit.checkLog(disk, ROOT, options)) if (finding.severity !== 'info') found.push(finding)
    return found
  }

  /** Judges one change of one file. `where` is for people; `repairs`: a repair is tried too, if it is a log. */
  async one(path, change, where, hits, repairs) {
    this.count++
    const disk = this.damaged(path, change)
    const folder = /\/([^/]+)-0\/[^/]+$/.exec(path)
    const topic = folder === null ? null : folder[1]
    const copy = disk.copy({ recordOperations: false })
    const findings = await this.findings(disk, topic)
    const outcome = await this.serve(disk, where, topic === null ? null : `${topic}-0`)
    if (outcome === 'harmless') this.outcomes.harmless++
    else this.outcomes.told++
    if (findings.length > 0) this.outcomes.found++
    // What readers run into must not be news to the check.
    if (outcome === 'told' && findings.length === 0) this.say(`${where}: readers meet it, the full check does not`)
    if (outcome === 'changed' && findings.length === 0) this.unseen.set(path, (this.unseen.get(path) ?? 0) + 1)
    if (repairs && findings.length > 0 && path.endsWith('.log')) await this.repair(copy, where, path, hits)
  }

  /** Opened and read: the same, or told. */
  async serve(disk, where, only) {
    let world
    try {
      world = await this.open(disk)
    } catch (error) {
      if (!this.kit.OttlaError.is(error) || error.code === 'INTERNAL') this.say(`${where}: opening: ${error?.stack ?? error}`)
      return 'told'
    }
    const reports = world.manager.recoveryReports
    const { found, errors } = await this.read(world, only)
    await world.close().catch((error) => { if (!this.kit.OttlaError.is(error, 'LOG_OFFLINE')) this.say(`${where}: closing: ${error?.stack ?? error}`) })
    for (const error of errors) {
      const isPrecise = this.kit.OttlaError.is(error, 'LOG_CORRUPT') && error.file !== undefined && error.position !== undefined && error.offset !== undefined
      if (!isPrecise) this.say(`${where}: not a precise error: ${error?.code} ${error?.stack ?? error}`)
    }
    let missing = 0
    let moved = false
    for (const [key, value] of this.expected) {
      if (only !== null && !key.startsWith(only)) continue
      if (key.includes('@')) {
        const got = found.get(key)
        if (got === undefined) missing++
        else if (got !== value) this.say(`${where}: ${key} reads ${got.slice(0, 40)}, not ${value.slice(0, 40)}`)
      } else if (found.get(key) !== value) moved = true
    }
    for (const key of found.keys()) if (key.includes('@') && !this.expected.has(key) && !this.isTrimmed(key)) this.say(`${where}: ${key} was never written`)
    const told = errors.length > 0 || reports.some(({ notes, dropped }) => notes.length + dropped.length > 0)
    if (missing > 0 && !told) {
      if (!this.isCheckpoint(where)) this.say(`${where}: ${missing} records are gone, in silence`)
      return 'changed'
    }
    return told ? 'told' : moved ? 'changed' : 'harmless'
  }

  /** Kafka's checkpoints have no checksum: a digit that changed can only be told where something else contradicts it. */
  isCheckpoint(where) { return where.includes('checkpoint') }
  isTrimmed(key) { return key.startsWith('t-0@') && Number(key.slice(4)) < 5 }

  async repair(disk, where, path, hits) {
    const before = new Map(this.expected)
    for await (const step of this.kit.repairLogs(disk, new this.kit.ManualClock(), ROOT)) {
      if (this.sabotage === 'repair-drops-silently' && step.keptAs !== null) disk.unlink(step.keptAs)
      if (step.kind !== 'taken-out') continue
      if (disk.stat(step.keptAs)?.size !== step.bytes) this.say(`${where}: what the repair took out is not kept`)
    }
    const world = await this.open(disk)
    const { found, errors } = await this.read(world)
    await world.close()
    if (errors.length > 0) this.say(`${where}: after the repair: ${errors[0].stack}`)
    for (const [key, value] of before) {
      if (!key.includes('@') || hits.has(key)) continue
      if (found.get(key) !== value) this.say(`${where}: the repair lost ${key}`)
    }
    const left = await this.findings(disk, null)
    if (left.length > 0) this.say(`${where}: after the repair the check finds ${left[0].code}: ${left[0].message}`)
    this.outcomes.repaired++
  }

  /** Keys of the records whose batch the byte is in. */
  hitBy(path, at) {
    return this.batchesOf(path).find(({ start, end }) => at >= start && at < end)?.keys ?? new Set()
  }

  hasBatchWithin(path, from, to) {
    return this.batchesOf(path).some(({ start, end }) => start >= from && end <= to)
  }

  batchesOf(path) {
    if (!path.endsWith('.log')) return []
    let batches = this.layout.get(path)
    if (batches === undefined) this.layout.set(path, batches = this.layoutOf(path))
    return batches
  }

  layoutOf(path) {
    const bytes = this.whole.readFile(path)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const folder = path.split('/').at(-2)
    const batches = []
    for (let start = 0; start < bytes.length;) {
      const end = start + 12 + view.getInt32(start + 8)
      batches.push({ start, end, keys: new Set(this.kit.readBatch(bytes, start, end).records.map(({ offset }) => `${folder}@${offset}`)) })
      start = end
    }
    return batches
  }
}

function filesOf(disk, directory = ROOT) {
  return disk.readDirectory(directory).flatMap(({ name, kind }) => (kind === 'directory' ? filesOf(disk, `${directory}/${name}`) : [`${directory}/${name}`]))
}

const kindOf = (path) => path.split('/').at(-1).replace(/^\d{20}\./, '')

/** Every bit of every file: all of the small ones, and of each kind, in an order drawn by the seed. */
function* flips(disk, files, random) {
  const all = files.map((path) => ({ path, bits: disk.stat(path).size * 8 })).filter(({ bits }) => bits > 0)
  const kinds = [...new Set(all.map(({ path }) => kindOf(path)))]
  for (;;) {
    // Logs are most of it, and the rest is tried as often all the same.
    const kind = random.chance(0.5) ? 'log' : random.pick(kinds)
    const { path, bits } = random.pick(all.filter((each) => kindOf(each.path) === kind))
    yield { path, bit: random.int(bits) }
  }
}

function* everyBit(disk, files, seed) {
  for (const path of files) {
    const bits = disk.stat(path).size * 8
    for (let bit = seed % 8; bit < bits; bit += 8) yield { path, bit }
  }
}

/**
 * A sector that was written to another place. False when nothing was tried, because it would bring whole batches of one log into another: nothing tells those
 * from the ones that belong there.
 */
async function misdirected(rot, files, random) {
  const to = random.pick(files.filter((path) => rot.whole.stat(path).size > 0))
  const from = random.pick(files.filter((path) => rot.whole.stat(path).size > 0))
  const source = rot.whole.readFile(from)
  const at = random.int(Math.ceil(rot.whole.stat(to).size / SECTOR)) * SECTOR
  const start = Math.floor(random.int(source.length) / SECTOR) * SECTOR
  const sector = source.subarray(start).subarray(0, SECTOR)
  if (to.endsWith('.log') && rot.hasBatchWithin(from, start, start + SECTOR)) return false
  const size = rot.whole.stat(to).size
  const hits = new Set()
  for (let byte = at; byte < Math.min(size, at + sector.length); byte++) for (const key of rot.hitBy(to, byte)) hits.add(key)
  await rot.one(to, (bytes) => { bytes.set(sector.subarray(0, Math.min(sector.length, bytes.length - at)), at) }, `a sector of ${from} written to ${to} at ${at}`, hits, !from.endsWith('.log'))
  return true
}

/** The LMDB file of a real database: each flip is read as it was, or known. */
async function rotMetadata(dist, rot, random, count) {
  const { open, silentLogger } = await import(pathToFileURL(join(dist, 'index.js')).href)
  const directory = mkdtempSync(join(tmpdir(), 'ottla-rot-'))
  try {
    const ottla = await open(directory, { logger: silentLogger })
    for (let i = 0; i < 6; i++) await ottla.admin.createTopic(`topic-${i}`, { partitions: 1, config: { 'retention.ms': 1000 * (i + 1) } })
    await ottla.close()
    const bytes = readFileSync(join(directory, 'ottla-metadata.mdb'))
    const nodes = (buffer) => {
      const file = { path: 'ottla-metadata.mdb', read: () => buffer }
      const table = rot.kit.readMetadataFile(file, silentLogger)
      return { damage: rot.kit.damageOfMetadataFile(file), nodes: [...table.paths()].map((path) => [path, Buffer.from(table.get(path).value).toString('latin1')]) }
    }
    const truth = JSON.stringify(nodes(bytes).nodes)
    let told = 0
    for (let i = 0; i < count; i++) {
      const bit = random.int(bytes.length * 8)
      bytes[bit >> 3] ^= 1 << (bit & 7)
      const { nodes: got, damage } = nodes(bytes)
      if (damage === null && JSON.stringify(got) !== truth) rot.say(`ottla-metadata.mdb bit ${bit}: other content, in silence`)
      if (damage !== null) told++
      bytes[bit >> 3] ^= 1 << (bit & 7)
    }
    return { told, bytes: bytes.length }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

export async function run({ slice, seed = 1, deadline, report = () => {}, sabotage, dist }) {
  const kit = await loadKit(dist)
  const isLong = slice === 'long'
  const random = new kit.SeededRandom(seed)
  await kit.loadAllCodecs()
  const whole = await makeDatabase(kit)
  const files = filesOf(whole)
  const rot = new Rot(kit, whole, sabotage)
  await rot.truth()
  const stackLimit = Error.stackTraceLimit
  Error.stackTraceLimit = 4
  const heapBefore = process.memoryUsage().heapUsed
  let count = 0
  let sectors = 0
  const byKind = {}
  const metadata = await rotMetadata(dist, rot, random, isLong ? 50_000 : 2_000)
  try {
    const over = () => (count % 16 === 0 && deadline() < 500) || rot.violations.length >= MAX_VIOLATIONS
    while (!over() && sectors < (isLong ? 2_000 : 60)) if (await misdirected(rot, files, random)) sectors++
    for (const { path, bit } of isLong ? everyBit(whole, files, seed) : flips(whole, files, random)) {
      if (over() || (!isLong && count >= ENOUGH)) break
      await rot.one(path, (bytes) => { bytes[bit >> 3] ^= 1 << (bit & 7) }, `${path} bit ${bit}`, rot.hitBy(path, bit >> 3), count % REPAIR_EVERY === 0)
      count++
      byKind[kindOf(path)] = (byKind[kindOf(path)] ?? 0) + 1
      if (count % 2_000 === 0) report(`${count} flips`)
    }
  } finally {
    Error.stackTraceLimit = stackLimit
  }
  globalThis.gc?.()
  const grown = process.memoryUsage().heapUsed - heapBefore
  if (grown > MAX_HEAP && globalThis.gc !== undefined) rot.say(`the heap grew by ${grown} bytes`)
  const bytes = files.reduce((sum, path) => sum + whole.stat(path).size, 0)
  return {
    count: count + sectors, unit: row.floor.unit, acked: rot.expected.size, faults: { ...byKind, 'misdirected sector': sectors, 'ottla-metadata.mdb': isLong ? 50_000 : 2_000 },
    violations: rot.violations,
    details: { bytes, files: files.length, kinds: Object.keys(byKind).length, ...rot.outcomes, metadataTold: metadata.told, untold: Object.fromEntries(rot.unseen) },
  }
}

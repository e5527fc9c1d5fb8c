/**
 * A log of Ottla on the simulated disk of `ottla/testing`, for the rows that try out every disk or every fault: no real time, no event loop between
 * two steps, and the same run for the same seed. What the world was promised is noted on the disk itself (`disk.mark`), so that each state of the
 * disk comes with what had been promised by then.
 *
 *   try L V        a record with value V is about to be appended to log L
 *   at L O V       it was given offset O (answered, but not yet promised to be durable)
 *   ack L O        everything answered so far in log L, up to offset O, was promised to be durable
 *   trim L O       records below O may go from now on          trimmed L O   … and are gone
 *   cut L O        records from O on may go from now on (truncation: promises about them are void)
 *   make T / made T / drop T / dropped T                       a topic is being created, exists, is being deleted, is gone
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

export const ROOT = '/data'
export const TOPIC_ID = 'ASNFZ4mrze_-3LqYdlQyEA'
const PRODUCER = 9

export const loadKit = (dist) => import(pathToFileURL(join(dist, 'testing/index.js')).href)

/** Tasks without delay run in a microtask, all others never: nothing here waits for time to pass. */
const quickScheduler = {
  after(delayMs, task) {
    let cancelled = false
    if (delayMs === 0) queueMicrotask(() => { if (!cancelled) task() })
    return { cancel() { cancelled = true } }
  },
  every: () => ({ cancel() {} }),
  soon: (task) => queueMicrotask(task),
}

export class SimulatedLog {
  /** @param fileSystem what the log sees of `disk`: with faults in between, or a saboteur. */
  constructor(kit, disk, { fileSystem = disk, config = {}, scheduler = quickScheduler, clock = new kit.ManualClock(), spread = 211 } = {}) {
    this.kit = kit
    /** Values have lengths from 0 to 600, drawn by this. */
    this.spread = spread
    this.disk = disk
    this.fileSystem = fileSystem
    this.config = kit.logConfigOf({
      ...kit.defaultLogTopicValues, 'segment.bytes': 1500, 'index.interval.bytes': 300, 'file.delete.delay.ms': 0, 'retention.ms': -1, ...config,
    })
    this.scheduler = scheduler
    this.clock = clock
    /** The next producer sequence of log `t`, and how many truncations there were: a value tells both. */
    this.sequence = 0
    this.generation = 0
    this.mayBeFull = false
    this.manager = null
  }

  async open() {
    const { kit, clock, scheduler } = this
    this.manager = await kit.LogManager.open({
      directory: ROOT, fileSystem: this.fileSystem, settings: { 'log.segment.delete.delay.ms': 0 }, topicConfig: () => this.config,
      ports: { clock, scheduler, random: new kit.SeededRandom(7), logger: kit.silentLogger },
    })
    return this
  }

  log(topic = 't') { return this.manager.get(topic, 0) }
  async close() { await this.manager.close() }

  async create(topic) {
    this.disk.mark(`make ${topic}`)
    await this.manager.create(topic, 0, TOPIC_ID, this.config)
    this.disk.mark(`made ${topic}`)
  }

  async delete(topic) {
    // A creation that failed may have left its folder: there is no topic to delete, and the folder may come back.
    if (this.log(topic) === undefined) return
    this.disk.mark(`drop ${topic}`)
    await this.manager.delete(topic)
    this.disk.mark(`dropped ${topic}`)
  }

  batch(value, sequence) {
    return this.kit.buildBatch([{ timestamp: 1_000 + sequence, key: 'k', value }], { producerId: PRODUCER, producerEpoch: 0, baseSequence: sequence })
  }

  async append(durable, topic = 't') {
    const sequence = topic === 't' ? this.sequence++ : -1
    const value = topic === 't' ? valueOf(sequence, this.generation, this.spread) : `${topic}-${this.disk.operations.length}`
    this.disk.mark(`try ${topic} ${value}`)
    const bytes = sequence >= 0 ? this.batch(value, sequence) : this.kit.buildBatch([{ timestamp: 1_000, key: 'group', value }], {})
    const baseOffset = await this.#answer(this.log(topic).append(bytes, { origin: sequence >= 0 ? 'client' : 'coordinator', durable }), sequence)
    this.disk.mark(`at ${topic} ${baseOffset} ${value}`)
    if (durable) this.disk.mark(`ack ${topic} ${baseOffset}`)
    return baseOffset
  }

  /** What failed may be there or not: the same batch is sent again next, as a producer would. */
  async #answer(appended, sequence) {
    try {
      return (await appended).baseOffset
    } catch (error) {
      if (sequence >= 0) this.sequence = sequence
      throw error
    }
  }

  async flush(topic = 't') {
    const end = this.log(topic).logEndOffset
    await this.log(topic).flush()
    this.disk.mark(`ack ${topic} ${end - 1}`)
  }

  async trim(offset, topic = 't') {
    this.disk.mark(`trim ${topic} ${offset}`)
    await this.log(topic).deleteRecordsBefore(offset)
    // On a full disk the new start is in memory only, until there is room (deleting is what makes it).
    if (!this.mayBeFull) this.disk.mark(`trimmed ${topic} ${offset}`)
  }

  async truncate(offset, topic = 't') {
    this.disk.mark(`cut ${topic} ${offset}`)
    this.sequence -= this.log(topic).logEndOffset - offset
    this.generation++
    await this.log(topic).truncateTo(offset)
  }
}

/** Some fit a sector, some span two. */
function valueOf(sequence, generation, spread) { return `value-${sequence}.${generation}-${'x'.repeat(sequence * spread % 600)}` }

/** Value by offset, for all the log has. */
export async function contentsOf(kit, log) {
  const found = new Map()
  for (let offset = log.logStartOffset; offset < log.logEndOffset;) {
    const { records } = await log.read(offset, { maxBytes: 1 << 16, isolation: 'logEnd' })
    if (records.length === 0) break
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength)
    for (let at = 0; at < records.length;) {
      const end = at + 12 + view.getInt32(at + 8)
      const { header, records: batch } = kit.readBatch(records, at, end)
      for (const record of batch) if (record.offset >= log.logStartOffset) found.set(record.offset, Buffer.from(record.value).toString('latin1'))
      offset = header.nextOffset
      at = end
    }
  }
  return found
}

/** What marks promise, folded. */
export class Promises {
  constructor() {
    this.logs = new Map()
    this.topics = new Map()
    this.taken = 0
  }

  static of(marks) {
    const promises = new Promises()
    promises.take(marks)
    return promises
  }

  /** Marks only grow: takes those that are new. */
  take(marks) {
    for (; this.taken < marks.length; this.taken++) this.#one(marks[this.taken].split(' '))
  }

  log(topic) {
    let log = this.logs.get(topic)
    if (log === undefined) this.logs.set(topic, log = { attempted: new Set(), at: new Map(), acked: new Map(), trim: 0, trimmed: 0, cut: Infinity, order: [] })
    return log
  }

  #one([kind, topic, a, b]) {
    if (kind === 'make' || kind === 'made' || kind === 'drop' || kind === 'dropped') {
      this.topics.set(topic, kind)
      return
    }
    const log = this.log(topic)
    const offset = Number(a)
    if (kind === 'try') log.attempted.add(a)
    else if (kind === 'at') log.at.set(offset, b)
    else if (kind === 'ack') for (const [each, value] of log.at) { if (each <= offset) log.acked.set(each, value) }
    else if (kind === 'trim') log.trim = Math.max(log.trim, offset)
    else if (kind === 'trimmed') log.trimmed = Math.max(log.trimmed, offset)
    else if (kind === 'cut') {
      log.cut = Math.min(log.cut, offset)
      for (const map of [log.acked, log.at]) for (const each of map.keys()) if (each >= offset) map.delete(each)
    }
  }

  /** `found`: contents of the log. A text says what promise is broken; null: none. */
  broken(topic, log, found) {
    const promised = this.logs.get(topic)
    if (promised === undefined) return null
    for (const [offset, value] of promised.acked) {
      if (offset < log.logStartOffset && offset < promised.trim) continue
      if (found.get(offset) !== value) {
        return `acknowledged ${short(value)} at ${topic}@${offset}: found ${short(found.get(offset))} in ${log.logStartOffset}–${log.logEndOffset}`
      }
    }
    if (log.logStartOffset > promised.trim && log.logStartOffset > 0) return `the log start of ${topic} is ${log.logStartOffset}, nobody asked for more than ${promised.trim}`
    if (log.logStartOffset < promised.trimmed) return `records of ${topic} below ${promised.trimmed} came back: the log starts at ${log.logStartOffset}`
    for (const [offset, value] of found) {
      if (!promised.attempted.has(value)) return `${short(value)} at ${topic}@${offset} was never written`
      const at = promised.at.get(offset)
      if (at !== undefined && at !== value && promised.cut > offset) return `${topic}@${offset} was answered for ${short(at)}, but holds ${short(value)}`
    }
    if (new Set(found.values()).size !== found.size) return `a value of ${topic} is there twice`
    return null
  }
}

export const short = (value) => (value === undefined ? 'nothing' : value.length > 24 ? `${value.slice(0, 24)}…` : value)

/** `method`s of `target` do nothing; everything else goes through. */
function without(target, methods) {
  return new Proxy(target, {
    get(object, name) {
      if (methods.includes(name)) return name.endsWith('Sync') ? () => {} : () => Promise.resolve()
      const member = Reflect.get(object, name, object)
      return typeof member === 'function' ? member.bind(object) : member
    },
  })
}

/** File systems that lie: each must turn the harness red. */
export const saboteurs = {
  /** fdatasync does nothing. */
  'lying-sync': (disk) => new Proxy(disk, {
    get(object, name) {
      if (name === 'open') return (...args) => without(object.open(...args), ['datasync', 'datasyncSync'])
      const member = Reflect.get(object, name, object)
      return typeof member === 'function' ? member.bind(object) : member
    },
  }),
  /** Folders are never synced. */
  'no-directory-sync': (disk) => without(disk, ['syncDirectory', 'syncDirectorySync']),
  /** A small file is renamed to its place before its data is synced. */
  'rename-before-sync': (disk) => new Proxy(disk, {
    get(object, name) {
      if (name === 'open') return (path, mode) => (path.endsWith('.tmp') ? without(object.open(path, mode), ['datasync', 'datasyncSync']) : object.open(path, mode))
      const member = Reflect.get(object, name, object)
      return typeof member === 'function' ? member.bind(object) : member
    },
  }),
}

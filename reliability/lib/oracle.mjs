/**
 * What a writer (writer.mjs) attempted, was answered and was refused, kept in another process than the writer's, and the judgement of a directory by it, from raw
 * bytes. A send without an answer is indeterminate: it may be there, once.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from './random.mjs'
import { codecNames } from './decoders.mjs'
import { gapsOf, readCheckpoint, readPartition, readSnapshot, sequenceProblems } from './raw-reader.mjs'

const INCARNATION = 1_000_000
/** Bytes of a batch of one record of ours besides its value, at most. */
const LARGEST_HEAD = 120

/** What compresses about as well as text, so that batches stay large and segments roll whatever the codec. */
const NOISE = noise(new Random(20_261_121), 40_000)

function noise(random, length) {
  let text = ''
  while (text.length < length) text += 'abcdefghijklmnopqrstuvwxyz012345'[random.int(32)]
  return text
}

/** The record that producer `number` sends as its `sequence`: whoever knows the two knows every byte. */
export function recordOf(number, sequence, padding) {
  const length = sequence * 7919 % (padding + 1)
  const from = (number * 131 + sequence * 613) % (NOISE.length - length)
  return { key: String(number), value: `${number}:${sequence}:${NOISE.slice(from, from + length)}`, headers: { s: String(sequence) } }
}

export class Oracle {
  /** `producer:sequence` → where it was acknowledged */
  acked = new Map()
  /** `producer:incarnation` → the last sequence that was tried */
  tried = new Map()
  refused = new Map()
  /** `topic-partition` → the greatest committed offset that was acknowledged */
  commits = new Map()
  /** topic → 'made', 'dropped', or 'open' while that is not answered */
  topics = new Map()
  /** What checks found wrong with them. */
  wrongTopics = []
  /** `topic-partition` → the offset below which records may be gone */
  trimmed = new Map()
  acks = 0
  /** codec → how many of its batches were read and judged */
  codecs = {}

  /** @param profile { topics, producers } as a job has them @param keep which acknowledgements promise something: `kill` all, `power` those of acks=all */
  constructor(profile, keep) {
    this.profile = profile
    this.keep = keep
  }

  /** Takes one line of a writer; false when it is not one of those. */
  take(line) {
    const [kind, ...rest] = line.split(' ')
    if (kind === 'ack') {
      const [producer, sequence, topic, partition, offset] = rest
      this.acks += 1
      const settings = this.profile.producers[Number(producer)]
      if (this.keep === 'kill' || settings.settings.acks === 'all') this.acked.set(`${producer}:${sequence}`, { topic, partition: Number(partition), offset: Number(offset) })
    } else if (kind === 'try') this.tried.set(`${rest[0]}:${Math.floor(Number(rest[1]) / INCARNATION)}`, Number(rest[2]))
    else if (kind === 'err') this.refused.set(`${rest[0]}:${rest[1]}`, rest[2])
    else if (kind === 'trimming') this.trimmed.set(`${rest[0]}-${rest[1]}`, Number(rest[2]))
    else if (kind === 'commit') this.commits.set(`${rest[0]}-${rest[1]}`, Number(rest[2]))
    else if (kind === 'making' || kind === 'dropping') this.topics.set(rest[0], 'open')
    else if (kind === 'made' || kind === 'dropped') this.topics.set(rest[0], kind)
    else if (kind === 'topics') this.#listed(new Set(rest))
    else return false
    return true
  }

  /** A check has opened the directory: what it lists is what is true from now on. */
  #listed(names) {
    for (const [name, state] of this.topics) {
      if (state === 'made' && !names.has(name)) this.wrongTopics.push(`topic ${name} was made and is gone`)
      if (state === 'dropped' && names.has(name)) this.wrongTopics.push(`topic ${name} was deleted and is back`)
      this.topics.set(name, names.has(name) ? 'made' : 'dropped')
    }
  }

  /**
   * @param {string} directory
   * @param {{ recovered: boolean }} options recovered: opened and closed since; then indexes, snapshots and checkpoints must be sound too, and nothing torn
   * @returns {{ violations: string[], unacked: number, torn: number, rolling: number, records: number, holes: number }} unacked: records there that nobody was told of
   */
  judge(directory, { recovered }) {
    const found = new Map()
    const violations = []
    const seen = { unacked: 0, torn: 0, rolling: 0, records: 0, holes: 0 }
    for (const { name, partitions } of this.profile.topics) {
      for (let partition = 0; partition < partitions; partition++) {
        const folder = join(directory, `${name}-${partition}`)
        if (existsSync(folder)) violations.push(...this.#partition(folder, name, partition, recovered, found, seen))
      }
    }
    for (const [id, ack] of this.acked) {
      const at = found.get(id)
      if (at === undefined && ack.offset < this.trimmed.get(`${ack.topic}-${ack.partition}`)) continue
      if (at === undefined) violations.push(`acknowledged ${id} at ${ack.topic}-${ack.partition} offset ${ack.offset} is lost`)
      else if (at.topic !== ack.topic || at.partition !== ack.partition || at.offset !== ack.offset) {
        violations.push(`acknowledged ${id} moved from ${ack.topic}-${ack.partition} offset ${ack.offset} to ${at.topic}-${at.partition} offset ${at.offset}`)
      }
    }
    for (const id of found.keys()) if (!this.acked.has(id)) seen.unacked += 1
    seen.records = found.size
    violations.push(...this.#committed(directory), ...this.wrongTopics.splice(0))
    if (recovered) violations.push(...checkpointProblems(directory))
    return { violations, ...seen }
  }

  #partition(folder, topic, partition, recovered, found, seen) {
    const raw = readPartition(folder, { indexes: recovered })
    const torn = raw.problems.filter((each) => each.includes(': torn at ') || each.includes(': bad batch at '))
    seen.torn += torn.length
    const logs = raw.files.filter((file) => file.endsWith('.log'))
    if (logs.length > 1 && !raw.batches.some((batch) => batch.file === logs.at(-1))) seen.rolling += 1
    const violations = (recovered ? raw.problems : raw.problems.filter((each) => !torn.includes(each)))
    // A power cut may take the end of a segment that nobody was promised, and leave the next one: a hole, as in Kafka. In one segment there is none.
    const { inside, between } = gapsOf(raw.batches)
    seen.holes += between.length
    const mayHaveHole = this.keep === 'power' && between.length > 0
    violations.push(...[...inside, ...(mayHaveHole ? [] : between)].map((gap) => `a gap: offsets ${gap}`), ...(mayHaveHole ? [] : sequenceProblems(raw.batches)))
    if (recovered) violations.push(...snapshotProblems(folder, raw))
    for (const { codec } of raw.batches) this.codecs[codecNames[codec]] = (this.codecs[codecNames[codec]] ?? 0) + 1
    const last = new Map()
    for (const record of raw.batches.flatMap((batch) => batch.records)) {
      const [producer, sequence] = String(record.value).split(':', 2).map(Number)
      const id = `${producer}:${sequence}`
      const settings = this.profile.producers[producer]
      const expected = settings === undefined ? null : recordOf(producer, sequence, settings.padding)
      const header = record.headers[0]
      if (expected === null || String(record.value) !== expected.value || record.key !== expected.key || String(header?.[1]) !== expected.headers.s) {
        violations.push(`offset ${record.offset} holds what nobody sent: ${String(record.value).slice(0, 40)}`)
        continue
      }
      if (settings.topic !== topic || settings.partition !== partition) violations.push(`${id} belongs to ${settings.topic}-${settings.partition}`)
      if (found.has(id)) violations.push(`${id} is there twice, at offsets ${found.get(id).offset} and ${record.offset}`)
      const incarnation = `${producer}:${Math.floor(sequence / INCARNATION)}`
      if (!(sequence <= this.tried.get(incarnation))) violations.push(`${id} is there and was never tried`)
      const before = last.get(incarnation)
      const follows = (before === undefined && this.trimmed.size > 0) || this.#follows(settings, producer, before ?? sequence - sequence % INCARNATION - 1, sequence)
      if (!follows && !mayHaveHole && this.refused.size === 0) violations.push(`producer ${producer}: ${sequence} follows ${before}`)
      if (before !== undefined && sequence <= before) violations.push(`producer ${producer}: ${sequence} comes behind ${before}`)
      last.set(incarnation, sequence)
      found.set(id, { topic, partition, offset: record.offset })
    }
    return violations.map((each) => `${topic}-${partition}: ${each}`)
  }

  /** What does not fit into a segment is refused, and whoever is killed may not have told so. */
  #follows({ topic, padding }, producer, before, sequence) {
    const room = this.profile.topics?.find(({ name }) => name === topic)?.config?.['internal.segment.bytes'] ?? Infinity
    for (let each = before + 1; each < sequence; each++) if (recordOf(producer, each, padding).value.length <= room - LARGEST_HEAD) return false
    return true
  }

  #committed(directory) {
    if (this.commits.size === 0) return []
    const there = committedOffsets(directory)
    return [...this.commits].filter(([key, offset]) => !(there.get(`g ${key}`) >= offset))
      .map(([key, offset]) => `the committed offset ${offset} of ${key} was acknowledged; there is ${there.get(`g ${key}`) ?? 'none'}`)
  }
}

/** Adds counts by name to those of a whole row. */
export function addCounts(sums, counts) { for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count }

/** `group topic-partition` → offset, from the bytes of __consumer_offsets. */
export function committedOffsets(directory) {
  const offsets = new Map()
  for (const name of readdirSync(directory).filter((each) => /^__consumer_offsets-\d+$/.test(each))) {
    for (const { rawKey, value } of readPartition(join(directory, name)).batches.flatMap((batch) => batch.records)) {
      if (rawKey === null || rawKey.readInt16BE(0) > 1) continue
      const group = rawKey.subarray(4, 4 + rawKey.readInt16BE(2))
      const at = 4 + group.length
      const topic = rawKey.subarray(at + 2, at + 2 + rawKey.readInt16BE(at))
      const key = `${group} ${topic}-${rawKey.readInt32BE(at + 2 + topic.length)}`
      if (value === null) offsets.delete(key)
      else offsets.set(key, Number(value.readBigInt64BE(2)))
    }
  }
  return offsets
}

/** Every snapshot must be whole and say of each producer what the batches before it say. */
export function snapshotProblems(folder, raw) {
  const problems = []
  const files = raw.files.filter((each) => /^\d{20}\.snapshot$/.test(each)).sort()
  for (const file of files) {
    const { problem, entries } = readSnapshot(join(folder, file))
    if (problem !== null) problems.push(`${file}: ${problem}`)
    const before = raw.batches.filter((batch) => batch.producerId >= 0 && batch.lastOffset < Number(file.slice(0, 20)))
    for (const entry of entries) {
      const last = before.findLast((batch) => batch.producerId === entry.producerId)
      const sequence = last === undefined ? entry.lastSequence : last.baseSequence + last.lastOffset - last.baseOffset
      if (sequence !== entry.lastSequence) problems.push(`${file}: producer ${entry.producerId} ends with sequence ${entry.lastSequence}, in the log with ${sequence}`)
    }
    const known = new Set(entries.map((entry) => entry.producerId))
    for (const batch of before) if (!known.has(batch.producerId)) problems.push(`${file}: does not know producer ${batch.producerId} of offset ${batch.baseOffset}`)
  }
  const epochs = readCheckpoint(join(folder, 'leader-epoch-checkpoint'))
  if (epochs?.problem) problems.push(`leader-epoch-checkpoint: ${epochs.problem}`)
  return problems
}

function checkpointProblems(directory) {
  return readdirSync(directory).filter((name) => name.endsWith('-checkpoint'))
    .map((name) => [name, readCheckpoint(join(directory, name))?.problem]).filter(([, problem]) => problem).map(([name, problem]) => `${name}: ${problem}`)
}

/** One hash over every name and byte of a directory. LMDB's table of readers, which every opening process writes into, is left out. */
export function hashOf(directory) {
  const hash = createHash('sha1')
  const names = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && !entry.name.endsWith('-lock'))
    .map((entry) => join(entry.parentPath, entry.name)).sort()
  const files = names.map((name) => [name, createHash('sha1').update(readFileSync(name)).digest('hex')])
  for (const [name, digest] of files) hash.update(`${name}\0${digest}\n`)
  return { hash: hash.digest('hex'), files: new Map(files) }
}

/** Names of files that differ between two of them. */
export function differences(before, after) {
  return [...new Set([...before.files.keys(), ...after.files.keys()])].filter((name) => before.files.get(name) !== after.files.get(name))
}

/**
 * What was put under each key of a compacted topic, kept in another process than the writer's, and the judgement of a directory by it, from raw bytes: the last
 * acknowledged value of a key, or a later one, is there; nothing older is in its place; no key comes back after its tombstone.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { snapshotProblems } from './oracle.mjs'
import { readPartition } from './raw-reader.mjs'

const valueOf = (sequence, length) => (length < 0 ? null : `${sequence}:${'v'.repeat(length)}`)

/** What is sent as `sequence`: a value of some length, or a tombstone. Half of all goes to four keys, so that others are not put again for long. */
export function changeOf(random, sequence, keys, padding) {
  const length = random.chance(0.2) ? -1 : random.int(padding + 1)
  return { sequence, key: `k${random.int(random.chance(0.5) ? 4 : keys)}`, length, value: valueOf(sequence, length) }
}

export class KeyOracle {
  /** sequence → { key, length, offset? } */
  #puts = new Map()
  /** key → sequences, ascending */
  #byKey = new Map()
  acks = 0
  cleanings = 0
  #lastOffset = -1
  #wrong = []

  /** @param {boolean} keepsTombstones delete.retention.ms is longer than the test */
  constructor(keepsTombstones) { this.keepsTombstones = keepsTombstones }

  /** Takes one line of a writer; false when it is not one of those. */
  take(line) {
    const [kind, ...rest] = line.split(' ')
    if (kind === 'put') {
      const [sequence, key, length] = [Number(rest[0]), rest[1], Number(rest[2])]
      this.#puts.set(sequence, { key, length })
      if (!this.#byKey.has(key)) this.#byKey.set(key, [])
      this.#byKey.get(key).push(sequence)
    } else if (kind === 'is') {
      const [sequence, offset] = rest.map(Number)
      this.#puts.get(sequence).offset = offset
      this.acks += 1
      if (offset <= this.#lastOffset) this.#wrong.push(`offset ${offset} was given to ${sequence} after ${this.#lastOffset}`)
      this.#lastOffset = offset
    } else if (kind === 'cleaned') this.cleanings += 1
    else return false
    return true
  }

  /** Of a directory that was opened and closed since. @returns {string[]} what is wrong */
  judge(directory) {
    const folder = join(directory, 'c-0')
    const problems = this.#wrong.splice(0)
    if (!existsSync(folder)) return this.acks === 0 ? problems : [...problems, 'the folder is gone']
    const raw = readPartition(folder, { indexes: true })
    problems.push(...raw.problems, ...raw.files.filter((name) => /\.(cleaned|swap)$/.test(name)).map((name) => `${name} is left`))
    // Older ones tell of batches that were cleaned away since.
    const newest = raw.files.filter((name) => name.endsWith('.snapshot')).slice(-1)
    problems.push(...snapshotProblems(folder, { ...raw, files: newest }))
    const last = this.#records(raw, problems)
    for (const [key, sequences] of this.#byKey) this.#key(key, sequences, last.get(key), problems)
    this.#active(raw, problems)
    return problems
  }

  /** The last sequence that is there of each key. */
  #records(raw, problems) {
    const last = new Map()
    this.found = new Set()
    for (const { offset, key: bytes, value } of raw.batches.filter(({ isControl }) => isControl !== true).flatMap((batch) => batch.records)) {
      const key = String(bytes)
      const sequence = value === null ? this.#tombstoneAt(key, offset, last.get(key)) : Number(String(value).split(':', 1)[0])
      const put = this.#puts.get(sequence)
      if (put === undefined || put.key !== key || valueOf(sequence, put.length) !== (value === null ? null : String(value))) {
        problems.push(`offset ${offset} holds what nobody put under ${key}: ${String(value).slice(0, 30)}`)
        continue
      }
      if (put.offset !== undefined && put.offset !== offset) problems.push(`${sequence} was acknowledged at offset ${put.offset} and is at ${offset}`)
      if (sequence <= (last.get(key) ?? -1)) problems.push(`${key}: ${sequence} comes behind ${last.get(key)}`)
      last.set(key, sequence)
      this.found.add(sequence)
    }
    return last
  }

  /** A tombstone does not say which it is: that of its offset, or the first that was not answered and may be it. */
  #tombstoneAt(key, offset, after = -1) {
    const tombstones = (this.#byKey.get(key) ?? []).filter((sequence) => this.#puts.get(sequence).length < 0)
    return tombstones.find((sequence) => this.#puts.get(sequence).offset === offset)
      ?? tombstones.find((sequence) => sequence > after && this.#puts.get(sequence).offset === undefined)
  }

  #key(key, sequences, found, problems) {
    const acked = sequences.findLast((sequence) => this.#puts.get(sequence).offset !== undefined)
    if (acked === undefined) return
    if (found !== undefined) {
      if (found < acked) problems.push(`${key} was last put as ${acked} (offset ${this.#puts.get(acked).offset}), and is there as ${found}`)
      return
    }
    const mayBeGone = !this.keepsTombstones && sequences.some((sequence) => sequence >= acked && this.#puts.get(sequence).length < 0)
    if (!mayBeGone) problems.push(`${key} was last put as ${acked} (offset ${this.#puts.get(acked).offset}, length ${this.#puts.get(acked).length}), and is gone`)
  }

  /** Nothing is taken out of the active segment. */
  #active({ files }, problems) {
    const base = Number(files.findLast((name) => name.endsWith('.log')).slice(0, 20))
    for (const [sequence, { offset }] of this.#puts) {
      if (offset >= base && !this.found.has(sequence)) problems.push(`${sequence} at offset ${offset} is gone from the active segment ${base}`)
    }
  }
}

/** How far a cleaning is that a killed process was in: 'writing', 'swapping', or null. */
export function cleaningIn(directory) {
  const folder = join(directory, 'c-0')
  const names = existsSync(folder) ? readdirSync(folder) : []
  if (names.some((name) => name.endsWith('.swap'))) return 'swapping'
  return names.some((name) => name.endsWith('.cleaned')) ? 'writing' : null
}

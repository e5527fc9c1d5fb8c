/**
 * The loop: makes input after input, and holds each against the rules (spec of reliability, 4h). An input is a violation when its decoder throws what is no
 * error of ours, takes more than 50 ms of processor time (again and again: this process may have been held up), takes more than 16 bytes a byte and 1 MiB of memory
 * (measured on a sample, and on all large ones), or gives a value that is not written again as it was. Memory of the process must stay flat.
 */
import { setImmediate } from 'node:timers/promises'
import { getHeapStatistics } from 'node:v8'

const MAX_MS = 50
const FREE = 1 << 20
const PER_BYTE = 16
const MEMORY_EACH = 500
/** Inputs between two turns of the event loop: zlib lets go of its memory only then. */
const TURN = 256
const LARGE = 16_384
const MAX_VIOLATIONS = 5
/** Inputs before memory is looked at, and what it may grow by from there. */
const WARM = 200_000
const GROWTH = 64 << 20

export class Fuzzer {
  constructor({ OttlaError, targets }, random, wrap = (decode) => decode) {
    this.OttlaError = OttlaError
    this.random = random
    this.targets = targets.map((target) => ({ ...target, decode: wrap(target.decode, OttlaError) }))
    /** Targets by weight. */
    this.urn = this.targets.flatMap((target) => Array.from({ length: target.weight }, () => target))
    this.count = 0
    this.accepted = 0
    this.refused = 0
    this.measured = 0
    this.slowestMs = 0
    this.greediest = 0
    this.violations = []
    this.perTarget = new Map()
    /** Memory once everything is warm. */
    this.warmRss = 0
  }

  /** Runs `count` inputs, or until `isOver`. */
  async run(count, isOver) {
    const until = this.count + count
    while (this.count < until && this.violations.length < MAX_VIOLATIONS) {
      if (this.count % TURN === 0) {
        if (isOver()) return
        await setImmediate()
      }
      this.one(this.random.pick(this.urn))
      if (this.warmRss === 0 && this.count >= WARM) this.warmRss = process.memoryUsage.rss()
    }
    const growth = process.memoryUsage.rss() - this.warmRss
    if (this.warmRss > 0 && growth > GROWTH) this.violations.push(`the process has grown by ${growth >> 20} MiB`)
  }

  one(target) {
    const input = target.make(this.random)
    this.count++
    const length = target.bytesOf === undefined ? input.bytes.length : target.bytesOf(input).length
    const started = performance.now()
    const problem = this.judge(target, input)
    const elapsed = performance.now() - started
    if (elapsed > MAX_MS) this.timeAgain(target, input)
    else if (elapsed > this.slowestMs) this.slowestMs = elapsed
    if (problem !== null) this.blame(target, input, problem)
    if (length > LARGE || this.count % MEMORY_EACH === 0) this.measure(target, input, length)
  }

  judge(target, input) {
    let value
    try {
      value = target.decode(input)
    } catch (error) {
      this.refused++
      if (!this.OttlaError.is(error) || error.code === 'INTERNAL') return `throws ${error?.stack ?? error}`
      return target.refused?.(input, error) ?? null
    }
    this.accepted++
    this.perTarget.set(target.name, (this.perTarget.get(target.name) ?? 0) + 1)
    try {
      return target.judge(input, value)
    } catch (error) {
      return `is accepted, and then throws ${error?.stack ?? error}`
    }
  }

  /** The best of five, in time of this thread. */
  timeAgain(target, input) {
    let best = Infinity
    for (let i = 0; i < 5; i++) {
      const started = process.cpuUsage()
      this.decodeOnly(target, input)
      const { user, system } = process.cpuUsage(started)
      best = Math.min(best, (user + system) / 1000)
    }
    if (best > MAX_MS) this.blame(target, input, `takes ${best.toFixed(1)} ms`)
  }

  decodeOnly(target, input) {
    try {
      return target.decode(input)
    } catch (error) {
      return error
    }
  }

  /** The least of five: other parts of the process allocate too, and a collection makes the difference negative. */
  measure(target, input, length) {
    this.measured++
    let least = Infinity
    const limit = PER_BYTE * length + FREE
    for (let i = 0; i < 5 && least > limit; i++) {
      const before = allocated()
      const value = this.decodeOnly(target, input)
      const taken = allocated() - before
      if (value !== undefined && taken >= 0) least = Math.min(least, taken)
    }
    if (least === Infinity) return
    this.greediest = Math.max(this.greediest, least / limit)
    if (least > limit) this.blame(target, input, `takes ${least} bytes for ${length}`)
  }

  blame(target, input, problem) {
    const bytes = target.bytesOf === undefined ? input.bytes : target.bytesOf(input)
    const version = input.version === undefined ? '' : ` v${input.version}`
    this.violations.push(`${target.name}${version}: ${problem}\n  input ${Buffer.from(bytes.subarray(0, 2000)).toString('hex')}`)
  }
}

function allocated() {
  const heap = getHeapStatistics()
  return heap.used_heap_size + heap.external_memory
}

/** Decoders that are wrong on purpose, each in a way that the rules must catch. */
export const saboteurs = {
  'throws a foreign error': (decode) => rarely(() => { throw new RangeError('offset is outside the bounds') }, decode),
  'hangs': (decode) => rarely((input) => {
    const started = process.cpuUsage()
    while (process.cpuUsage(started).user < 60_000) Math.sqrt(2)
    return decode(input)
  }, decode),
  'allocates by a count': (decode) => (input) => {
    const value = decode(input)
    return value === null || typeof value !== 'object' ? value : Object.assign(value, { hoard: new Uint8Array(3_000_000) })
  },
  'loses a field': (decode) => (input) => {
    const decoded = decode(input)
    if (decoded.value !== undefined && decoded.schema !== undefined) for (const key of Object.keys(decoded.value)) if (typeof decoded.value[key] === 'number') decoded.value[key] = 3
    return decoded
  },
  'refuses what is sound': (decode, OttlaError) => rarely(() => { throw new OttlaError('CORRUPT_MESSAGE', 'no') }, decode),
}

/** For one input in 300, told by its bytes. */
function rarely(wrong, decode) {
  return (input) => {
    let sum = 0
    for (const byte of input.bytes) sum = (sum * 31 + byte) >>> 0
    return sum % 300 === 0 ? wrong(input) : decode(input)
  }
}

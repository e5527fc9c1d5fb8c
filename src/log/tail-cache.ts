/**
 * The last bytes appended to a log, still in memory: group commits are gathered here and written from here, and a consumer that keeps up reads from
 * here without any I/O.
 *
 * Invariant: the visible part is a contiguous run of whole batches of magic 2 that ends at the log end. Staged bytes become visible at `commit`
 * (after the write, and the sync where one was asked for) and vanish at `rollback`. Chunks with a write in flight are pinned. `TailMemory` bounds the
 * bytes of all caches of a manager; the least recently appended log gives way.
 *
 * Used by `PartitionLog` only. Does not check batches and does not touch files.
 */

const LAST_OFFSET_DELTA = 23
const BATCH_LENGTH = 8
const OVERHEAD = 12
/** One lookup entry per this many bytes of a chunk: what a lookup walks at most. */
const ENTRY_INTERVAL = 4096
/** Of a log's first chunks; less where thousands of logs share the memory. */
const MAX_SMALLEST_CHUNK = 65_536
const MIN_SMALLEST_CHUNK = 2048
/** Largest chunk; a larger batch is written from its own memory and is not cached. */
export const MAX_CHUNK: number = 2 * 1_048_576
/** Groups after which it is judged how many logs are in use. */
const ROUND = 16_384

class Chunk {
  readonly buffer: Buffer
  readonly view: DataView
  used = 0
  visible = 0
  /** Offset after the last visible batch. */
  nextOffset = 0
  readonly entryOffsets: number[] = []
  readonly entryPositions: number[] = []
  visibleEntries = 0
  pinned = false

  constructor(size: number) {
    this.buffer = Buffer.allocUnsafeSlow(size)
    this.view = new DataView(this.buffer.buffer, this.buffer.byteOffset, size)
  }

  reset(): void {
    this.used = 0
    this.visible = 0
    this.nextOffset = 0
    this.entryOffsets.length = 0
    this.entryPositions.length = 0
    this.visibleEntries = 0
    this.pinned = false
  }
}

/** The bytes that all tail caches of one manager may hold together. */
export class TailMemory {
  readonly #limit: number
  readonly #perLogLimit: number
  #allocated = 0
  /** Chunks in no cache, by size. */
  readonly #free = new Map<number, Chunk[]>()
  /** Least recently appended first; those that had to give everything away are not among them. */
  readonly #caches = new Set<TailCache>()
  /** Counts groups in rounds: how many logs they are for tells whether the memory is enough for all of them. */
  #round = 1
  #appends = 0
  #logsInRound = 0
  #isCrowded = false

  constructor(limitBytes: number = 32 * 1_048_576, perLogLimitBytes: number = 8 * 1_048_576) {
    this.#limit = limitBytes
    this.#perLogLimit = perLogLimitBytes
  }

  get perLogLimit(): number { return this.#perLogLimit }
  get allocatedBytes(): number { return this.#allocated }

  /** So that the logs in use share the memory, a thousand of them too: where each append took its chunk from another log, all of them would pay for it. */
  get smallestChunk(): number {
    let size = MAX_SMALLEST_CHUNK
    while (size > MIN_SMALLEST_CHUNK && size * this.#caches.size * 2 > this.#limit) size /= 2
    return size
  }

  /** So many logs are appended to in turn that hardly more than the last batch of each could be kept, in memory that no cache of the CPU has. */
  get isCrowded(): boolean { return this.#isCrowded }

  /** A group of a log whose last one was in `round`; returns the round of this one. */
  count(round: number): number {
    if (round !== this.#round) this.#logsInRound++
    const counted = this.#round
    if (++this.#appends >= ROUND) {
      this.#isCrowded = this.#logsInRound * MIN_SMALLEST_CHUNK * 4 > this.#limit
      this.#round++
      this.#appends = 0
      this.#logsInRound = 0
    }
    return counted
  }

  take(size: number, forCache: TailCache): Chunk {
    this.#caches.delete(forCache)
    const chunk = this.#free.get(size)?.pop() ?? this.#makeRoom(size)
    this.#caches.add(forCache)
    if (chunk !== undefined) return chunk
    this.#allocated += size
    return new Chunk(size)
  }

  give(chunk: Chunk): void {
    chunk.reset()
    if (this.#allocated > this.#limit) {
      this.#allocated -= chunk.buffer.length
      return
    }
    const same = this.#free.get(chunk.buffer.length)
    if (same === undefined) this.#free.set(chunk.buffer.length, [chunk])
    else same.push(chunk)
  }

  /** Lets go of what is not in use, and of everything that `cache` holds when it closes. */
  forget(cache: TailCache): void {
    cache.clear()
    this.#caches.delete(cache)
    if (this.#caches.size === 0) this.#drop(0)
  }

  #drop(keep: number): void {
    for (const [size, chunks] of this.#free) {
      for (; chunks.length > 0 && this.#allocated > keep; chunks.pop()) this.#allocated -= size
    }
  }

  /** A chunk that another log had, where it is of the right size: new memory costs more than all else about a small append. */
  #makeRoom(size: number): Chunk | undefined {
    if (this.#allocated + size <= this.#limit) return undefined
    this.#drop(this.#limit - size)
    for (const cache of this.#caches) {
      while (this.#allocated + size > this.#limit && cache.dropOldest()) {
        const given = this.#free.get(size)?.pop()
        if (given !== undefined) return given
        this.#drop(this.#limit - size)
      }
      if (cache.isEmpty) this.#caches.delete(cache)
      if (this.#allocated + size <= this.#limit) return undefined
    }
    return undefined
  }

  /** Drops the caches of logs that nobody has appended to since the call before. */
  trimIdle(): void {
    for (const cache of this.#caches) {
      if (cache.wasIdle()) this.forget(cache)
    }
    this.#drop(0)
  }
}

/** Where the bytes of a group stand: one run in one buffer, for one write. */
export interface StagedBytes { buffer: Uint8Array; view: DataView; start: number; length: number }

export interface TailRead { readonly records: Uint8Array; readonly nextOffset: number }

const NOTHING: Uint8Array = Buffer.alloc(0)

export class TailCache {
  readonly #memory: TailMemory
  /** Oldest first. */
  #chunks: Chunk[] = []
  #bytes = 0
  #touched = false
  #round = 0

  constructor(memory: TailMemory) { this.#memory = memory }

  /** Asked for each group. False: its bytes, if they are one run already, are better written from where they are, and read from the file. */
  isWorthwhile(): boolean {
    this.#round = this.#memory.count(this.#round)
    return !this.#memory.isCrowded
  }

  /** First offset that can be read from here; Infinity when there is none. */
  get firstOffset(): number {
    for (const chunk of this.#chunks) if (chunk.visibleEntries > 0) return chunk.entryOffsets[0]!
    return Number.POSITIVE_INFINITY
  }

  get isEmpty(): boolean { return this.#chunks.length === 0 }

  /** True once, when nothing was staged since the last call. */
  wasIdle(): boolean {
    const idle = !this.#touched
    this.#touched = false
    return idle && this.#chunks.every((chunk) => !chunk.pinned)
  }

  /**
   * Copies one batch behind what is staged and lengthens `run` by it, or sets it when it is empty (`length` 0); `demand` is what the whole group will
   * want (a hint for the chunk). False: there is no room right behind the run, or the batch is too large for any chunk.
   */
  stage(batch: Uint8Array, baseOffset: number, demand: number, run: StagedBytes): boolean {
    const size = batch.length
    if (size > MAX_CHUNK) return false
    this.#touched = true
    let chunk = this.#chunks[this.#chunks.length - 1]
    const room = chunk === undefined ? 0 : chunk.buffer.length - chunk.used
    if (run.length > 0) {
      if (size > room) return false
    } else if (chunk === undefined || room < Math.max(size, Math.min(demand, MAX_CHUNK))) {
      chunk = this.#grow(Math.max(size, Math.min(demand, MAX_CHUNK)))
    }
    const start = chunk!.used
    chunk!.buffer.set(batch, start)
    this.#note(chunk!, baseOffset, start)
    chunk!.used = start + size
    chunk!.pinned = true
    if (run.length === 0) {
      run.buffer = chunk!.buffer
      run.view = chunk!.view
      run.start = start
    }
    run.length += size
    return true
  }

  /** Whether `size` bytes have room right behind a run that is not empty. */
  fits(size: number, run: StagedBytes): boolean {
    const chunk = this.#chunks[this.#chunks.length - 1]
    return chunk !== undefined && run.buffer === chunk.buffer && size <= chunk.buffer.length - chunk.used
  }

  #note(chunk: Chunk, baseOffset: number, start: number): void {
    const entries = chunk.entryPositions.length
    if (entries > 0 && start - chunk.entryPositions[entries - 1]! < ENTRY_INTERVAL) return
    chunk.entryOffsets.push(baseOffset)
    chunk.entryPositions.push(start)
  }

  #grow(demand: number): Chunk {
    let size = this.#memory.smallestChunk
    while (size < demand) size *= 2
    while (this.#bytes + size > this.#memory.perLogLimit && this.dropOldest()) { /* until it fits, or only pinned chunks are left */ }
    const chunk = this.#memory.take(size, this)
    this.#chunks.push(chunk)
    this.#bytes += size
    return chunk
  }

  /** Everything staged is part of the log now, which ends at `nextOffset`. */
  commit(nextOffset: number): void {
    for (let i = this.#chunks.length - 1; i >= 0; i--) {
      const chunk = this.#chunks[i]!
      if (!chunk.pinned) break
      chunk.pinned = false
      chunk.visible = chunk.used
      chunk.visibleEntries = chunk.entryOffsets.length
      const following = this.#chunks[i + 1]
      chunk.nextOffset = following === undefined ? nextOffset : following.entryOffsets[0]!
    }
  }

  /** What was staged since the last commit did not become part of the log. */
  rollback(): void {
    for (let i = this.#chunks.length - 1; i >= 0; i--) {
      const chunk = this.#chunks[i]!
      if (!chunk.pinned) break
      chunk.pinned = false
      chunk.used = chunk.visible
      chunk.entryOffsets.length = chunk.visibleEntries
      chunk.entryPositions.length = chunk.visibleEntries
      if (chunk.visible === 0) this.#remove(i)
    }
  }

  /** Forgets the oldest chunk; false when there is none that may go. */
  dropOldest(): boolean {
    const chunk = this.#chunks[0]
    if (chunk === undefined || chunk.pinned) return false
    this.#remove(0)
    return true
  }

  /** Forgets everything that is not staged: after truncation, or when a batch bypasses the cache. */
  clear(): void { while (this.dropOldest()) { /* one by one */ } }

  /** For `exit` handlers: forgets everything, in memory that nobody may use again. */
  leave(): void {
    this.#chunks = []
    this.#bytes = 0
  }

  #remove(index: number): void {
    const chunk = this.#chunks.splice(index, 1)[0]!
    this.#bytes -= chunk.buffer.length
    this.#memory.give(chunk)
  }

  /**
   * Whole batches from the one that holds `offset` on, below `limitOffset`, at most `maxBytes` (the first always when `minOne`). Null: not here. The caller
   * has checked that offset < limitOffset <= log end.
   */
  read(offset: number, maxBytes: number, limitOffset: number, minOne: boolean, allocate?: (bytes: number) => Uint8Array): TailRead | null {
    const first = this.#chunkOf(offset)
    if (first < 0) return null
    const start = startIn(this.#chunks[first]!, offset)
    if (start < 0) return null
    let bytes = 0
    let nextOffset = offset
    for (let i = first, position = start; i < this.#chunks.length; i++, position = 0) {
      const { view, visible } = this.#chunks[i]!
      while (position < visible) {
        const size = view.getInt32(position + BATCH_LENGTH) + OVERHEAD
        const last = lastOffsetAt(view, position)
        if (last >= limitOffset || (bytes + size > maxBytes && !(minOne && bytes === 0))) break
        position += size
        bytes += size
        nextOffset = last + 1
      }
      if (position < visible) break
    }
    return { records: bytes === 0 ? NOTHING : this.#copy(first, start, bytes, allocate), nextOffset }
  }

  #copy(first: number, start: number, bytes: number, allocate: ((bytes: number) => Uint8Array) | undefined): Uint8Array {
    const memory = allocate?.(bytes)
    const records = memory === undefined ? Buffer.allocUnsafe(bytes) : Buffer.from(memory.buffer, memory.byteOffset, bytes)
    for (let i = first, from = start, done = 0; done < bytes; i++, from = 0) {
      const { buffer, visible } = this.#chunks[i]!
      const end = Math.min(visible, from + bytes - done)
      records.set(buffer.subarray(from, end), done)
      done += end - from
    }
    return records
  }

  /** −1: none. */
  #chunkOf(offset: number): number {
    for (let i = this.#chunks.length - 1; i >= 0; i--) {
      const chunk = this.#chunks[i]!
      if (chunk.visibleEntries === 0) continue
      if (chunk.entryOffsets[0]! <= offset) return offset < chunk.nextOffset ? i : -1
    }
    return -1
  }
}

/** Where the batch that holds `offset` begins, which is below the offset after the chunk; −1: it is not visible. */
function startIn({ view, visible, visibleEntries, entryOffsets, entryPositions }: Chunk, offset: number): number {
  let start = entryPositions[floorEntry(entryOffsets, visibleEntries, offset)]!
  while (lastOffsetAt(view, start) < offset) {
    start += view.getInt32(start + BATCH_LENGTH) + OVERHEAD
    if (start >= visible) return -1
  }
  return start
}

function lastOffsetAt(view: DataView, position: number): number {
  return view.getUint32(position) * 4294967296 + view.getUint32(position + 4) + view.getInt32(position + LAST_OFFSET_DELTA)
}

/** Index of the greatest of the first `count` values at or below `target`; 0 when there is none. */
function floorEntry(values: readonly number[], count: number, target: number): number {
  let low = 0
  let high = count - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (values[middle]! <= target) low = middle
    else high = middle - 1
  }
  return low
}

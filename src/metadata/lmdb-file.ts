/**
 * Reads an LMDB data file (data version 2, 64-bit) from its bytes: every key and value of the main tree, or what is wrong with it. LMDB
 * maps the file and trusts every number in it, so one flipped bit or a cut file can end the process; nothing is handed to LMDB that did
 * not pass here first. It also lets a read-only open, and an open that changes nothing, do without the native library.
 *
 *   file   page 0 and 1 meta, then pages of `pageSize` bytes in any order
 *   page   0 number u64 · 8 transaction u64 · 16 pad u16 · 18 flags u16 · 20 lower u16, 22 upper u16 (overflow: 20 pages u32) · 24 pointers u16 …
 *   meta   at 24: 0 magic u32 · 4 version u32 · 16 map size u64 · 24 free tree · 72 main tree · 120 last page u64 · 128 transaction u64
 *   tree   0 pad u32 (free tree: page size) · 4 flags u16 · 6 depth u16 · 32 entries u64 · 40 root page u64 (−1: empty)
 *   node   at pointer + 24: 0 low u16 · 2 high u16 · 4 flags u16 · 6 key size u16 · 8 key, value. Branch: child page = low + high · 2^16 + flags · 2^32
 *
 * Numbers are in the byte order of the machine. Pure; writes nothing.
 */
const little = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
const PAGE_HEADER = 24
const NODE_HEADER = 8
const BRANCH = 1
const LEAF = 2
const OVERFLOW = 4
const META = 8
const BIG_VALUE = 1
const MAX_DEPTH = 32

export interface LmdbContents {
  /** Key (as UTF-8 text) to value; views of the bytes given. Of a damaged file: what can still be reached. */
  readonly nodes: ReadonlyMap<string, Uint8Array>
  /** Null: the file is sound and may be handed to LMDB. */
  readonly damage: string | null
}

interface Tree { readonly depth: number; readonly entries: number; readonly root: number }
interface Meta { readonly pageSize: number; readonly lastPage: number; readonly transaction: number; readonly free: Tree; readonly main: Tree }

/** The newest sound snapshot; when that is not the newest in the file, or none is sound, `damage` says so. */
export function readLmdbFile(bytes: Uint8Array): LmdbContents {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const heads = readMetas(view)
  if (typeof heads === 'string') return { nodes: new Map(), damage: heads }
  const { metas } = heads
  let { damage } = heads
  let salvage: ReadonlyMap<string, Uint8Array> | null = null
  for (const meta of metas) {
    const walk = new TreeWalk(bytes, view, meta)
    const problem = walk.run()
    if (problem === null) return { nodes: walk.nodes, damage }
    damage ??= problem
    salvage ??= walk.nodes
  }
  return { nodes: salvage ?? new Map(), damage: damage ?? 'no snapshot' }
}

interface Heads { readonly metas: readonly Meta[]; readonly damage: string | null }

/** Newest first; a text: nothing can be read. */
function readMetas(view: DataView): Heads | string {
  if (view.byteLength < 8192) return `the file has ${view.byteLength} bytes, less than its two head pages`
  const first = readMeta(view, 0)
  // A damaged first page hides the page size: the usual ones are tried for the second.
  const sizes = first === null ? [4096, 16384, 65536] : [first.pageSize]
  let second: Meta | null = null
  for (const size of sizes) second ??= readMeta(view, size)
  const metas = [first, second].filter((meta): meta is Meta => meta !== null)
  if (metas.length === 0) return 'neither head page is one of LMDB'
  // A head page that cannot be read might have been the newest: LMDB must not see it.
  if (metas.length === 1) return { metas, damage: 'one of the two head pages is damaged' }
  // A commit writes the root page anew: a head whose number is not its root's is damaged, and the roots tell which snapshot is newer.
  const age = (meta: Meta): number => rootTransaction(view, meta) ?? meta.transaction
  const wrong = metas.find((meta) => age(meta) !== meta.transaction)
  metas.sort((x, y) => age(y) - age(x))
  return { metas, damage: wrong === undefined ? null : `the head page of transaction ${wrong.transaction} leads to a root of transaction ${age(wrong)}` }
}

/** Of the page that the snapshot begins with; null when it is empty, or begins outside of the file. */
function rootTransaction(view: DataView, { main, pageSize }: Meta): number | null {
  const at = main.root * pageSize
  return main.root >= 2 && at + PAGE_HEADER <= view.byteLength ? int64(view, at + 8) : null
}

function readMeta(view: DataView, at: number): Meta | null {
  if (at + PAGE_HEADER + 136 > view.byteLength) return null
  const p = at + PAGE_HEADER
  const pageSize = view.getUint32(p + 24, little)
  const sound = (view.getUint16(at + 18, little) & META) !== 0 && view.getUint32(p, little) === 0xbeefc0de && (view.getUint32(p + 4, little) & 0xffff) === 2
    && pageSize >= 256 && pageSize <= 65536 && (pageSize & (pageSize - 1)) === 0
  if (!sound) return null
  const mapSize = int64(view, p + 16)
  const lastPage = int64(view, p + 120)
  if (!(lastPage >= 1) || !(mapSize >= (lastPage + 1) * pageSize)) return null
  return { pageSize, lastPage, transaction: int64(view, p + 128), free: readTree(view, p + 24), main: readTree(view, p + 72) }
}

function readTree(view: DataView, p: number): Tree {
  return { depth: view.getUint16(p + 6, little), entries: int64(view, p + 32), root: int64(view, p + 40) }
}

/** −1 for all ones; NaN outside ±(2^53−1). */
function int64(view: DataView, p: number): number {
  const high = view.getInt32(little ? p + 4 : p, little)
  const low = view.getUint32(little ? p : p + 4, little)
  const value = high * 4294967296 + low
  return Number.isSafeInteger(value) ? value : Number.NaN
}

class TreeWalk {
  readonly nodes = new Map<string, Uint8Array>()
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #meta: Meta
  readonly #seen = new Set<number>()
  readonly #free: number[] = []
  #problem: string | null = null
  #entries = 0

  constructor(bytes: Uint8Array, view: DataView, meta: Meta) {
    this.#bytes = bytes
    this.#view = view
    this.#meta = meta
  }

  /** Null when both trees are sound. Goes on after a problem, to reach what can be reached. */
  run(): string | null {
    this.#tree(this.#meta.main, false)
    this.#tree(this.#meta.free, true)
    for (const page of this.#free) if (this.#seen.has(page)) this.#note(page, 'is in use and listed as free')
    return this.#problem
  }

  #note(page: number, what: string): void { this.#problem ??= `page ${page} ${what}` }

  #tree(tree: Tree, isFree: boolean): void {
    this.#entries = 0
    if (tree.root === -1) {
      if (tree.entries !== 0 || tree.depth !== 0) this.#problem ??= 'an empty tree claims to have entries'
      return
    }
    if (tree.depth < 1 || tree.depth > MAX_DEPTH) { this.#problem ??= `a tree claims a depth of ${tree.depth}`; return }
    this.#page(tree.root, tree.depth, isFree)
    if (this.#entries !== tree.entries) this.#problem ??= `a tree has ${this.#entries} entries instead of ${tree.entries}`
  }

  /** Whether `count` pages from `page` exist and were not met before. */
  #claim(page: number, count: number): boolean {
    const end = page + count
    if (!(page >= 2) || !(count >= 1) || end - 1 > this.#meta.lastPage || end * this.#meta.pageSize > this.#bytes.length) {
      this.#note(page, 'lies outside the file')
      return false
    }
    for (let each = page; each < end; each += 1) {
      if (this.#seen.has(each)) { this.#note(each, 'is used twice'); return false }
      this.#seen.add(each)
    }
    return true
  }

  #page(page: number, depth: number, isFree: boolean): void {
    if (!this.#claim(page, 1)) return
    const view = this.#view
    const at = page * this.#meta.pageSize
    const room = this.#meta.pageSize - PAGE_HEADER
    const lower = view.getUint16(at + 20, little)
    const upper = view.getUint16(at + 22, little)
    if (int64(view, at) !== page) { this.#note(page, 'carries another number'); return }
    if ((view.getUint16(at + 18, little) & 0xf) !== (depth > 1 ? BRANCH : LEAF)) { this.#note(page, 'is of the wrong kind'); return }
    if (lower % 2 !== 0 || lower > upper || upper > room || lower === 0) { this.#note(page, 'has impossible bounds'); return }
    let before: Uint8Array | null = null
    for (let i = 0; i < lower / 2; i += 1) {
      const pointer = view.getUint16(at + PAGE_HEADER + 2 * i, little)
      const keySize = pointer + NODE_HEADER <= room ? view.getUint16(at + PAGE_HEADER + pointer + 6, little) : Number.POSITIVE_INFINITY
      if (pointer < upper || pointer + NODE_HEADER + keySize > room) { this.#note(page, 'has an entry outside it'); continue }
      const node = at + PAGE_HEADER + pointer
      const key = this.#bytes.subarray(node + NODE_HEADER, node + NODE_HEADER + keySize)
      // The first key of a branch is not used; keys of the free tree are numbers in the machine's order.
      if (!isFree && !(depth > 1 && i === 0)) {
        if (before !== null && Buffer.compare(before, key) >= 0) this.#note(page, 'has keys out of order')
        before = key
      }
      if (depth > 1) this.#page(low32(view, node) + view.getUint16(node + 4, little) * 4294967296, depth - 1, isFree)
      else this.#leaf(page, node, key, room - pointer - NODE_HEADER - keySize, isFree)
    }
  }

  #leaf(page: number, node: number, key: Uint8Array, room: number, isFree: boolean): void {
    const size = low32(this.#view, node)
    const flags = this.#view.getUint16(node + 4, little)
    const at = node + NODE_HEADER + key.length
    if ((flags & ~BIG_VALUE) !== 0) { this.#note(page, 'has an entry of an unknown kind'); return }
    const value = flags === BIG_VALUE ? this.#bigValue(page, at, size, room) : size <= room ? this.#bytes.subarray(at, at + size) : null
    if (value === null) { this.#note(page, 'has a value outside it'); return }
    this.#entries += 1
    if (isFree) this.#freeList(page, key, value)
    else this.nodes.set(Buffer.from(key.buffer, key.byteOffset, key.length).toString('utf8'), value)
  }

  #bigValue(page: number, at: number, size: number, room: number): Uint8Array | null {
    if (room < 24) return null
    const first = int64(this.#view, at)
    const pages = Math.ceil((PAGE_HEADER + size) / this.#meta.pageSize)
    if (!this.#claim(first, pages)) return null
    const start = first * this.#meta.pageSize
    const isOverflow = int64(this.#view, start) === first && (this.#view.getUint16(start + 18, little) & 0xf) === OVERFLOW
    if (!isOverflow || low32(this.#view, start + 20) !== pages) { this.#note(page, 'has a value on pages of another kind'); return null }
    return this.#bytes.subarray(start + PAGE_HEADER, start + PAGE_HEADER + size)
  }

  /** A count and so many numbers: a page, 0 (a hole), or −n before the first page of a run of n. */
  #freeList(page: number, key: Uint8Array, value: Uint8Array): void {
    if (key.length !== 8 || value.length < 8 || value.length % 8 !== 0) { this.#note(page, 'has a malformed free list'); return }
    const view = new DataView(value.buffer, value.byteOffset, value.length)
    const count = int64(view, 0)
    if (!(count >= 0) || (count + 1) * 8 > value.length) { this.#note(page, 'has a malformed free list'); return }
    let run = 1
    for (let i = 1; i <= count; i += 1) {
      const id = int64(view, i * 8)
      if (id < 0) { run = -id; continue }
      if (id !== 0 && !(id >= 2 && id + run - 1 <= this.#meta.lastPage)) this.#note(page, 'lists a free page outside the file')
      else if (id !== 0) for (let each = id; each < id + run; each += 1) this.#free.push(each)
      run = 1
    }
  }
}

function low32(view: DataView, p: number): number {
  return little ? view.getUint16(p, little) + view.getUint16(p + 2, little) * 65536 : view.getUint16(p + 2, little) + view.getUint16(p, little) * 65536
}

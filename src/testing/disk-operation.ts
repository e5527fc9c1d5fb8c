/**
 * What the simulated file system writes down: every operation that changes the disk or makes a change durable, with its data, in order.
 * `sequence` is the operation's index in the log. Files and directories are told apart by node number, because names move.
 */
import type { FileImage } from './file-image.ts'
import { StateHash } from './state-hash.ts'

export type NodeId = number

/** `timeMs` is the wall clock of the file system. */
interface Common { readonly sequence: number; readonly timeMs: number; readonly path: string }

export type DiskOperation =
  | Common & { readonly kind: 'write'; readonly node: NodeId; readonly position: number; readonly data: Uint8Array }
  | Common & { readonly kind: 'truncate'; readonly node: NodeId; readonly size: number }
  /** Not modelled as losable: at once durable. */
  | Common & { readonly kind: 'setModifiedTime'; readonly node: NodeId; readonly modifiedMs: number }
  /** A datasync that completed; it covers the operations before `startedAt`. */
  | Common & { readonly kind: 'datasync'; readonly node: NodeId; readonly startedAt: number }
  /** A datasync that failed: what was pending before it may never reach the disk, whatever later datasyncs say. */
  | Common & { readonly kind: 'datasyncFailed'; readonly node: NodeId }
  | Common & { readonly kind: 'create' | 'makeDirectory'; readonly directory: NodeId; readonly name: string; readonly node: NodeId }
  | Common & { readonly kind: 'unlink' | 'removeDirectory'; readonly directory: NodeId; readonly name: string; readonly node: NodeId }
  /** From `path` to `to`; `directory` and `name` are the new ones. */
  | Common & {
    readonly kind: 'rename'; readonly directory: NodeId; readonly name: string; readonly node: NodeId
    readonly to: string; readonly fromDirectory: NodeId
  }
  /** A syncDirectory that completed; it covers the operations before `startedAt`. */
  | Common & { readonly kind: 'syncDirectory'; readonly node: NodeId; readonly startedAt: number }
  /** Something the outside world learnt, such as an acknowledgement: `path` is its label. */
  | Common & { readonly kind: 'mark' }

/** `T` without the fields the log itself adds, for each member of the union. */
export type NewOperation = DiskOperation extends infer T ? T extends DiskOperation ? Omit<T, 'sequence' | 'timeMs'> : never : never

/** A frozen tree: the disk at one moment. */
export interface DiskDirectory { readonly kind: 'directory'; readonly node: NodeId; readonly entries: ReadonlyMap<string, DiskNode> }
export interface DiskFile { readonly kind: 'file'; readonly node: NodeId; readonly image: FileImage; readonly modifiedMs: number }
export type DiskNode = DiskDirectory | DiskFile
export interface DiskTree { readonly root: DiskDirectory; readonly nextNode: NodeId }

export const ROOT_NODE: NodeId = 1
export const EMPTY_DISK: DiskTree = { root: { kind: 'directory', node: ROOT_NODE, entries: new Map() }, nextNode: ROOT_NODE + 1 }

const nameHashes = new Map<string, number>()

/** Equal for trees with the same paths and contents. */
export function hashTree(tree: DiskTree): number { return hashDirectory(tree.root) }

function hashDirectory(directory: DiskDirectory): number {
  const sum = new DirectoryHash(directory.entries.size)
  for (const [name, node] of directory.entries) sum.add(name, node.kind === 'file' ? node.image.hash() : hashDirectory(node))
  return sum.digest()
}

/** The sum over the entries, because no order of theirs is the right one. */
export class DirectoryHash {
  #low: number
  #high = 0

  constructor(size: number) { this.#low = size }

  add(name: string, content: number): void {
    const hash = new StateHash()
    hash.add(hashName(name))
    hash.add(content)
    const digest = hash.digest()
    this.#low = (this.#low + digest) >>> 0
    this.#high = (this.#high + Math.floor(digest / 2 ** 32)) >>> 0
  }

  digest(): number {
    const sum = new StateHash()
    sum.add(this.#low)
    sum.add(this.#high)
    return sum.digest()
  }
}

function hashName(name: string): number {
  let hash = nameHashes.get(name)
  if (hash !== undefined) return hash
  const fresh = new StateHash()
  fresh.addString(name)
  hash = fresh.digest()
  nameHashes.set(name, hash)
  return hash
}

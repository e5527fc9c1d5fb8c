/** The nodes of a metadata store in memory: what the memory store is and what the LMDB store reads from. Values are copied in and out. */
import { OttlaError } from '../common/errors.ts'
import type { MetadataNode } from './metadata-store.ts'

const MAX_NODE_VALUE = 1_048_576
const MAX_NODE_PATH = 1024

export class NodeTable {
  readonly #nodes = new Map<string, MetadataNode>()

  get(path: string): MetadataNode | null {
    const node = this.#nodes.get(path)
    return node === undefined ? null : copyOf(node)
  }

  /** The version of a node; −1 when there is none. */
  versionOf(path: string): number { return this.#nodes.get(path)?.version ?? -1 }
  put(path: string, node: MetadataNode): void { this.#nodes.set(path, copyOf(node)) }
  remove(path: string): void { this.#nodes.delete(path) }
  get size(): number { return this.#nodes.size }
  paths(): string[] { return [...this.#nodes.keys()] }

  equals(other: NodeTable): boolean {
    return other.size === this.size && this.paths().every((path) => other.versionOf(path) === this.versionOf(path) && Buffer.compare(other.get(path)!.value, this.get(path)!.value) === 0)
  }

  /** Names directly below `path` that have a node or nodes below them, sorted. */
  children(path: string): string[] {
    const prefix = prefixOf(path)
    const names = new Set<string>()
    for (const each of this.#nodes.keys()) if (each.startsWith(prefix) && each.length > prefix.length) names.add(each.slice(prefix.length).split('/', 1)[0]!)
    return [...names].sort(byCodeUnit)
  }

  /** Nodes directly below `path`, sorted by name. */
  entries(path: string): { name: string; node: MetadataNode }[] {
    const prefix = prefixOf(path)
    const found: { name: string; node: MetadataNode }[] = []
    for (const [each, node] of this.#nodes) {
      if (!each.startsWith(prefix) || each.length === prefix.length || each.includes('/', prefix.length)) continue
      found.push({ name: each.slice(prefix.length), node: copyOf(node) })
    }
    return found.sort((a, b) => byCodeUnit(a.name, b.name))
  }
}

function prefixOf(path: string): string { return path.endsWith('/') ? path : `${path}/` }
function byCodeUnit(a: string, b: string): number { return a < b ? -1 : a > b ? 1 : 0 }
function copyOf(node: MetadataNode): MetadataNode { return { value: Uint8Array.from(node.value), version: node.version } }

/** Raises INVALID_ARGUMENT unless `path` is "/" or like "/a/b" (no empty parts, at most 1024 bytes) and the value has at most 1 MiB. */
export function checkNode(path: string, value?: Uint8Array): void {
  const legal = path === '/' || (/^(\/[^/\0]+)+$/.test(path) && Buffer.byteLength(path) <= MAX_NODE_PATH)
  if (!legal) throw new OttlaError('INVALID_ARGUMENT', `${JSON.stringify(path.slice(0, 80))} is not a path of the metadata store`)
  if (value !== undefined && value.length > MAX_NODE_VALUE) {
    throw new OttlaError('INVALID_ARGUMENT', `the value of ${path} has ${value.length} bytes, more than ${MAX_NODE_VALUE}`)
  }
}

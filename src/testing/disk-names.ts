/**
 * The durable names of the simulated disk: which directory entry points to which node. Copies share the maps of untouched directories.
 *
 * Invariant: a node has at most one name, so that replaying any subset of renames never leaves a file under two.
 */
import type { DiskDirectory, DiskFile, DiskTree, NodeId } from './disk-operation.ts'
import type { EntryOperation } from './pending-unit.ts'

interface Home { readonly directory: NodeId; readonly name: string }

export class DiskNames {
  readonly #directories: Map<NodeId, Map<string, NodeId>>
  readonly #homes: Map<NodeId, Home>
  readonly #shared: Set<NodeId>

  private constructor(directories: Map<NodeId, Map<string, NodeId>>, homes: Map<NodeId, Home>, shared: Set<NodeId>) {
    this.#directories = directories
    this.#homes = homes
    this.#shared = shared
  }

  /** The names of a tree; `onFile` is called for each file in it. */
  static of(tree: DiskTree, onFile: (file: DiskFile) => void): DiskNames {
    const names = new DiskNames(new Map(), new Map(), new Set())
    const visit = (directory: DiskDirectory): void => {
      const entries = new Map<string, NodeId>()
      names.#directories.set(directory.node, entries)
      for (const [name, child] of directory.entries) {
        entries.set(name, child.node)
        names.#homes.set(child.node, { directory: directory.node, name })
        if (child.kind === 'file') onFile(child)
        else visit(child)
      }
    }
    visit(tree.root)
    return names
  }

  /** Shares the maps until it changes them itself: to be used up before the original changes again. */
  copy(): DiskNames { return new DiskNames(new Map(this.#directories), new Map(this.#homes), new Set(this.#directories.keys())) }

  /** A directory that exists, named or not. */
  addDirectory(node: NodeId): void { this.#directories.set(node, new Map()) }

  /** The entries of a directory; undefined when the node is a file. */
  entries(node: NodeId): ReadonlyMap<string, NodeId> | undefined { return this.#directories.get(node) }

  apply(operation: EntryOperation): void {
    const { node, directory, name } = operation
    if (operation.kind === 'unlink' || operation.kind === 'removeDirectory') {
      if (this.#directories.get(directory)?.get(name) === node) this.#removeName(node)
      return
    }
    this.#removeName(node)
    const entries = this.#own(directory)
    const replaced = entries.get(name)
    if (replaced !== undefined) this.#homes.delete(replaced)
    entries.set(name, node)
    this.#homes.set(node, { directory, name })
  }

  #removeName(node: NodeId): void {
    const home = this.#homes.get(node)
    if (home === undefined) return
    this.#homes.delete(node)
    this.#own(home.directory).delete(home.name)
  }

  #own(directory: NodeId): Map<string, NodeId> {
    let entries = this.#directories.get(directory) ?? new Map<string, NodeId>()
    if (this.#shared.delete(directory)) entries = new Map(entries)
    this.#directories.set(directory, entries)
    return entries
  }
}

/** The tree of files as the simulated process sees it, and the walk along paths. Knows nothing of durability. */
import { EMPTY_IMAGE, FileContent } from './file-image.ts'
import type { DiskDirectory, DiskNode, DiskTree, NodeId } from './disk-operation.ts'
import { systemFault } from './system-fault.ts'

export interface TreeFile {
  readonly kind: 'file'
  readonly node: NodeId
  readonly content: FileContent
  modifiedMs: number
  /** False once its last name is gone. */
  linked: boolean
  openHandles: number
}
export interface TreeDirectory { readonly kind: 'directory'; readonly node: NodeId; readonly entries: Map<string, TreeNode>; modifiedMs: number }
export type TreeNode = TreeFile | TreeDirectory

/** Where a path leads: `node` is undefined when only its parent exists. */
export interface Place { readonly directory: TreeDirectory; readonly name: string; readonly node: TreeNode | undefined }

export class SimulatedTree {
  readonly root: TreeDirectory
  #nextNode: NodeId

  constructor(disk: DiskTree, nowMs: number) {
    this.root = thawDirectory(disk.root, nowMs)
    this.#nextNode = disk.nextNode
  }

  newFile(nowMs: number): TreeFile {
    return { kind: 'file', node: this.#nextNode++, content: new FileContent(EMPTY_IMAGE), modifiedMs: nowMs, linked: true, openHandles: 0 }
  }

  newDirectory(nowMs: number): TreeDirectory {
    return { kind: 'directory', node: this.#nextNode++, entries: new Map(), modifiedMs: nowMs }
  }

  /** Undefined when nothing is there. ENOTDIR when a file stands in the place of a directory on the way. */
  find(path: string): TreeNode | undefined {
    let node: TreeNode | undefined = this.root
    for (const name of components(path)) {
      if (node === undefined) return undefined
      if (node.kind === 'file') throw systemFault('ENOTDIR', path)
      node = node.entries.get(name)
    }
    return node
  }

  /** As `find`, and undefined too where a file stands in the place of a directory on the way. */
  lookUp(path: string): TreeNode | undefined {
    let node: TreeNode | undefined = this.root
    for (const name of components(path)) {
      if (node?.kind !== 'directory') return undefined
      node = node.entries.get(name)
    }
    return node
  }

  /** The place of a path whose parent must exist. */
  place(path: string): Place {
    const names = components(path)
    const name = names.at(-1)
    if (name === undefined) throw systemFault('EINVAL', 'the root directory')
    let directory: TreeNode = this.root
    for (let i = 0; i < names.length - 1; i++) {
      const node: TreeNode | undefined = directory.entries.get(names[i]!)
      if (node?.kind !== 'directory') throw systemFault(node === undefined ? 'ENOENT' : 'ENOTDIR', path)
      directory = node
    }
    return { directory, name, node: directory.entries.get(name) }
  }

  directory(path: string): TreeDirectory {
    const node = this.existing(path)
    if (node.kind === 'file') throw systemFault('ENOTDIR', path)
    return node
  }

  existing(path: string): TreeNode {
    const node = this.find(path)
    if (node === undefined) throw systemFault('ENOENT', path)
    return node
  }

  freeze(): DiskTree { return { root: freezeDirectory(this.root), nextNode: this.#nextNode } }
}

const MAX_REMEMBERED = 10_000
const remembered = new Map<string, readonly string[]>()

/** The names along a path from the root, "." and ".." resolved; both separators are understood. */
export function components(path: string): readonly string[] {
  const known = remembered.get(path)
  if (known !== undefined) return known
  const names = split(path)
  if (remembered.size >= MAX_REMEMBERED) remembered.clear()
  remembered.set(path, names)
  return names
}

function split(path: string): readonly string[] {
  const names: string[] = []
  for (const name of path.split(/[\\/]+/)) {
    if (name === '..') names.pop()
    else if (name !== '' && name !== '.') names.push(name)
  }
  return names
}

function thawDirectory(disk: DiskDirectory, nowMs: number): TreeDirectory {
  const entries = new Map<string, TreeNode>()
  for (const [name, child] of disk.entries) entries.set(name, thaw(child, nowMs))
  return { kind: 'directory', node: disk.node, entries, modifiedMs: nowMs }
}

function thaw(disk: DiskNode, nowMs: number): TreeNode {
  if (disk.kind === 'directory') return thawDirectory(disk, nowMs)
  return { kind: 'file', node: disk.node, content: new FileContent(disk.image), modifiedMs: disk.modifiedMs, linked: true, openHandles: 0 }
}

function freezeDirectory(directory: TreeDirectory): DiskDirectory {
  const entries = new Map<string, DiskNode>()
  for (const [name, child] of directory.entries) entries.set(name, freeze(child))
  return { kind: 'directory', node: directory.node, entries }
}

function freeze(node: TreeNode): DiskNode {
  if (node.kind === 'directory') return freezeDirectory(node)
  return { kind: 'file', node: node.node, image: node.content.freeze(), modifiedMs: node.modifiedMs }
}

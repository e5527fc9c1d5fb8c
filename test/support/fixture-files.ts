/**
 * Directories that a real Kafka wrote (fixtures/README.md), and what its own tools and clients said of them. A checkout loses modification times,
 * which retention and lookups by time fall back to: `fixtureFileSystem` gives them back from files.json.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import type { FileStat, FileSystem } from '../../src/io/file-system.ts'
import { nodeFileSystem } from '../../src/io/node-file-system.ts'
import type { SimulatedFileSystem } from '../../src/testing/simulated-file-system.ts'

export const fixtures: string = resolve(import.meta.dirname, '../../fixtures')

export interface TruthOffset { readonly offset: number; readonly timestamp: number; readonly leaderEpoch: number | null }
export interface TruthOffsets {
  readonly topicId: string
  readonly earliest: TruthOffset
  readonly latest: TruthOffset
  readonly latestReadCommitted: TruthOffset
  readonly maxTimestamp: TruthOffset
  readonly readUncommittedRecords: number
  readonly readCommittedRecords: number
  readonly readCommittedSameAsUncommitted?: boolean
  readonly byTime?: readonly (TruthOffset & { readonly query: number })[]
}

/** `01-plain` … with a `truth` beside the `data`. */
export const fixtureNames: readonly string[] = readdirSync(fixtures).filter((name) => existsSync(join(fixtures, name, 'truth', 'offsets.json'))).sort()

export function readJson<T>(...path: string[]): T { return JSON.parse(readFileSync(join(fixtures, ...path), 'utf8')) as T }

export function readLines(...path: string[]): Record<string, unknown>[] | null {
  const file = join(fixtures, ...path)
  if (!existsSync(file)) return null
  return readFileSync(file, 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** The real file system, with the modification times that the files of `root` had when Kafka left them. */
export function fixtureFileSystem(name: string, root: string = join(fixtures, name, 'data')): FileSystem {
  const times = new Map(
    readJson<{ file: string; mtimeMs: number }[]>(name, 'files.json').map((entry) => [join(root, entry.file.split('/').join(sep)), entry.mtimeMs]),
  )
  const stat = (path: string): FileStat | null => {
    const found = nodeFileSystem.stat(path)
    const modifiedMs = times.get(path)
    return found === null || modifiedMs === undefined ? found : { ...found, modifiedMs }
  }
  return new Proxy(nodeFileSystem, {
    get: (target, property) => {
      if (property === 'stat') return stat
      const value = Reflect.get(target, property) as unknown
      return typeof value === 'function' ? (value as (...all: unknown[]) => unknown).bind(target) : value
    },
  })
}

/** Puts the `data` of a fixture on a simulated disk, modification times included. */
export function loadFixture(disk: SimulatedFileSystem, name: string, target: string): void {
  const source = join(fixtures, name, 'data')
  for (const entry of readJson<{ file: string; mtimeMs?: number }[]>(name, 'files.json')) {
    if (entry.file.endsWith('/')) {
      disk.makeDirectory(`${target}/${entry.file.slice(0, -1)}`)
      continue
    }
    const path = `${target}/${entry.file}`
    disk.makeDirectory(path.slice(0, path.lastIndexOf('/')))
    writeWhole(disk, path, readFileSync(join(source, ...entry.file.split('/'))))
    if (entry.mtimeMs !== undefined) disk.setModifiedTime(path, entry.mtimeMs)
  }
  disk.settle()
}

export function writeWhole(disk: SimulatedFileSystem, path: string, bytes: Uint8Array): void {
  const file = disk.open(path, 'create')
  file.truncate(0)
  file.writeSync(bytes, 0, bytes.length, 0)
  file.close()
}

type Edit =
  | { readonly op: 'truncate'; readonly file: string; readonly size: number }
  | { readonly op: 'append'; readonly file: string; readonly zeros?: number; readonly base64?: string }
  | { readonly op: 'xor'; readonly file: string; readonly at: number; readonly mask: number }
  | { readonly op: 'remove'; readonly file: string }
  | { readonly op: 'rename'; readonly file: string; readonly to: string }
  | { readonly op: 'copy'; readonly file: string; readonly to: string }
  | { readonly op: 'write'; readonly file: string; readonly text: string }

/** The damage of one recovery case (fixtures/README.md). */
export function applyEdits(disk: SimulatedFileSystem, root: string, edits: readonly Edit[]): void {
  for (const edit of edits) {
    const path = `${root}/${edit.file}`
    if (edit.op === 'remove') disk.unlink(path)
    else if (edit.op === 'rename') disk.rename(path, `${root}/${edit.to}`)
    else if (edit.op === 'copy') writeWhole(disk, `${root}/${edit.to}`, disk.readFile(path))
    else if (edit.op === 'write') writeWhole(disk, path, Buffer.from(edit.text))
    else if (edit.op === 'truncate') writeWhole(disk, path, disk.readFile(path).slice(0, edit.size))
    else if (edit.op === 'append') writeWhole(
      disk, path, Buffer.concat([disk.readFile(path), edit.zeros === undefined ? Buffer.from(edit.base64!, 'base64') : Buffer.alloc(edit.zeros)]),
    )
    else if (edit.op === 'xor') {
      const bytes = Uint8Array.from(disk.readFile(path))
      bytes[edit.at]! ^= edit.mask
      writeWhole(disk, path, bytes)
    }
  }
  disk.settle()
}

export type { Edit }

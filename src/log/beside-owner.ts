/**
 * Reading a directory while another process owns it, compacts and deletes: loads a log from what is there, and again when a read meets files that the
 * owner has put others in the place of. Then the log ends where it ends by now: a record that compaction took away may have its successor behind the end of
 * before, and whoever reads to the end is to see the last record of every key (spec/storage-format 8.3). Loaded for `readOnly` only.
 */
import { join } from 'node:path'
import { OttlaError } from '../common/errors.ts'
import { Mutex } from '../common/mutex.ts'
import type { FileCache } from '../io/file-cache.ts'
import type { FileSystem } from '../io/file-system.ts'
import { isMissing } from '../io/system-error.ts'
import type { LoadedLog } from './log-loader.ts'
import type { LogState } from './log-state.ts'
import { ReadOnlyView } from './read-only-view.ts'
import { parseSegmentFileName } from './segment-names.ts'
import type { SegmentList } from './segment-list.ts'

/** How often the files of a partition are looked for. */
const LOOKS = 50

/** What an owner is about to do is no news. */
const UNFINISHED: ReadonlySet<string> = new Set(['LEFTOVER_REMOVED', 'SWAP_COMPLETED'])

export class BesideOwner {
  readonly view: ReadOnlyView
  readonly #fs: FileSystem

  constructor(fs: FileSystem) {
    this.#fs = fs
    this.view = new ReadOnlyView(fs)
  }

  /**
   * Files may be gone again when they are opened, or get their names while the folder is listed: then it is looked at anew. `cache` is what `load` reads by.
   * Null: the folder is gone.
   */
  load(directory: string, cache: FileCache, load: () => Promise<LoadedLog>): Promise<LoadedLog | null> { return this.#load(directory, cache, load, 1) }

  async #load(directory: string, cache: FileCache, load: () => Promise<LoadedLog>, firstLook: number): Promise<LoadedLog | null> {
    for (let look = firstLook; ; look++) {
      try {
        this.view.forget(directory)
        const stood = look === 1 ? null : this.#standing(directory, cache)
        const loaded = await load()
        const { state } = loaded.log.insides()
        if (look < LOOKS && !this.#isOfOneTime(state.segments, directory, stood)) continue
        let inodes = inodesOf(state)
        const renew = async (error: unknown, before: SegmentList): Promise<boolean> => {
          if (state.segments !== before) return true
          const found = await this.#load(directory, cache, load, 2)
          const fresh = found?.log.insides().state
          // Damage below the end of before would move it there: it is for readers to meet.
          const isDamaged = found?.report.dropped.some(({ firstOffset }) => firstOffset < state.offsets.logEnd)
          if (fresh === undefined || isDamaged === true) return false
          // A file that was missing, and is there, has just got its name.
          if (isSame(state, inodes, fresh)) return isMissing(error)
          cache.invalidateIn(directory)
          inodes = inodesOf(fresh)
          const { segments, offsets, producers, epochs, activeSinceMs } = fresh
          Object.assign(state, { segments, offsets, producers, epochs, activeSinceMs, generation: state.generation + 1 } satisfies Partial<LogState>)
          return true
        }
        // One after another: what a look remembers of the folder is in the view, which another one would take for the folder.
        const turns = new Mutex()
        loaded.log.renew = async (error) => {
          const before = state.segments
          return isOfOthers(error) && turns.run(() => renew(error, before))
        }
        const { log, report } = loaded
        return { log, report: { ...report, notes: report.notes.filter(({ code }) => !UNFINISHED.has(code)) } }
      } catch (error) {
        if (!isOfOthers(error)) throw error
        if (this.#fs.stat(directory) === null) return null
        if (look >= LOOKS) throw error
      }
    }
  }

  /** The logs of the folder. What is open of it may be other files, which had their names before: of those, too, that are just getting their names. */
  #standing(directory: string, cache: FileCache): Inodes {
    cache.invalidateIn(directory)
    const paths = this.#fs.readDirectory(directory).map(({ name }) => join(directory, name)).filter((path) => path.endsWith('.log'))
    return new Map(paths.map((path) => [path, this.#fs.stat(path)?.inode]))
  }

  /**
   * None of the folder's segments is missing between ours, those that are about to get their names included; and where the owner has begun others behind ours, he has
   * compacted none of ours meanwhile by what is in those. `stood`: what did before ours were loaded.
   */
  #isOfOneTime({ segments, active }: SegmentList, directory: string, stood: Inodes | null): boolean {
    const bases = new Set(segments.map((segment) => segment.baseOffset))
    // Twice: of a file that is renamed meanwhile one listing may have neither name.
    const names = [directory, directory].flatMap((path) => this.#fs.readDirectory(path)).map(({ name }) => name)
    // Of a swap that is committed the sources are in what takes their place.
    const logs = names.filter((name) => name.endsWith('.swap') || !this.view.isGone(join(directory, name))).map(parseSegmentFileName).filter((file) => file?.kind === 'log')
    if (logs.some((file) => (file!.state === '' || file!.state === '.swap') && file!.offset <= active.baseOffset && !bases.has(file!.offset))) return false
    if (logs.every((file) => file!.offset <= active.baseOffset)) return true
    return stood !== null && [...stood].every(([path, inode]) => this.#fs.stat(path)?.inode === inode)
  }
}

/** What a read may meet because of an owner. */
function isOfOthers(error: unknown): boolean { return isMissing(error) || OttlaError.is(error, 'LOG_CORRUPT') }

/** By path; undefined: it was gone. */
type Inodes = ReadonlyMap<string, number | undefined>

function inodesOf({ segments: { segments }, store: { fileSystem } }: LogState): Inodes {
  return new Map(segments.map(({ logPath }) => [logPath, fileSystem.stat(logPath)?.inode]))
}

/** But for the last segment, which grows. */
function isSame({ segments: { segments, active } }: LogState, inodes: Inodes, fresh: LogState): boolean {
  const now = inodesOf(fresh)
  return segments.every((segment, i) => {
    const size = fresh.segments.segments[i]?.size ?? -1
    return now.get(segment.logPath) === inodes.get(segment.logPath) && (size === segment.size || (segment === active && size > segment.size))
  })
}

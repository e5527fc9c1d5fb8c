/**
 * Reading a directory while another process owns it, compacts and deletes: loads a log from what is there, and again when a read meets files that the
 * owner has put others in the place of. Offsets end where they ended at first. Loaded for `readOnly` only.
 */
import { OttlaError } from '../common/errors.ts'
import type { FileSystem } from '../io/file-system.ts'
import { isMissing } from '../io/system-error.ts'
import type { LoadedLog } from './log-loader.ts'
import type { LogState } from './log-state.ts'
import { ReadOnlyView } from './read-only-view.ts'
import { parseSegmentFileName } from './segment-names.ts'
import type { SegmentList } from './segment-list.ts'

/** How often the files of a partition are looked for. */
const LOOKS = 5

/** What an owner is about to do is no news. */
const UNFINISHED: ReadonlySet<string> = new Set(['LEFTOVER_REMOVED', 'SWAP_COMPLETED'])

export class BesideOwner {
  readonly view: ReadOnlyView
  readonly #fs: FileSystem

  constructor(fs: FileSystem) {
    this.#fs = fs
    this.view = new ReadOnlyView(fs)
  }

  /** Files may be gone again when they are opened, or get their names while the folder is listed: then it is looked at anew. Null: the folder is gone. */
  async load(directory: string, load: () => Promise<LoadedLog>): Promise<LoadedLog | null> {
    for (let look = 1; ; look++) {
      try {
        this.view.forget(directory)
        const loaded = await load()
        const { state } = loaded.log.insides()
        if (look < LOOKS && !this.#hasAll(state.segments, directory)) continue
        let inodes = inodesOf(state)
        loaded.log.renew = async (error) => {
          const before = state.segments
          if (!isOfOthers(error)) return false
          const fresh = (await this.load(directory, load))?.log.insides().state
          if (state.segments !== before) return true
          if (fresh === undefined || isSame(state, inodes, fresh)) return false
          for (const { logPath } of before.segments) state.store.fileCache.invalidate(logPath)
          inodes = inodesOf(fresh)
          state.segments = fresh.segments
          state.offsets.raiseStart(Math.min(fresh.offsets.logStart, state.offsets.highWatermark))
          state.generation++
          return true
        }
        const { log, report } = loaded
        return { log, report: { ...report, notes: report.notes.filter(({ code }) => !UNFINISHED.has(code)) } }
      } catch (error) {
        if (!isOfOthers(error)) throw error
        if (this.#fs.stat(directory) === null) return null
        if (look === LOOKS) throw error
      }
    }
  }

  /** None of the folder's segments is missing between ours, those that are about to get their names included. */
  #hasAll({ segments, active }: SegmentList, directory: string): boolean {
    const bases = new Set(segments.map((segment) => segment.baseOffset))
    return this.#fs.readDirectory(directory).every(({ name }) => {
      const file = parseSegmentFileName(name)
      return file === null || file.kind !== 'log' || (file.state !== '' && file.state !== '.swap') || file.offset > active.baseOffset || bases.has(file.offset)
    })
  }
}

/** What a read may meet because of an owner. */
function isOfOthers(error: unknown): boolean { return isMissing(error) || OttlaError.is(error, 'LOG_CORRUPT') }

type Inodes = readonly (number | undefined)[]

function inodesOf({ segments: { segments }, store: { fileSystem } }: LogState): Inodes { return segments.map(({ logPath }) => fileSystem.stat(logPath)?.inode) }

/** But for the last segment, which grows. */
function isSame({ segments: { segments, active } }: LogState, inodes: Inodes, fresh: LogState): boolean {
  const now = inodesOf(fresh)
  return segments.every((segment, i) => {
    const size = fresh.segments.segments[i]?.size ?? -1
    return now[i] === inodes[i] && (size === segment.size || (segment === active && size > segment.size))
  })
}

/**
 * Wrapper around any FileSystem that makes chosen calls fail, for "fail the N-th call" loops:
 *
 *   for (let nth = 1; ; nth++) {
 *     const faults = new FaultFileSystem(disk)
 *     faults.inject({ call: 'any', nth, error: 'EIO' })
 *     … run the workload …
 *     if (faults.injected === 0) break      // every call has failed once
 *   }
 *
 * Calls are counted when they are made, from 1, per kind. A fault takes the place of the call: nothing reaches the wrapped file system,
 * except the prefix of a short write, and on a simulated disk the news that the sync failed. Syncs can also be held back, to test stalls.
 */
import type { DirectoryEntry, FileHandle, FileStat, FileSystem, FileSystemInfo, OpenMode } from '../io/file-system.ts'
import { faultError, type Fault, type FaultCall, type FaultGate } from './fault.ts'
import { FaultFileHandle } from './fault-file-handle.ts'
import { SimulatedFileSystem } from './simulated-file-system.ts'

/** Syncs that were held back. */
export interface HeldSyncs {
  /** How many wait now. */
  readonly waiting: number
  /** Lets the waiting ones go, and holds back later ones still. */
  step(): void
  /** Lets the waiting ones and all later ones go. */
  release(): void
}

interface ActiveFault extends Fault { calls: number }

export class FaultFileSystem implements FileSystem, FaultGate {
  readonly #inner: FileSystem
  readonly #calls = new Map<FaultCall, number>()
  #faults: ActiveFault[] = []
  readonly #holds = new Set<{ path: RegExp; wakers: (() => void)[] }>()
  #injected = 0

  constructor(inner: FileSystem) { this.#inner = inner }

  /** Arms a fault; several can be armed at once, and the first that matches a call wins. */
  inject(fault: Fault): void { this.#faults.push({ ...fault, calls: 0 }) }
  /** Disarms all faults. */
  heal(): void { this.#faults = [] }
  /** How many calls were made to fail. */
  get injected(): number { return this.#injected }

  calls(call: FaultCall | 'any'): number {
    if (call !== 'any') return this.#calls.get(call) ?? 0
    let sum = 0
    for (const count of this.#calls.values()) sum += count
    return sum
  }

  /** Holds back every asynchronous `datasync` and `syncDirectory` on matching paths from now on. */
  holdSyncs(path: RegExp = /(?:)/): HeldSyncs {
    const hold = { path, wakers: [] as (() => void)[] }
    this.#holds.add(hold)
    return {
      get waiting() { return hold.wakers.length },
      step: () => { for (const wake of hold.wakers.splice(0)) wake() },
      release: () => {
        this.#holds.delete(hold)
        for (const wake of hold.wakers.splice(0)) wake()
      },
    }
  }

  check(call: FaultCall, path: string): Fault | null {
    this.#calls.set(call, this.calls(call) + 1)
    for (const fault of this.#faults) {
      if (fault.call !== 'any' && fault.call !== call) continue
      if (fault.path !== undefined && !fault.path.test(path)) continue
      fault.calls++
      const nth = fault.nth ?? 1
      if (fault.calls < nth || (fault.calls > nth && fault.sticky !== true)) continue
      this.#injected++
      return fault
    }
    return null
  }

  pass(call: FaultCall, path: string): void {
    const fault = this.check(call, path)
    if (fault !== null) throw faultError(fault, call, path)
  }

  async waitForSync(path: string): Promise<void> {
    for (const hold of this.#holds) {
      if (hold.path.test(path)) await new Promise<void>((resolve) => hold.wakers.push(resolve))
    }
  }

  open(path: string, mode: OpenMode): FileHandle {
    this.pass('open', path)
    return new FaultFileHandle(this.#inner.open(path, mode), this)
  }

  stat(path: string): FileStat | null {
    this.pass('stat', path)
    return this.#inner.stat(path)
  }

  readDirectory(path: string): DirectoryEntry[] {
    this.pass('readDirectory', path)
    return this.#inner.readDirectory(path)
  }

  makeDirectory(path: string): void {
    this.pass('makeDirectory', path)
    this.#inner.makeDirectory(path)
  }

  rename(from: string, to: string): void {
    this.pass('rename', from)
    this.#inner.rename(from, to)
  }

  unlink(path: string): void {
    this.pass('unlink', path)
    this.#inner.unlink(path)
  }

  async unlinkAsync(path: string): Promise<void> {
    this.pass('unlink', path)
    await this.#inner.unlinkAsync(path)
  }

  async removeDirectory(path: string): Promise<void> {
    this.pass('removeDirectory', path)
    await this.#inner.removeDirectory(path)
  }

  readFile(path: string): Uint8Array {
    this.pass('readFile', path)
    return this.#inner.readFile(path)
  }

  setModifiedTime(path: string, modifiedMs: number): void {
    this.pass('setModifiedTime', path)
    this.#inner.setModifiedTime(path, modifiedMs)
  }

  async syncDirectory(path: string): Promise<void> {
    this.pass('syncDirectory', path)
    const inner = this.#inner
    const complete = inner instanceof SimulatedFileSystem ? inner.beginSyncDirectory(path) : () => inner.syncDirectory(path)
    await this.waitForSync(path)
    await complete()
  }

  syncDirectorySync(path: string): void {
    this.pass('syncDirectory', path)
    this.#inner.syncDirectorySync(path)
  }

  info(path: string): FileSystemInfo {
    this.pass('info', path)
    return this.#inner.info(path)
  }

  realPath(path: string): string {
    this.pass('realPath', path)
    return this.#inner.realPath(path)
  }
}

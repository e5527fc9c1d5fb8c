/**
 * The disk under the simulated file system: the operation log, the room that is left, the clock, and the moment at which asynchronous
 * calls complete. Shared by the file system and its handles.
 */
import type { Clock } from '../common/clock.ts'
import { OttlaError } from '../common/errors.ts'
import { storageError } from '../io/system-error.ts'
import type { DiskOperation, NewOperation } from './disk-operation.ts'
import type { TreeFile } from './simulated-tree.ts'
import { systemFault } from './system-fault.ts'

export class SimulatedDisk {
  readonly clock: Clock
  readonly operations: DiskOperation[] = []
  capacityBytes: number
  usedBytes = 0
  /** Operations logged so far, those forgotten included. */
  sequence = 0
  readonly #recording: boolean
  readonly #defer: (complete: () => void) => void

  constructor(clock: Clock, capacityBytes: number, recording: boolean, defer: (complete: () => void) => void) {
    this.clock = clock
    this.capacityBytes = capacityBytes
    this.#recording = recording
    this.#defer = defer
  }

  get freeBytes(): number { return Math.max(0, this.capacityBytes - this.usedBytes) }

  log(operation: NewOperation): void {
    const sequence = this.sequence++
    if (this.#recording) this.operations.push({ ...operation, sequence, timeMs: this.clock.now() })
  }

  /** Runs `call` when the disk gets round to it. */
  later<T>(call: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#defer(() => {
        try {
          resolve(call())
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  /** Writes what fits; DISK_FULL when that is not all, with the part that fitted left in the file. `data` must never change again. */
  write(file: TreeFile, path: string, data: Uint8Array, position: number): void {
    const fitting = file.content.fitting(position, data.length, this.freeBytes)
    if (fitting > 0) {
      const part = data.subarray(0, fitting)
      this.#resize(file, () => file.content.write(part, position))
      this.log({ kind: 'write', path, node: file.node, position, data: part })
    }
    if (fitting === data.length) return
    if (fitting === 0) throw storageError(systemFault('ENOSPC', 'write'), `write ${data.length} bytes at ${position} of`, path, position)
    const message = `Only ${fitting} of ${data.length} bytes at ${position} went into ${path}: the disk or a quota is full`
    throw new OttlaError('DISK_FULL', message, { file: path, position })
  }

  truncate(file: TreeFile, path: string, size: number): void {
    this.#resize(file, () => file.content.truncate(size))
    this.log({ kind: 'truncate', path, node: file.node, size })
  }

  /** A file without a name keeps its room until the last handle is closed. */
  freeIfGone(file: TreeFile): void {
    if (file.linked || file.openHandles > 0) return
    this.usedBytes -= file.content.allocatedBytes
  }

  #resize(file: TreeFile, change: () => void): void {
    const before = file.content.allocatedBytes
    change()
    this.usedBytes += file.content.allocatedBytes - before
    file.modifiedMs = this.clock.now()
  }
}

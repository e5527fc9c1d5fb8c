/** A handle whose calls pass a FaultGate first. */
import { OttlaError } from '../common/errors.ts'
import type { FileHandle } from '../io/file-system.ts'
import { faultError, type Fault, type FaultGate } from './fault.ts'
import { SimulatedFileHandle } from './simulated-file-handle.ts'

export class FaultFileHandle implements FileHandle {
  readonly path: string
  readonly #inner: FileHandle
  readonly #gate: FaultGate
  #syncing = 0

  constructor(inner: FileHandle, gate: FaultGate) {
    this.path = inner.path
    this.#inner = inner
    this.#gate = gate
  }

  size(): number { return this.#inner.size() }

  readSync(buffer: Uint8Array, offset: number, length: number, position: number): number {
    this.#gate.pass('read', this.path)
    return this.#inner.readSync(buffer, offset, length, position)
  }

  async read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    this.#gate.pass('read', this.path)
    return await this.#inner.read(buffer, offset, length, position)
  }

  writeSync(buffer: Uint8Array, offset: number, length: number, position: number): void {
    const fault = this.#gate.check('write', this.path)
    if (fault !== null) throw this.#failedWrite(fault, buffer, offset, length, position)
    this.#inner.writeSync(buffer, offset, length, position)
  }

  async write(buffer: Uint8Array, offset: number, length: number, position: number): Promise<void> {
    const fault = this.#gate.check('write', this.path)
    if (fault !== null) throw this.#failedWrite(fault, buffer, offset, length, position)
    await this.#inner.write(buffer, offset, length, position)
  }

  async writev(parts: readonly Uint8Array[], position: number): Promise<void> {
    const fault = this.#gate.check('write', this.path)
    if (fault !== null) {
      const all = Buffer.concat(parts)
      throw this.#failedWrite(fault, all, 0, all.length, position)
    }
    await this.#inner.writev(parts, position)
  }

  truncate(size: number): void {
    this.#gate.pass('truncate', this.path)
    this.#inner.truncate(size)
  }

  async datasync(): Promise<void> {
    const fault = this.#gate.check('datasync', this.path)
    const inner = this.#inner
    // A stalled sync covers what was written before it started, not what came during the stall.
    const complete = inner instanceof SimulatedFileHandle ? inner.beginDatasync() : () => inner.datasync()
    this.#syncing++
    try {
      await this.#gate.waitForSync(this.path)
      if (fault !== null) throw this.#failedSync(fault)
      await complete()
    } finally {
      this.#syncing--
    }
  }

  datasyncSync(): void {
    const fault = this.#gate.check('datasync', this.path)
    if (fault !== null) throw this.#failedSync(fault)
    this.#inner.datasyncSync()
  }

  close(): void {
    if (this.#syncing > 0) throw new OttlaError('INTERNAL', `${this.path} is closed while a sync is under way`, { file: this.path })
    this.#inner.close()
  }

  #failedWrite(fault: Fault, buffer: Uint8Array, offset: number, length: number, position: number): Error {
    const written = Math.min(fault.written ?? 0, length)
    if (written > 0) this.#inner.writeSync(buffer, offset, written, position)
    return faultError(fault, 'write', this.path)
  }

  #failedSync(fault: Fault): Error {
    if (this.#inner instanceof SimulatedFileHandle) this.#inner.datasyncFailed()
    return faultError(fault, 'datasync', this.path)
  }
}

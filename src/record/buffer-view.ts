/**
 * Buffers over memory that is there, for the one place that makes a view per key or value: `Buffer.from(memory, offset, length)` spends
 * most of its 40 ns on arguments that need no checking here. What comes back is a Buffer in every respect (same methods, same
 * `constructor`, `Buffer.isBuffer`), only its class is entered by this door.
 */
class BufferView extends Uint8Array<ArrayBufferLike> {}
Object.setPrototypeOf(BufferView.prototype, Buffer.prototype)
Reflect.deleteProperty(BufferView.prototype, 'constructor')

/** `offset` and `length` in bytes, within `memory`. */
export function bufferView(memory: ArrayBufferLike, offset: number, length: number): Buffer {
  return new BufferView(memory, offset, length) as unknown as Buffer
}

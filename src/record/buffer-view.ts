/**
 * Buffers over memory that is there, for the one place that makes a view per key or value: `Buffer.from(memory, offset, length)` spends
 * most of its 40 ns on arguments that need no checking here. What comes back is what that gives, prototype and all (`assert.deepEqual` of
 * Node 20 looks at it): Node tells its class as what `subarray` and the like shall make.
 */
type ViewClass = new (memory: ArrayBufferLike, offset: number, length: number) => Buffer

const { [Symbol.species]: Species } = Buffer as unknown as { readonly [Symbol.species]: ViewClass }
// Where it is `Buffer` itself (elsewhere than in Node), it is not to be called with `new`.
const isViewClass = Species.prototype === Buffer.prototype && (Species as unknown) !== Buffer

/** `offset` and `length` in bytes, within `memory`. */
export const bufferView: (memory: ArrayBufferLike, offset: number, length: number) => Buffer = isViewClass
  ? (memory, offset, length) => new Species(memory, offset, length)
  : (memory, offset, length) => Buffer.from(memory, offset, length)

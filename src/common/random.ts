/** Port to chance. The seeded implementation lives in `ottla/testing`. */
export interface Random {
  /** Uniform in [0, bound), bound a positive safe integer. */
  int(bound: number): number
  /** Uniform in [0, 1). */
  float(): number
  /** `length` fresh bytes, unguessable in the real implementation. */
  bytes(length: number): Uint8Array
}

export const systemRandom: Random = {
  int: (bound) => Math.floor(Math.random() * bound),
  float: () => Math.random(),
  // Loaded with its first use: an open needs no secret, and the library of ciphers takes 3 ms to load.
  bytes: (length) => process.getBuiltinModule('node:crypto').randomBytes(length),
}

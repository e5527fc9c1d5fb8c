/**
 * The hash by which Kafka's clients choose the partition of a key (spec/storage-format 13.9): 32-bit murmur2 with Kafka's seed, over
 * little-endian words. A key lands on the same partition whatever client wrote it, so this never changes.
 */
const SEED = 0x9747b28c
const M = 0x5bd1e995

function mix(hash: number, word: number): number {
  const scrambled = Math.imul(word, M)
  return Math.imul(hash, M) ^ Math.imul(scrambled ^ (scrambled >>> 24), M)
}

function finish(hash: number): number {
  const spread = Math.imul(hash ^ (hash >>> 13), M)
  return spread ^ (spread >>> 15)
}

/** Signed 32-bit. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length
  let hash = SEED ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    hash = mix(hash, bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
  }
  const left = length - at
  if (left > 0) {
    if (left === 3) hash ^= bytes[at + 2]! << 16
    if (left >= 2) hash ^= bytes[at + 1]! << 8
    hash = Math.imul(hash ^ bytes[at]!, M)
  }
  return finish(hash)
}

/** The hash of a string's UTF-8, without making the bytes; NaN when a character is outside ASCII, and the bytes must be made. */
export function murmur2Ascii(text: string): number {
  const length = text.length
  let hash = SEED ^ length
  let seen = 0
  let at = 0
  for (; at + 4 <= length; at += 4) {
    const a = text.charCodeAt(at)
    const b = text.charCodeAt(at + 1)
    const c = text.charCodeAt(at + 2)
    const d = text.charCodeAt(at + 3)
    seen |= a | b | c | d
    hash = mix(hash, a | (b << 8) | (c << 16) | (d << 24))
  }
  const left = length - at
  if (left > 0) {
    const a = text.charCodeAt(at)
    const b = left >= 2 ? text.charCodeAt(at + 1) : 0
    const c = left === 3 ? text.charCodeAt(at + 2) : 0
    seen |= a | b | c
    hash = Math.imul(hash ^ (a | (b << 8) | (c << 16)), M)
  }
  return seen > 0x7f ? Number.NaN : finish(hash)
}

/** Partition of a key among all partitions of its topic, whether they have a leader or not. */
export function partitionOfHash(hash: number, partitionCount: number): number { return (hash & 0x7fffffff) % partitionCount }

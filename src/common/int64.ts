/**
 * 64-bit integers as JavaScript numbers. Offsets, timestamps and producer ids are `number` everywhere; these functions guard the edge
 * once: a value outside ±(2^53−1) read from bytes is refused, or taken as the nearest that is inside (ADR 0001). BigInt is used nowhere.
 */
const TWO_32 = 4294967296

/** Big-endian signed 64-bit at `position`; NaN when it is outside ±(2^53−1), for the caller to refuse with its own context. */
export function readInt64(view: DataView, position: number): number {
  const high = view.getInt32(position)
  if (high >= 2097152 || high < -2097152) return Number.NaN
  const value = high * TWO_32 + view.getUint32(position + 4)
  return value === -9007199254740992 ? Number.NaN : value
}

/** Writes a safe integer as big-endian signed 64-bit. */
export function writeInt64(view: DataView, position: number, value: number): void {
  const high = Math.floor(value / TWO_32)
  view.setInt32(position, high)
  view.setUint32(position + 4, value - high * TWO_32)
}

/**
 * Decimal text of 64-bit integers that do not fit a JavaScript number, from and to two 32-bit halves. BigInt is used nowhere (ADR 0001).
 * Offsets and timestamps never come here: they are refused when unsafe. Only opaque values (hashes in group records) are carried as text.
 */
const TWO_32 = 4294967296
/** Six digits at a time: a remainder below it times 2^32 is still a safe integer. */
const MILLION = 1_000_000

/** Decimal text of the signed 64-bit integer with these halves (`high` signed or unsigned, `low` unsigned). */
export function formatInt64(high: number, low: number): string {
  let top = high >>> 0
  let bottom = low >>> 0
  const negative = top >= 0x80000000
  if (negative) {
    bottom = (~bottom + 1) >>> 0
    top = (~top + (bottom === 0 ? 1 : 0)) >>> 0
  }
  let digits = ''
  while (top !== 0) {
    const quotient = Math.floor(top / MILLION)
    const carry = (top % MILLION) * TWO_32 + bottom
    digits = String(carry % MILLION).padStart(6, '0') + digits
    bottom = Math.floor(carry / MILLION)
    top = quotient
  }
  digits = String(bottom) + digits
  digits = digits.replace(/^0+(?=\d)/, '')
  return negative ? '-' + digits : digits
}

/** The halves of a decimal text; null when it is none or does not fit 64 bits. */
export function parseInt64(text: string): { high: number; low: number } | null {
  const match = /^(-?)(\d{1,19})$/.exec(text)
  if (match === null) return null
  const negative = match[1] === '-'
  const digits = match[2]!
  let top = 0
  let bottom = 0
  for (let i = 0; i < digits.length; i++) {
    const next = bottom * 10 + digits.charCodeAt(i) - 48
    bottom = next % TWO_32
    top = top * 10 + Math.floor(next / TWO_32)
  }
  if (top > 0x80000000 || (top === 0x80000000 && !(negative && bottom === 0))) return null
  if (!negative) return { high: top, low: bottom }
  const low = (~bottom + 1) >>> 0
  return { high: (~top + (low === 0 ? 1 : 0)) >>> 0, low }
}

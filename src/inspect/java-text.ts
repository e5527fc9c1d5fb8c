/**
 * Text as the Java tools print it: UTF-8 decoding of damaged bytes, JSON of Jackson, `File` paths, and the order in which Scala's
 * mutable `HashMap` gives its keys back. Facts of the platform that `dump-log` must reproduce to be equal line for line.
 */
import { isAbsolute, resolve, sep } from 'node:path'

/**
 * As `new String(bytes, UTF_8)`: malformed input becomes U+FFFD. Node agrees with Java but for an encoded surrogate (ED A0..BF xx),
 * which is one replacement in Java and three here: 0xED only ever begins a sequence, so those three bytes can be replaced beforehand.
 */
export function javaText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!hasEncodedSurrogate(buffer)) return buffer.toString('utf8')
  const copy = Buffer.from(buffer)
  for (let i = 0; i + 2 < copy.length; i++) {
    if (copy[i] === 0xed && copy[i + 1]! >> 5 === 5 && copy[i + 2]! >> 6 === 2) {
      copy.writeUIntBE(0xefbfbd, i, 3)
      i += 2
    }
  }
  return copy.toString('utf8')
}

function hasEncodedSurrogate(buffer: Buffer): boolean {
  for (let i = buffer.indexOf(0xed); i !== -1; i = buffer.indexOf(0xed, i + 1)) if (buffer[i + 1]! >> 5 === 5) return true
  return false
}

/** A JSON string as Jackson writes it: like JavaScript, but with upper-case hex digits. */
export function jsonText(text: string): string {
  return JSON.stringify(text).replace(/\\u00[0-9a-f]{2}/g, (escape) => '\\u' + escape.slice(2).toUpperCase())
}

/** `new File(path).toString()`: runs of slashes are one, and a trailing one goes. */
export function filePath(path: string): string {
  const single = path.replace(/\/{2,}/g, '/')
  return single.length > 1 && single.endsWith('/') ? single.slice(0, -1) : single
}

/** `File.getAbsolutePath()`: the working directory in front; "." and ".." stay. */
export function absolutePath(path: string, workingDirectory: string = resolve('.')): string {
  return isAbsolute(path) ? path : workingDirectory + sep + path
}

function hashCode(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0
  return hash
}

/** Keys in the order of `scala.collection.mutable.HashMap`: by slot of the spread hash, within a slot by hash, then by insertion. */
export function hashMapOrder(keys: readonly string[]): string[] {
  let slots = 16
  while (keys.length >= slots * 0.75) slots *= 2
  const placed = keys.map((key, index) => {
    const code = hashCode(key)
    const hash = code ^ (code >>> 16)
    return { key, hash, slot: hash & (slots - 1), index }
  })
  return placed.sort((a, b) => a.slot - b.slot || a.hash - b.hash || a.index - b.index).map((entry) => entry.key)
}

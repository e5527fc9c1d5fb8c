/**
 * Text as the Java tools print it: UTF-8 decoding of damaged bytes, JSON of Jackson, `File` paths, and the order in which Scala's
 * mutable `HashMap` gives its keys back. Facts of the platform that `dump-log` must reproduce to be equal line for line.
 */
import { isAbsolute, resolve, sep } from 'node:path'

/**
 * As `new String(bytes, UTF_8)`: malformed input becomes U+FFFD. Node agrees with Java on how much of it one U+FFFD stands for, but for the
 * beginning of an encoded surrogate (ED A0..BF and a continuation byte where one follows): one in Java, one a byte here.
 */
export function javaText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let text = ''
  let start = 0
  // 0xED only ever begins a sequence, so the bytes before it decode the same on their own.
  for (let at = buffer.indexOf(0xed); at !== -1; at = buffer.indexOf(0xed, at + 1)) {
    if (buffer[at + 1]! >> 5 !== 5) continue
    text += buffer.toString('utf8', start, at) + '\ufffd'
    start = at + (buffer[at + 2]! >> 6 === 2 ? 3 : 2)
  }
  return start === 0 ? buffer.toString('utf8') : text + buffer.toString('utf8', start)
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

/** Kafka's uuid text form: 16 bytes as 22 characters of base64url, no padding (spec/storage-format 1.4). */
import type { Random } from './random.ts'

export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA'
/** Topic id of `__cluster_metadata`. */
export const METADATA_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'

export function uuidToBytes(text: string): Uint8Array { return new Uint8Array(Buffer.from(text, 'base64url')) }
export function uuidFromBytes(bytes: Uint8Array): string { return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url') }

/** A random (version 4) uuid; never a reserved one, never starting with "-". */
export function randomUuid(random: Random): string {
  for (;;) {
    const bytes = random.bytes(16)
    bytes[6] = (bytes[6]! & 0x0f) | 0x40
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    const text = uuidFromBytes(bytes)
    if (!text.startsWith('-')) return text
  }
}

/** True when `text` is 22 base64url characters that stand for exactly 16 bytes. */
export function isUuid(text: string): boolean { return /^[A-Za-z0-9_-]{22}$/.test(text) && uuidFromBytes(uuidToBytes(text)) === text }

/** Digests of bytes: the same for the same bytes, always. */
import { hash } from 'node:crypto'

/** SHA-256, 32 bytes. */
export function sha256(bytes: Uint8Array): Buffer { return hash('sha256', bytes, 'buffer') }

/** Bytes of the kernel's generator, which Node's and OpenSSL's own are seeded from, without `node:crypto`: that takes 2 ms of a start to load. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { systemRandom, type Random } from '../common/random.ts'

/** As the system's chance; where `device` is missing, or is no device, as on Windows or in a bare chroot, the bytes are `node:crypto`'s. */
export function kernelRandom(device = '/dev/urandom'): Random {
  return { ...systemRandom, bytes: (length) => bytesOf(device, length) ?? systemRandom.bytes(length) }
}

function bytesOf(device: string, length: number): Uint8Array | null {
  let handle: number | null = null
  try {
    handle = openSync(device, 'r')
    const bytes = new Uint8Array(length)
    return fstatSync(handle).isCharacterDevice() && readSync(handle, bytes) === length ? bytes : null
  } catch {
    return null
  } finally {
    if (handle !== null) closeSync(handle)
  }
}

/** The checksums on a platform that has neither the native package nor `crc32` in `node:zlib`: the same values, in JavaScript. */
import { describe, expect, test, vi } from 'vitest'
import { crc32 } from '../src/record/crc32.ts'
import { crc32c, crc32cBackend } from '../src/record/crc32c.ts'

vi.mock('../src/record/native-library.ts', async (importOriginal) => ({ ...await importOriginal<Record<string, unknown>>(), loadNative: () => null }))

const check = new TextEncoder().encode('123456789')

describe('without native code', () => {
  test('CRC-32 of "123456789" is cbf43926', () => {
    const look = vi.spyOn(process, 'getBuiltinModule').mockReturnValue({})
    expect(crc32(check, 0, 9)).toBe(0xcbf43926)
    expect(look).toHaveBeenCalledExactlyOnceWith('node:zlib')
    look.mockRestore()
  })

  test('CRC-32C is in JavaScript, for short ranges and for those that would have loaded the package', () => {
    expect(crc32cBackend()).toBe('javascript')
    expect(crc32c(check, 0, 9)).toBe(0xe3069283)
    // 32 bytes of zeros, in RFC 3720 B.4; longer runs by continuing from a seed.
    expect(crc32c(new Uint8Array(32), 0, 32)).toBe(0x8a9136aa)
    const zeros = new Uint8Array(2 * 1024 * 1024)
    expect(crc32c(zeros, 0, zeros.length)).toBe(crc32c(zeros, 0, 1_000_000, crc32c(zeros, 0, zeros.length - 1_000_000)))
  })
})

import * as fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { silentLogger, stderrLogger } from '../common/logger.ts'
import { crc32 as crc32JavaScript, nibbleCrc, nibbleTable } from '../common/crc32.ts'
import { crc32 } from './crc32.ts'
import { crc32c, crc32cBackend, crc32cJavaScript, loadNativeCrc32c } from './crc32c.ts'
import { useLibraryLogger } from './native-library.ts'

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)
const hex = (crc: number): string => crc.toString(16).padStart(8, '0')
const missing = (): never => { throw new Error('Cannot find native binding. Reinstall.', { cause: new Error('libfoo.so: no such file\nmore') }) }

afterEach(() => {
  useLibraryLogger(stderrLogger)
  vi.unstubAllEnvs()
})

describe('CRC-32C', () => {
  test.each([['', '00000000'], ['a', 'c1d04330'], ['123456789', 'e3069283'], ['kafka', '084b20e1']])('of %j is %s', (text, crc) => {
    expect(hex(crc32c(ascii(text), 0, text.length))).toBe(crc)
    expect(hex(crc32cJavaScript(ascii(text), 0, text.length))).toBe(crc)
    expect(hex(nibbleCrc(nibbleTable(0x82f63b78), ascii(`-${text}`), 1, text.length + 1, 0))).toBe(crc)
  })

  test('native (where it is installed) and JavaScript agree on any range, whole or in two parts', () => {
    const native = loadNativeCrc32c()
    expect(crc32cBackend()).toBe(native === null ? 'javascript' : 'native')
    fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(2000), fc.nat(2000), fc.nat(2000), (bytes, a, b, c) => {
      const [start, middle, end] = [a, b, c].map((n) => Math.min(n, bytes.length)).sort((x, y) => x - y) as [number, number, number]
      const whole = crc32c(bytes, start, end)
      expect(crc32cJavaScript(bytes, start, end)).toBe(whole)
      if (native !== null) expect(native(bytes.subarray(start, end), 0)).toBe(whole)
      expect(crc32c(bytes, middle, end, crc32c(bytes, start, middle))).toBe(whole)
      expect(crc32cJavaScript(bytes, middle, end, crc32cJavaScript(bytes, start, middle))).toBe(whole)
    }))
  })

  test('a missing native package costs one line that names the first cause', () => {
    const lines: string[] = []
    useLibraryLogger({ ...silentLogger, info: (message) => { lines.push(message) } })
    expect(loadNativeCrc32c(missing)).toBeNull()
    expect(lines).toEqual(
      ['crc32c: native package @node-rs/crc32 not loaded (libfoo.so: no such file), using JavaScript; set OTTLA_REQUIRE_NATIVE=1 to fail instead'],
    )
  })

  test('OTTLA_REQUIRE_NATIVE=1 makes a missing native package an error', () => {
    vi.stubEnv('OTTLA_REQUIRE_NATIVE', '1')
    expect(() => loadNativeCrc32c(missing)).toThrow(
      expect.objectContaining({ code: 'DEPENDENCY_MISSING', message: expect.stringContaining('libfoo.so') as string }) as OttlaError,
    )
  })

  test('a native package that computes something else is not used', () => {
    expect(loadNativeCrc32c(() => ({ crc32c: () => 7 }))).toBeNull()
    expect(loadNativeCrc32c(() => ({}))).toBeNull()
  })
})

describe('CRC-32 (IEEE)', () => {
  test('of "123456789" is cbf43926, with node:zlib and without', () => {
    expect(hex(crc32(ascii('x123456789'), 1, 10))).toBe('cbf43926')
    expect(hex(crc32JavaScript(ascii('123456789')))).toBe('cbf43926')
  })

  test('node:zlib and JavaScript agree', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, from) => {
      const start = Math.min(from, bytes.length)
      const before = crc32JavaScript(bytes.subarray(0, start))
      expect(crc32JavaScript(bytes.subarray(start))).toBe(crc32(bytes, start, bytes.length))
      expect(crc32JavaScript(bytes.subarray(start), before)).toBe(crc32(bytes, 0, bytes.length))
    }))
  })
})

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { systemRandom } from '../common/random.ts'
import { kernelRandom } from './kernel-random.ts'

const directory = mkdtempSync(join(tmpdir(), 'ottla-random-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('bytes of the kernel', () => {
  test('are as many as asked for, and others each time', () => {
    const { bytes } = kernelRandom()
    expect([0, 1, 16, 4096].map((length) => bytes(length).length)).toEqual([0, 1, 16, 4096])
    const drawn = Array.from({ length: 100 }, () => Buffer.from(bytes(16)).toString('hex'))
    expect(new Set(drawn).size).toBe(100)
  })

  test('come from the device', () => {
    expect(kernelRandom('/dev/zero').bytes(8)).toEqual(new Uint8Array(8))
  })

  test.each([
    ['that is not there', () => join(directory, 'none')],
    ['that is a plain file, which says the same each time', () => {
      writeFileSync(join(directory, 'urandom'), Buffer.alloc(64))
      return join(directory, 'urandom')
    }],
    ['that ends', () => '/dev/null'],
    ['that cannot be read', () => directory],
  ])('a device %s: of node:crypto', (_, device) => {
    const ofCrypto = vi.spyOn(systemRandom, 'bytes')
    const bytes = kernelRandom(device()).bytes(32)
    expect(ofCrypto).toHaveBeenCalledExactlyOnceWith(32)
    expect(bytes).toEqual(ofCrypto.mock.results[0]!.value)
    ofCrypto.mockRestore()
  })

  test.runIf(process.platform === 'linux')('leave no handle behind, whatever the device', () => {
    const handles = (): number => readdirSync('/proc/self/fd').length
    const before = handles()
    for (let i = 0; i < 200; i++) kernelRandom(['/dev/urandom', '/dev/null', directory][i % 3]).bytes(1)
    expect(handles() - before).toBeLessThan(60)
  })
})

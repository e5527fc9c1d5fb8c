import { describe, expect, test } from 'vitest'
import { EMPTY_IMAGE, FileContent, SECTOR_SIZE } from './file-image.ts'
import { SeededRandom } from './seeded-random.ts'
import { SimulatedFileSystem } from './simulated-file-system.ts'
import { StateHash } from './state-hash.ts'

function hashOfBytes(bytes: Uint8Array): number {
  const hash = new StateHash()
  hash.addBytes(bytes)
  return hash.digest()
}

describe('the hash of a state', () => {
  test('differs for every flipped bit, for lengths, and for order', () => {
    const bytes = new SeededRandom(1).bytes(515)
    const seen = new Set([hashOfBytes(bytes)])
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice()
      flipped[bit >>> 3] = (flipped[bit >>> 3] as number) ^ (1 << (bit & 7))
      seen.add(hashOfBytes(flipped))
    }
    expect(seen.size).toBe(515 * 8 + 1)
    expect(new Set([0, 1, 2, 3, 4, 5, 8].map((length) => hashOfBytes(new Uint8Array(length)))).size).toBe(7)
  })

  test('has no collisions among a hundred thousand small states', () => {
    const seen = new Set<number>()
    for (let i = 0; i < 100_000; i++) {
      const hash = new StateHash()
      hash.add(i)
      seen.add(hash.digest())
    }
    expect(seen.size).toBe(100_000)
  })

  test('is the same for the same files whatever their history, and for holes and zeros', () => {
    const one = new SimulatedFileSystem()
    one.open('/b', 'create').writeSync(new Uint8Array(2000), 0, 2000, 0)
    one.open('/a', 'create').close()
    const two = new SimulatedFileSystem()
    two.open('/x', 'create').close()
    two.rename('/x', '/a')
    two.open('/b', 'create').truncate(2000)
    expect(one.stateHash()).toBe(two.stateHash())
  })

  test('differs when a file has another name, place, length or byte', () => {
    const variants: ((fs: SimulatedFileSystem) => void)[] = [
      () => {},
      (fs) => fs.rename('/d/f', '/d/g'),
      (fs) => fs.rename('/d/f', '/f'),
      (fs) => fs.open('/d/f', 'write').truncate(99),
      (fs) => fs.open('/d/f', 'write').writeSync(new Uint8Array([8]), 0, 1, 50),
      (fs) => fs.open('/d/empty', 'create'),
      (fs) => fs.makeDirectory('/d/e'),
      (fs) => fs.unlink('/d/f'),
    ]
    const hashes = variants.map((change) => {
      const fs = new SimulatedFileSystem()
      fs.makeDirectory('/d')
      fs.open('/d/f', 'create').writeSync(new Uint8Array(100).fill(7), 0, 100, 0)
      change(fs)
      return fs.stateHash()
    })
    expect(new Set(hashes).size).toBe(variants.length)
  })
})

describe('a file content', () => {
  test('equals a plain array under random writes and cuts, and its images never change', () => {
    for (let seed = 0; seed < 50; seed++) {
      const random = new SeededRandom(seed)
      const content = new FileContent(EMPTY_IMAGE)
      let model = new Uint8Array(0)
      const images: { hash: number; image: ReturnType<FileContent['freeze']> }[] = []
      for (let step = 0; step < 60; step++) {
        if (random.chance(0.2)) {
          const size = random.int(4 * SECTOR_SIZE)
          content.truncate(size)
          const next = new Uint8Array(size)
          next.set(model.subarray(0, size))
          model = next
        } else {
          const data = random.bytes(1 + random.int(3 * SECTOR_SIZE))
          const position = random.int(model.length + 600)
          content.write(data, position)
          const next = new Uint8Array(Math.max(model.length, position + data.length))
          next.set(model)
          next.set(data, position)
          model = next
        }
        const found = new Uint8Array(model.length + 10)
        expect(content.read(found, 0, found.length, 0)).toBe(model.length)
        expect(Buffer.compare(found.subarray(0, model.length), model), `seed ${seed}`).toBe(0)
        if (random.chance(0.3)) images.push({ image: content.freeze(), hash: content.freeze().hash() })
      }
      for (const { image, hash } of images) {
        const copy = new FileContent(image)
        const bytes = new Uint8Array(image.size)
        copy.read(bytes, 0, bytes.length, 0)
        const again = new FileContent(EMPTY_IMAGE)
        again.write(bytes, 0)
        again.truncate(image.size)
        expect(again.freeze().hash()).toBe(hash)
      }
    }
  })
})

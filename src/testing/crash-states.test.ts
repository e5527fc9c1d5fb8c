/** The search through crash states: complete where it can be, honest about what it skips, and able to convict a careless writer. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { replaceFile, replaceFileSync } from '../io/durable-file.ts'
import type { FileSystem } from '../io/file-system.ts'
import type { CrashSearch, CrashState } from './crash-states.ts'
import { FaultFileSystem } from './fault-file-system.ts'
import type { CrashProfile } from './pending-unit.ts'
import { SeededRandom } from './seeded-random.ts'
import { SimulatedFileSystem } from './simulated-file-system.ts'

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const textOf = (fs: FileSystem, path: string): string | null => (fs.stat(path) === null ? null : Buffer.from(fs.readFile(path)).toString())

function diskWith(path: string, text: string): SimulatedFileSystem {
  const disk = new SimulatedFileSystem()
  const file = disk.open(path, 'create')
  file.writeSync(bytes(text), 0, text.length, 0)
  file.close()
  disk.settle()
  return disk
}

/** Everything on a disk, by path. */
function contents(disk: SimulatedFileSystem, directory = '/'): Map<string, Uint8Array | null> {
  const found = new Map<string, Uint8Array | null>()
  for (const { name, kind } of disk.readDirectory(directory)) {
    const path = `${directory}${name}`
    found.set(path, kind === 'directory' ? null : disk.readFile(path))
    if (kind === 'directory') for (const [below, content] of contents(disk, `${path}/`)) found.set(below, content)
  }
  return found
}

describe('a file replaced by replaceFile', () => {
  const old = 'old '.repeat(200)
  const fresh = 'new '.repeat(300)

  test.each(['strict', 'ext4-ordered', 'sequential'] as const)('is old or new at every moment and new once it returned (%s)', async (profile) => {
    const disk = diskWith('/checkpoint', old)
    replaceFileSync(disk, '/checkpoint', bytes(fresh))
    disk.mark('first')
    await replaceFile(disk, '/checkpoint', bytes(old))
    disk.mark('second')
    let states = 0
    for (const state of disk.crashStates({ profile })) {
      const text = textOf(state.restore(), '/checkpoint')
      expect([old, fresh], state.describe()).toContain(text)
      if (state.marks.length === 2) expect(text, state.describe()).toBe(old)
      states++
    }
    expect(states).toBeGreaterThan(profile === 'strict' ? 20 : 10)
  })

  const saboteurs: Readonly<Record<string, (fs: FileSystem, path: string, content: Uint8Array) => void>> = {
    'in place': (fs, path, content) => {
      const file = fs.open(path, 'write')
      file.truncate(0)
      file.writeSync(content, 0, content.length, 0)
      file.datasyncSync()
    },
    'without datasync': (fs, path, content) => {
      const file = fs.open(`${path}.tmp`, 'create')
      file.writeSync(content, 0, content.length, 0)
      fs.rename(`${path}.tmp`, path)
      fs.syncDirectorySync('/')
    },
    'with the datasync after the rename': (fs, path, content) => {
      const file = fs.open(`${path}.tmp`, 'create')
      file.writeSync(content, 0, content.length, 0)
      fs.rename(`${path}.tmp`, path)
      file.datasyncSync()
      fs.syncDirectorySync('/')
    },
    'without the sync of the directory': (fs, path, content) => {
      const file = fs.open(`${path}.tmp`, 'create')
      file.writeSync(content, 0, content.length, 0)
      file.datasyncSync()
      fs.rename(`${path}.tmp`, path)
    },
    'by delete and rename': (fs, path, content) => {
      const file = fs.open(`${path}.tmp`, 'create')
      file.writeSync(content, 0, content.length, 0)
      file.datasyncSync()
      fs.unlink(path)
      fs.rename(`${path}.tmp`, path)
      fs.syncDirectorySync('/')
    },
  }

  test.each(Object.entries(saboteurs))('%s would be found out', (_, replace) => {
    const disk = diskWith('/checkpoint', old)
    replace(disk, '/checkpoint', bytes(fresh))
    disk.mark('done')
    const bad = [...disk.crashStates()].filter((state) => {
      const text = textOf(state.restore(), '/checkpoint')
      return (text !== old && text !== fresh) || (state.marks.length === 1 && text !== fresh)
    })
    expect(bad.length).toBeGreaterThan(0)
  })
})

describe('the search', () => {
  function busyDisk(): SimulatedFileSystem {
    const disk = new SimulatedFileSystem()
    for (let i = 0; i < 6; i++) {
      const file = disk.open(`/f${i}`, 'create')
      file.writeSync(bytes('x'.repeat(700 + i)), 0, 700 + i, 0)
      if (i % 2 === 0) file.datasyncSync()
      disk.mark(`written ${i}`)
    }
    return disk
  }
  const hashes = (disk: SimulatedFileSystem, search?: CrashSearch): string[] => [...disk.crashStates(search)].map((state) => `${state.at} ${state.hash}`)

  test('tries every combination where there are few, and counts versions of one sector once', () => {
    const disk = diskWith('/f', 'a'.repeat(2048))
    const file = disk.open('/f', 'write')
    for (let sector = 0; sector < 4; sector++) file.writeSync(bytes(`${sector}`.repeat(512)), 0, 512, sector * 512)
    file.writeSync(bytes('z'.repeat(512)), 0, 512, 0)
    expect([...disk.crashStates({ at: 5 })]).toHaveLength(3 * 2 * 2 * 2)
    expect(disk.pendingUnits({ at: 4 })).toHaveLength(4)
    expect(disk.pendingUnits()).toHaveLength(5)
  })

  test('where there are many still tries nothing, everything, every single loss and every single survivor', () => {
    const disk = diskWith('/f', 'a'.repeat(20 * 512))
    const file = disk.open('/f', 'write')
    file.writeSync(bytes('b'.repeat(20 * 512)), 0, 20 * 512, 0)
    const seen = new Set([...disk.crashStates({ at: 1, maxSubsets: 50 })].map((state) => {
      const content = state.restore().readFile('/f')
      return Array.from({ length: 20 }, (_, sector) => String.fromCharCode(content[sector * 512] as number)).join('')
    }))
    const single = (i: number, one: string, others: string): string => one.padStart(i + 1, others).padEnd(20, others)
    const lines = Array.from({ length: 20 }, (_, i) => ['b'.repeat(i).padEnd(20, 'a'), single(i, 'b', 'a'), single(i, 'a', 'b')]).flat()
    for (const line of [...lines, 'a'.repeat(20), 'b'.repeat(20)]) expect(seen).toContain(line)
    expect(seen.size).toBeGreaterThan(lines.length + 20)
  })

  test('gives the same states for the same seed, and others for another', () => {
    const search = { maxExhaustive: 8, maxSubsets: 20 }
    expect(hashes(busyDisk(), { ...search, seed: 5 })).toEqual(hashes(busyDisk(), { ...search, seed: 5 }))
    expect(hashes(busyDisk(), { ...search, seed: 5 })).not.toEqual(hashes(busyDisk(), { ...search, seed: 6 }))
  })

  test('repeats no state, unless more was promised meanwhile', () => {
    const disk = diskWith('/f', 'old')
    const file = disk.open('/f', 'write')
    file.writeSync(bytes('new'), 0, 3, 0)
    file.datasyncSync()
    file.datasyncSync()
    disk.mark('told')
    const found = [...disk.crashStates()].map((state) => ({ at: state.at, marks: state.marks, text: textOf(state.restore(), '/f') }))
    expect(found).toEqual([
      { at: 0, marks: [], text: 'old' },
      { at: 1, marks: [], text: 'new' },
      { at: 4, marks: ['told'], text: 'new' },
    ])
  })

  test('the hash of a state is that of the disk restored from it, and restoring twice gives two disks', () => {
    for (const state of busyDisk().crashStates({ maxExhaustive: 8, maxSubsets: 5 })) {
      const [one, two] = [state.restore(), state.restore()]
      expect(one.stateHash()).toBe(state.hash)
      replaceFileSync(one, '/other', bytes('x'))
      expect(two.stateHash()).toBe(state.hash)
      expect(state.restore().stateHash()).toBe(state.hash)
    }
  })

  test('a state can be cut again: its own history starts with what survived', () => {
    const disk = diskWith('/f', 'old')
    const file = disk.open('/f', 'write')
    file.writeSync(bytes('new'), 0, 3, 0)
    const survivor = disk.survivors('keep-all')
    expect(survivor.operations).toEqual([])
    expect(textOf(survivor.survivors('lose-all'), '/f')).toBe('new')
    survivor.open('/f', 'write').writeSync(bytes('newer'), 0, 5, 0)
    expect(textOf(survivor.survivors('lose-all'), '/f')).toBe('new')
    expect(textOf(disk, '/f')).toBe('new')
  })

  test('a state says what was lost', () => {
    const disk = diskWith('/f', 'old')
    disk.open('/f', 'write').writeSync(bytes('new'), 0, 3, 0)
    disk.rename('/f', '/g')
    const texts = [...disk.crashStates({ at: 2 })].map((state) => state.describe())
    const [first, second] = disk.operations.map((operation) => operation.sequence)
    expect(texts).toContain(`power cut after 2 operations\n  lost: #${first} /f sector 0, bytes 0 to 3\n  kept: #${second} /f rename to /g`)
  })

  test('refuses a moment that never was', () => {
    expect(() => [...busyDisk().crashStates({ at: 1000 })]).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    expect(() => busyDisk().survivors('lose-all', { at: -1 })).toThrow(/no moment/)
    expect(() => new SimulatedFileSystem({ recordOperations: false }).crashStates()).toThrow(/not to record/)
  })
})

describe('a policy', () => {
  const disk = diskWith('/f', 'a'.repeat(1024))
  disk.open('/f', 'write').writeSync(bytes('b'.repeat(1024)), 0, 1024, 0)
  const under = (policy: Parameters<SimulatedFileSystem['survivors']>[0]): string => {
    const content = textOf(disk.survivors(policy), '/f') ?? ''
    return `${content[0]}${content[1023]}`
  }

  test('loses all, keeps all, keeps a prefix, or what a function says', () => {
    expect(under('lose-all')).toBe('aa')
    expect(under('keep-all')).toBe('bb')
    expect(under({ prefix: 1 })).toBe('ba')
    expect(under({ prefix: 99 })).toBe('bb')
    expect(under({ keep: (unit) => unit.kind === 'sector' && unit.index === 1 })).toBe('ab')
  })

  test('by seed is repeatable, and seeds differ', () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 40; seed++) {
      expect(under({ seed })).toBe(under({ seed }))
      seen.add(under({ seed }))
    }
    expect([...seen].sort()).toEqual(['aa', 'ab', 'ba', 'bb'])
  })
})

/** A second, slower account of the rules: what each byte may be, what must be there. */
describe('any history', () => {
  interface Step { readonly op: number; readonly file: number; readonly position: number; readonly length: number }
  const upTo = (max: number, min = 0): fc.Arbitrary<number> => fc.integer({ min, max })
  const step = fc.record({ op: upTo(9), file: upTo(2), position: upTo(1500), length: upTo(900, 1) })
  const paths = ['/a', '/b', '/d/c']

  function play(steps: readonly Step[], failingSyncs = false): { disk: SimulatedFileSystem; views: Map<string, Uint8Array | null>[] } {
    const disk = new SimulatedFileSystem()
    disk.makeDirectory('/d')
    disk.settle()
    const views = [contents(disk)]
    steps.forEach(({ op, file, position, length }, i) => {
      const before = disk.operations.length
      const path = paths[file] as string
      const other = paths[(file + 1) % 3] as string
      const there = disk.stat(path) !== null
      if (op <= 3) disk.open(path, 'create').writeSync(new Uint8Array(length).fill(i + 1), 0, length, position % ((disk.stat(path)?.size ?? 0) + 1))
      else if (op === 4 && there) disk.open(path, 'write').truncate(position % 1000)
      else if (op === 5 && there) disk.open(path, 'write').datasyncSync()
      else if (op === 6) disk.syncDirectorySync(position % 2 === 0 ? '/' : '/d')
      else if (op === 7 && there) disk.rename(path, other)
      else if (op === 8) disk.unlink(path)
      else if (op === 9 && there && failingSyncs) failSync(disk, path)
      // A step may be several operations (create, then write): the views between them are of no use here.
      for (let at = before; at < disk.operations.length; at++) views.push(contents(disk))
    })
    return { disk, views }
  }

  function failSync(disk: SimulatedFileSystem, path: string): void {
    const faults = new FaultFileSystem(disk)
    faults.inject({ call: 'datasync', error: 'EIO' })
    expect(() => faults.open(path, 'write').datasyncSync()).toThrow()
  }

  const statesIn = (disk: SimulatedFileSystem, profile: CrashProfile): CrashState[] =>
    [...disk.crashStates({ at: disk.operations.length, profile, maxExhaustive: 4096, maxSubsets: 100 })]

  test('keeping everything is what the process saw', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const { disk } = play(steps, true)
      for (const profile of ['strict', 'ext4-ordered', 'sequential'] as const) {
        expect(contents(disk.survivors('keep-all', { profile }))).toEqual(contents(disk))
        expect(disk.survivors('keep-all', { profile }).stateHash()).toBe(disk.stateHash())
      }
    }), { numRuns: 150 })
  })

  test('each byte left is one that was once written there, or zero, and each size one the file had or passed', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const { disk, views } = play(steps, true)
      const everWritten = new Set([0, ...steps.map((_, i) => i + 1)])
      const largest = Math.max(0, ...views.flatMap((view) => [...view.values()].map((content) => content?.length ?? 0)))
      for (const state of statesIn(disk, 'strict')) {
        for (const content of contents(state.restore()).values()) {
          expect(content?.length ?? 0).toBeLessThanOrEqual(largest)
          for (const byte of content ?? []) if (!everWritten.has(byte)) throw new Error(`${byte} was never written`)
        }
      }
    }), { numRuns: 60 })
  })

  test('what ext4 or a sequential disk may leave, POSIX may leave too', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 7 }), (steps) => {
      const { disk } = play(steps)
      const strict = statesIn(disk, 'strict')
      fc.pre(strict.length < 4000)
      const allowed = new Set(strict.map((state) => state.hash))
      const units = disk.pendingUnits().length
      fc.pre(units <= 9)
      for (const profile of ['ext4-ordered', 'sequential'] as const) {
        for (const state of statesIn(disk, profile)) expect(allowed, `${profile} ${state.describe()}`).toContain(state.hash)
      }
    }), { numRuns: 200 })
  })

  test('after a sync of every file and every directory only one state is left', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const { disk } = play(steps)
      for (const path of paths) if (disk.stat(path) !== null) disk.open(path, 'write').datasyncSync()
      for (const path of ['/', '/d']) disk.syncDirectorySync(path)
      const states = statesIn(disk, 'strict')
      expect(states.map((state) => state.hash)).toEqual([disk.stateHash()])
    }), { numRuns: 100, examples: [[[[0, 1, 0], [0, 0, 0], [7, 0, 0], [7, 1, 0], [6, 0, 379]].map(([op, file, position]) => ({ op: op!, file: file!, position: position!, length: 1 }))]] })
  })
})

describe('copies of disks', () => {
  test('share sectors instead of copying them', () => {
    const disk = new SimulatedFileSystem()
    const file = disk.open('/big', 'create')
    const block = new SeededRandom(1).bytes(1 << 20)
    for (let i = 0; i < 8; i++) file.writeSync(block, 0, block.length, i << 20)
    disk.settle()
    for (let i = 0; i < 10; i++) file.writeSync(bytes(`${i}`), 0, 1, i * 512)
    const before = process.memoryUsage().arrayBuffers
    const disks = [...disk.crashStates({ at: 10 })].map((state) => state.restore())
    expect(disks).toHaveLength(1024)
    // A thousand disks of 8 MiB each.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 << 20)
  })
})

/** The durability contract of the FileSystem port, rule by rule, with the states that break each rule when a sync is left out. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { FileHandle } from '../io/file-system.ts'
import type { CrashSearch } from './crash-states.ts'
import { FaultFileSystem } from './fault-file-system.ts'
import type { CrashProfile } from './pending-unit.ts'
import { SimulatedFileSystem } from './simulated-file-system.ts'

let fs: SimulatedFileSystem
beforeEach(() => { fs = new SimulatedFileSystem() })

const write = (file: FileHandle, text: string, position: number): void => file.writeSync(Buffer.from(text), 0, text.length, position)

function shorten(text: string): string { return text.replace(/(.)\1{9,}/gs, (run) => `${run[0] === '\0' ? '0' : run[0]}×${run.length}`) }

/** Text of every file by path; runs of a repeated character are shortened to "a×512". */
function show(disk: SimulatedFileSystem, directory = '/'): string {
  const parts: string[] = []
  for (const { name, kind } of disk.readDirectory(directory)) {
    const path = `${directory}${name}`
    if (kind === 'directory') parts.push(`${path}/`, show(disk, `${path}/`))
    else parts.push(`${path}=${shorten(Buffer.from(disk.readFile(path)).toString('latin1'))}`)
  }
  return parts.filter((part) => part !== '').join(' ')
}

const statesOf = (search: CrashSearch = { at: fs.operations.length }): string[] => [...fs.crashStates(search)].map((state) => show(state.restore())).sort()

/** A durable file with the given content, open for writing. */
function durableFile(path: string, text: string): FileHandle {
  const file = fs.open(path, 'create')
  if (text.length > 0) write(file, text, 0)
  fs.settle()
  return file
}

describe('data', () => {
  test('is durable after write, datasync of the file and sync of its directory', () => {
    const file = fs.open('/f', 'create')
    write(file, 'data', 0)
    file.datasyncSync()
    fs.syncDirectorySync('/')
    expect(statesOf()).toEqual(['/f=data'])
    expect(fs.pendingUnits()).toEqual([])
  })

  test('may be lost without a sync, with or without its size', () => {
    write(durableFile('/f', ''), 'data', 0)
    expect(statesOf()).toEqual(['/f=', '/f=\0\0\0\0', '/f=data'])
  })

  test('that is durable survives a later append to the same sector', () => {
    write(durableFile('/f', 'old'), '+new', 3)
    expect(statesOf()).toEqual(['/f=old', '/f=old\0\0\0\0', '/f=old+new'])
  })

  test('is not covered by a sync that started before the write returned', async () => {
    const file = durableFile('/f', 'old')
    const syncing = file.datasync()
    write(file, 'new', 0)
    await syncing
    expect(statesOf()).toEqual(['/f=new', '/f=old'])
    await file.datasync()
    expect(statesOf()).toEqual(['/f=new'])
  })

  test('of an asynchronous write is not covered by a sync that starts while the write is under way', async () => {
    const file = durableFile('/f', 'old')
    await Promise.all([file.write(Buffer.from('new'), 0, 3, 0), file.datasync()])
    expect(statesOf()).toEqual(['/f=new', '/f=old'])
  })

  test('is not covered by the sync of another file, nor of the directory', () => {
    write(durableFile('/f', 'old'), 'new', 0)
    const other = fs.open('/g', 'create')
    other.datasyncSync()
    fs.syncDirectorySync('/')
    expect(statesOf()).toEqual(['/f=new /g=', '/f=old /g='])
  })

  test('synced through one handle is durable for all', () => {
    write(durableFile('/f', 'old'), 'new', 0)
    fs.open('/f', 'write').datasyncSync()
    expect(statesOf()).toEqual(['/f=new'])
  })

  test('of several versions of a sector any may be the one on the disk', () => {
    const file = durableFile('/f', '0')
    for (const version of ['1', '2', '3']) write(file, version, 0)
    expect(statesOf()).toEqual(['/f=0', '/f=1', '/f=2', '/f=3'])
    expect(fs.pendingUnits().map((unit) => unit.kind)).toEqual(['sector', 'sector', 'sector'])
  })

  test('tears at sectors: each survives on its own', () => {
    const file = durableFile('/f', 'a'.repeat(1024))
    write(file, 'b'.repeat(1024), 0)
    expect(statesOf()).toEqual(['/f=a×1024', '/f=a×512b×512', '/f=b×1024', '/f=b×512a×512'])
  })
})

describe('the size of a file', () => {
  test('may be that of any append, whatever data is there', () => {
    const file = durableFile('/f', '')
    write(file, 'ab', 0)
    write(file, 'cd', 2)
    expect(statesOf()).toEqual(['/f=', '/f=\0\0', '/f=\0\0\0\0', '/f=ab', '/f=ab\0\0', '/f=abcd'])
  })

  test('may stop at a sector inside a long append', () => {
    write(durableFile('/f', ''), 'x'.repeat(1200), 0)
    const sizes = new Set([...fs.crashStates({ at: 1 })].map((state) => state.restore().stat('/f')?.size))
    expect([...sizes].sort((a = 0, b = 0) => a - b)).toEqual([0, 512, 1024, 1200])
  })

  test('may stop at a page inside a very long append', () => {
    write(durableFile('/f', ''), 'x'.repeat(20_000), 0)
    const sizes = new Set([...fs.crashStates({ at: 1, profile: 'sequential' })].map((state) => state.restore().stat('/f')?.size))
    expect([...sizes]).toEqual([0, 4096, 8192, 12_288, 16_384, 20_000])
  })

  test('may be old or new after truncate, and data behind a lost cut comes back', () => {
    const file = durableFile('/f', 'abcdef')
    file.truncate(2)
    expect(statesOf()).toEqual(['/f=ab', '/f=abcdef'])
    file.datasyncSync()
    expect(statesOf()).toEqual(['/f=ab'])
  })

  test('after truncate and append may be any of the three, with old bytes, zeros or new ones behind the cut', () => {
    const file = durableFile('/f', 'abcdef')
    file.truncate(2)
    write(file, 'XY', 2)
    expect(statesOf()).toEqual(['/f=ab', '/f=ab\0\0', '/f=abXY', '/f=abXY\0\0', '/f=abcd', '/f=abcdef'])
  })
})

describe('a name', () => {
  test('of a new file may vanish with its synced data while the directory is not synced', () => {
    const file = fs.open('/f', 'create')
    write(file, 'data', 0)
    file.datasyncSync()
    expect(statesOf()).toEqual(['', '/f=data'])
    expect(fs.survivors('lose-all').stat('/f')).toBeNull()
  })

  test('whose directory was synced leads to a file that may be empty', () => {
    write(fs.open('/f', 'create'), 'data', 0)
    fs.syncDirectorySync('/')
    expect(statesOf()).toEqual(['/f=', '/f=\0\0\0\0', '/f=data'])
  })

  test('is durable by the sync of its own directory only', () => {
    fs.makeDirectory('/d')
    fs.settle()
    fs.open('/d/f', 'create')
    fs.syncDirectorySync('/')
    expect(statesOf()).toEqual(['/d/', '/d/ /d/f='])
    fs.syncDirectorySync('/d')
    expect(statesOf()).toEqual(['/d/ /d/f='])
  })

  test('in a new directory is lost with the directory until the parent was synced', () => {
    fs.makeDirectory('/d')
    const file = fs.open('/d/f', 'create')
    file.datasyncSync()
    fs.syncDirectorySync('/d')
    expect(statesOf()).toEqual(['', '/d/ /d/f='])
    fs.syncDirectorySync('/')
    expect(statesOf()).toEqual(['/d/ /d/f='])
  })

  test('may come back after unlink, with its content', () => {
    durableFile('/f', 'alive').close()
    fs.unlink('/f')
    expect(statesOf()).toEqual(['', '/f=alive'])
    fs.syncDirectorySync('/')
    expect(statesOf()).toEqual([''])
  })

  test('is old or new after rename, never both and never neither', () => {
    durableFile('/old', 'x').close()
    fs.rename('/old', '/new')
    expect(statesOf()).toEqual(['/new=x', '/old=x'])
  })

  test('that a rename replaces holds the old or the new file, whole', () => {
    durableFile('/f', 'old').close()
    durableFile('/f.tmp', 'new').close()
    fs.rename('/f.tmp', '/f')
    expect(statesOf()).toEqual(['/f=new', '/f=old /f.tmp=new'])
  })

  test('stays single when of two renames only the second survives', () => {
    durableFile('/a', 'x').close()
    fs.rename('/a', '/b')
    fs.rename('/b', '/c')
    expect(statesOf()).toEqual(['/a=x', '/b=x', '/c=x'])
  })

  test('of a directory moves with all below', () => {
    fs.makeDirectory('/d')
    durableFile('/d/f', 'x').close()
    fs.rename('/d', '/e')
    expect(statesOf()).toEqual(['/d/ /d/f=x', '/e/ /e/f=x'])
  })

  test.each(['/', '/d'])('that moves to another directory is in one of them, and durable by the sync of either (%s)', (synced) => {
    fs.makeDirectory('/d')
    durableFile('/f', 'x').close()
    fs.rename('/f', '/d/f')
    expect(statesOf()).toEqual(['/d/ /d/f=x', '/d/ /f=x'])
    fs.syncDirectorySync(synced)
    expect(statesOf()).toEqual(['/d/ /d/f=x'])
  })

  test('that moved for good is not taken back by the older, unsynced making of the file elsewhere', () => {
    fs.makeDirectory('/d')
    fs.settle()
    fs.open('/d/f', 'create').close()
    fs.rename('/d/f', '/g')
    fs.syncDirectorySync('/')
    expect(statesOf()).toEqual(['/d/ /g='])
    fs.syncDirectorySync('/d')
    expect(statesOf()).toEqual(['/d/ /g='])
  })

  test('taken again after unlink may lead to the old file, the new one, or nothing', () => {
    durableFile('/f', 'old').close()
    fs.unlink('/f')
    const file = fs.open('/f', 'createNew')
    write(file, 'new', 0)
    file.datasyncSync()
    expect(statesOf()).toEqual(['', '/f=new', '/f=old'])
  })

  test('under a removed directory may come back in part', async () => {
    fs.makeDirectory('/d')
    durableFile('/d/f', 'x').close()
    await fs.removeDirectory('/d')
    expect(statesOf()).toEqual(['', '/d/', '/d/ /d/f=x'])
  })
})

describe('rename before the data is durable', () => {
  const replace = (syncData: boolean): void => {
    durableFile('/f', 'old').close()
    const file = fs.open('/f.tmp', 'create')
    write(file, 'new', 0)
    if (syncData) file.datasyncSync()
    fs.rename('/f.tmp', '/f')
    fs.syncDirectorySync('/')
  }

  test('can leave an empty file in the place of a good one', () => {
    replace(false)
    expect(statesOf()).toContain('/f=')
  })

  test('after the data is durable cannot', () => {
    replace(true)
    expect(statesOf()).toEqual(['/f=new'])
  })
})

describe('a datasync that failed', () => {
  test('strands what was pending: the next good one does not cover it, though reads show it', () => {
    const faults = new FaultFileSystem(fs)
    durableFile('/f', 'old').close()
    const file = faults.open('/f', 'write')
    write(file, 'new', 0)
    faults.inject({ call: 'datasync', error: 'EIO' })
    expect(() => file.datasyncSync()).toThrow(expect.objectContaining({ code: 'KAFKA_STORAGE_ERROR' }))
    file.datasyncSync()
    expect(Buffer.from(fs.readFile('/f')).toString()).toBe('new')
    expect(statesOf()).toEqual(['/f=new', '/f=old'])
  })

  test('leaves what was stranded behind a later, durable cut behind it for good', () => {
    const faults = new FaultFileSystem(fs)
    durableFile('/f', 'old').close()
    const file = faults.open('/f', 'write')
    write(file, 'stranded', 0)
    faults.inject({ call: 'datasync', error: 'EIO' })
    expect(() => file.datasyncSync()).toThrow()
    file.truncate(5)
    file.truncate(8)
    file.datasyncSync()
    expect(statesOf()).toEqual(['/f=old\0\0\0\0\0', '/f=stran\0\0\0'])
    expect(fs.pendingUnits()).toMatchObject([{ kind: 'sector', from: 0, to: 5 }])
  })

  test('does not strand what is written again and synced', () => {
    const faults = new FaultFileSystem(fs)
    durableFile('/f', 'old').close()
    const file = faults.open('/f', 'write')
    write(file, 'new', 0)
    faults.inject({ call: 'datasync', error: 'EIO' })
    expect(() => file.datasyncSync()).toThrow()
    write(file, 'NEW', 0)
    file.datasyncSync()
    expect(statesOf()).toEqual(['/f=NEW'])
  })
})

describe('profiles', () => {
  const statesIn = (profile: CrashProfile): string[] => statesOf({ at: fs.operations.length, profile })

  test('sequential keeps a prefix of what happened, across files', () => {
    const [f, g] = [durableFile('/f', ''), durableFile('/g', '')]
    write(f, 'a', 0)
    write(g, 'b', 0)
    expect(statesIn('sequential')).toEqual(['/f= /g=', '/f=a /g=', '/f=a /g=b'])
    expect(statesIn('strict')).toHaveLength(9)
    g.datasyncSync()
    expect(statesIn('sequential')).toEqual(['/f=a /g=b'])
  })

  test('ext4-ordered never shows a size without its data, and files grow on their own', () => {
    const [f, g] = [durableFile('/f', ''), durableFile('/g', '')]
    write(f, 'a', 0)
    write(g, 'b', 0)
    expect(statesIn('ext4-ordered')).toEqual(['/f= /g=', '/f= /g=b', '/f=a /g=', '/f=a /g=b'])
  })

  test('ext4-ordered keeps names in order, and a sync that grows a file commits them', () => {
    const f = durableFile('/f', '')
    fs.open('/1', 'create')
    fs.open('/2', 'create')
    expect(statesIn('ext4-ordered')).toEqual(['/1= /2= /f=', '/1= /f=', '/f='])
    write(f, 'a', 0)
    f.datasyncSync()
    expect(statesIn('ext4-ordered')).toEqual(['/1= /2= /f=a'])
    expect(statesIn('strict')).toHaveLength(4)
  })

  test('ext4-ordered leaves overwrites free', () => {
    write(durableFile('/f', 'a'.repeat(1024)), 'b'.repeat(1024), 0)
    expect(statesIn('ext4-ordered')).toHaveLength(4)
  })
})

describe('damage', () => {
  test('reaches only bytes that were being written', () => {
    const file = durableFile('/f', 'a'.repeat(512))
    write(file, 'b'.repeat(100), 200)
    const states = [...fs.crashStates({ at: 1, damage: true, maxSubsets: 200 })].map((state) => Buffer.from(state.restore().readFile('/f')).toString('latin1'))
    for (const state of states) {
      expect(state.slice(0, 200)).toBe('a'.repeat(200))
      expect(state.slice(300)).toBe('a'.repeat(212))
    }
    const middles = new Set(states.map((state) => state.slice(200, 300)))
    for (const wanted of ['a'.repeat(100), 'b'.repeat(100), '\0'.repeat(100), 'b'.repeat(50) + 'a'.repeat(50)]) expect(middles).toContain(wanted)
    expect(middles.size).toBe(5)
  })
})

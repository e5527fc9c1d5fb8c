import { describe, expect, test } from 'vitest'
import { fileSystemContract } from './contracts/file-system-contract.ts'
import { FaultFileSystem } from './fault-file-system.ts'
import { ManualClock } from './manual-clock.ts'
import { SimulatedFileSystem } from './simulated-file-system.ts'

function subject(): { fs: SimulatedFileSystem; directory: string; dispose: () => void } {
  const fs = new SimulatedFileSystem()
  fs.makeDirectory('/data')
  return { fs, directory: '/data', dispose: () => {} }
}

describe('SimulatedFileSystem keeps the file system contract', () => {
  fileSystemContract({ test, make: subject })
})

describe('SimulatedFileSystem without a log keeps the file system contract', () => {
  fileSystemContract({ test, make: () => {
    const fs = new SimulatedFileSystem({ recordOperations: false })
    fs.makeDirectory('/data')
    return { fs, directory: '/data', dispose: () => {} }
  } })
})

describe('FaultFileSystem without a fault keeps the file system contract', () => {
  fileSystemContract({ test, make: () => {
    const { fs, directory, dispose } = subject()
    return { fs: new FaultFileSystem(fs), directory, dispose }
  } })
})


const data = (length: number): Uint8Array => new Uint8Array(length).fill(7)

describe('a simulated disk of limited size', () => {
  test('takes what fits, leaves it in the file, and says DISK_FULL', async () => {
    const fs = new SimulatedFileSystem({ capacityBytes: 2048 })
    const file = fs.open('/f', 'create')
    file.writeSync(data(1000), 0, 1000, 0)
    expect(fs.info('/').freeBytes).toBe(1024)
    expect(() => file.writeSync(data(2000), 0, 2000, 1000)).toThrow(expect.objectContaining({ code: 'DISK_FULL', position: 1000 }))
    expect(file.size()).toBe(2048)
    await expect(file.write(data(1), 0, 1, 2048)).rejects.toMatchObject({ code: 'DISK_FULL', cause: { code: 'ENOSPC' } })
    expect(file.size()).toBe(2048)
    expect(fs.operations.filter((operation) => operation.kind === 'write').map((operation) => operation.data.length)).toEqual([1000, 1048])
  })

  test('takes overwrites of what is there while it is full, and more when room comes back', () => {
    const fs = new SimulatedFileSystem({ capacityBytes: 1024 })
    const file = fs.open('/f', 'create')
    file.writeSync(data(1024), 0, 1024, 0)
    file.writeSync(data(1024), 0, 1024, 0)
    file.truncate(512)
    file.writeSync(data(512), 0, 512, 512)
    fs.capacityBytes = 4096
    file.writeSync(data(3072), 0, 3072, 1024)
    expect(fs.info('/').freeBytes).toBe(0)
    expect(fs.survivors('keep-all').usedBytes).toBe(4096)
  })

  test('gets its room back from a deleted file once the last handle is closed', () => {
    const fs = new SimulatedFileSystem({ capacityBytes: 1024 })
    const file = fs.open('/f', 'create')
    file.writeSync(data(1024), 0, 1024, 0)
    fs.rename('/f', '/g')
    expect(fs.usedBytes).toBe(1024)
    fs.unlink('/g')
    expect(fs.usedBytes).toBe(1024)
    file.close()
    expect(fs.usedBytes).toBe(0)
  })

  test('does not count holes', () => {
    const fs = new SimulatedFileSystem()
    const file = fs.open('/f', 'create')
    file.writeSync(data(1), 0, 1, 1e9)
    file.truncate(2e9)
    expect(fs.usedBytes).toBe(512)
    expect(file.size()).toBe(2e9)
  })
})

describe('a simulated disk', () => {
  test('writes down each change with its data, in order, with the time and the marks between', async () => {
    const clock = new ManualClock(1000)
    const fs = new SimulatedFileSystem({ clock })
    fs.makeDirectory('/d')
    const file = fs.open('/d/f', 'create')
    clock.advance(5)
    await file.write(Buffer.from('abc'), 0, 3, 0)
    fs.mark('ack')
    await file.datasync()
    file.truncate(1)
    fs.rename('/d/f', '/d/g')
    await fs.syncDirectory('/d')
    fs.unlink('/d/g')
    expect(fs.operations.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      'makeDirectory /d', 'create /d/f', 'write /d/f', 'mark ack', 'datasync /d/f', 'truncate /d/f', 'rename /d/f', 'syncDirectory /d', 'unlink /d/g',
    ])
    expect(fs.operations.map((operation) => operation.sequence)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect(fs.operations[2]).toMatchObject({ position: 0, data: new Uint8Array([97, 98, 99]), timeMs: 1005 })
    expect(fs.stat('/d')?.modifiedMs).toBe(1005)
  })

  test('reports a buffer that changes while its write is under way', async () => {
    const file = new SimulatedFileSystem().open('/f', 'create')
    const buffer = data(100)
    const writing = file.write(buffer, 10, 50, 0)
    buffer[30] = 8
    await expect(writing).rejects.toMatchObject({ code: 'INTERNAL', message: expect.stringContaining('changed while the write was under way') })
    expect(file.size()).toBe(0)
    const untouched = file.write(buffer, 10, 50, 0)
    buffer[60] = 9
    await untouched
  })

  test('completes asynchronous calls when it is told to', async () => {
    const completions: (() => void)[] = []
    const fs = new SimulatedFileSystem({ defer: (complete) => completions.push(complete) })
    const file = fs.open('/f', 'create')
    const settled: string[] = []
    const first = file.write(data(4), 0, 4, 0).then(() => settled.push('first'))
    const second = file.write(data(4), 0, 4, 4).then(() => settled.push('second'))
    expect([file.size(), completions.length]).toEqual([0, 2])
    completions[1]?.()
    await second
    expect([file.size(), settled]).toEqual([8, ['second']])
    completions[0]?.()
    await first
    expect(settled).toEqual(['second', 'first'])
  })

  test('does not keep the bytes of a caller', () => {
    const fs = new SimulatedFileSystem()
    const buffer = data(1024)
    fs.open('/f', 'create').writeSync(buffer, 0, 1024, 0)
    buffer.fill(9)
    expect(fs.readFile('/f')[0]).toBe(7)
    fs.readFile('/f').fill(9)
    expect(fs.readFile('/f')[0]).toBe(7)
  })

  test('goes on after settle with handles of files deleted before', () => {
    const fs = new SimulatedFileSystem()
    const file = fs.open('/f', 'create')
    fs.unlink('/f')
    fs.settle()
    file.writeSync(data(10), 0, 10, 0)
    file.datasyncSync()
    expect([...fs.crashStates()].map((state) => state.restore().readDirectory('/'))).toEqual([[]])
  })

  test('keeps modification times through a power cut', () => {
    const clock = new ManualClock(1000)
    const fs = new SimulatedFileSystem({ clock })
    fs.open('/a', 'create').close()
    fs.open('/b', 'create').close()
    fs.setModifiedTime('/b', 77)
    clock.advance(9)
    fs.open('/c', 'create').writeSync(data(1), 0, 1, 0)
    const survivor = fs.survivors('keep-all')
    expect(['/a', '/b', '/c'].map((path) => survivor.stat(path)?.modifiedMs)).toEqual([1000, 77, 1009])
  })
})

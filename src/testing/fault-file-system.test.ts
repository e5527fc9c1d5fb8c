import { beforeEach, describe, expect, test } from 'vitest'
import { replaceFile } from '../io/durable-file.ts'
import { FaultFileSystem } from './fault-file-system.ts'
import { SimulatedFileSystem } from './simulated-file-system.ts'

let disk: SimulatedFileSystem
let faults: FaultFileSystem
beforeEach(() => {
  disk = new SimulatedFileSystem()
  faults = new FaultFileSystem(disk)
})

const bytes = new Uint8Array([1, 2, 3, 4])
const codeOf = async (run: () => unknown): Promise<string> => {
  try {
    await run()
    return 'fine'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('a fault', () => {
  test('strikes the N-th call of its kind, once', async () => {
    const file = faults.open('/f', 'create')
    faults.inject({ call: 'write', nth: 2, error: 'ENOSPC' })
    const write = (): void => file.writeSync(bytes, 0, 4, 0)
    const outcomes = [await codeOf(write), await codeOf(() => file.datasyncSync()), await codeOf(write), await codeOf(write)]
    expect(outcomes).toEqual(['fine', 'fine', 'DISK_FULL', 'fine'])
    expect([faults.injected, faults.calls('write'), faults.calls('datasync'), faults.calls('rename'), faults.calls('any')]).toEqual([1, 3, 1, 0, 5])
  })

  test('that is sticky strikes all later calls too, until healed', async () => {
    faults.inject({ call: 'open', nth: 2, sticky: true, error: 'EMFILE' })
    const open = (): unknown => faults.open('/f', 'create')
    expect([await codeOf(open), await codeOf(open), await codeOf(open)]).toEqual(['fine', 'TOO_MANY_OPEN_FILES', 'TOO_MANY_OPEN_FILES'])
    faults.heal()
    expect(await codeOf(open)).toBe('fine')
    expect(faults.injected).toBe(2)
  })

  test('with a path counts only calls on it', async () => {
    faults.inject({ call: 'any', nth: 2, error: 'EIO', path: /\.log$/ })
    const log = faults.open('/a.log', 'create')
    const index = faults.open('/a.index', 'create')
    expect(await codeOf(() => index.writeSync(bytes, 0, 4, 0))).toBe('fine')
    expect(await codeOf(() => log.writeSync(bytes, 0, 4, 0))).toBe('KAFKA_STORAGE_ERROR')
  })

  test('of a write can leave a part of it in the file, as a disk does that fills up', async () => {
    const file = faults.open('/f', 'create')
    for (const write of [() => file.writeSync(bytes, 0, 4, 0), () => file.write(bytes, 0, 4, 0)]) {
      file.truncate(0)
      faults.inject({ call: 'write', error: 'ENOSPC', written: 3 })
      expect(await codeOf(write)).toBe('DISK_FULL')
      expect([...disk.readFile('/f')]).toEqual([1, 2, 3])
      faults.heal()
    }
  })

  test('takes the place of the call', async () => {
    faults.inject({ call: 'any', sticky: true, error: 'EACCES' })
    const calls: (() => unknown)[] = [
      () => faults.open('/f', 'create'), () => faults.stat('/'), () => faults.readDirectory('/'),
      () => faults.makeDirectory('/d'), () => faults.rename('/a', '/b'),
      () => faults.unlink('/f'), () => faults.unlinkAsync('/f'), () => faults.removeDirectory('/d'),
      () => faults.readFile('/f'), () => faults.setModifiedTime('/', 1),
      () => faults.syncDirectory('/'), () => faults.syncDirectorySync('/'), () => faults.info('/'), () => faults.realPath('/'),
    ]
    for (const call of calls) expect(await codeOf(call)).toBe('DIRECTORY_UNUSABLE')
    expect(faults.injected).toBe(calls.length)
    expect(disk.operations).toEqual([])
  })

  test('reaches every call of a workload in a loop over N', async () => {
    let n = 0
    for (let nth = 1; ; nth++) {
      const target = new FaultFileSystem(new SimulatedFileSystem())
      target.inject({ call: 'any', nth, error: 'EIO' })
      const outcome = await codeOf(() => replaceFile(target, '/f', bytes))
      if (target.injected === 0) {
        expect(outcome).toBe('fine')
        break
      }
      expect(outcome).toBe('KAFKA_STORAGE_ERROR')
      n = nth
    }
    // open, truncate, write, datasync, rename, syncDirectory
    expect(n).toBe(6)
  })
})

describe('a sync that is held back', () => {
  test('does not finish before it is let go, and covers only what was written before it began', async () => {
    const file = faults.open('/f', 'create')
    disk.settle()
    file.writeSync(bytes, 0, 4, 0)
    const hold = faults.holdSyncs(/f$/)
    let done = false
    const syncing = file.datasync().then(() => { done = true })
    file.writeSync(bytes, 0, 4, 4)
    await Promise.resolve()
    expect([done, hold.waiting]).toEqual([false, 1])
    expect(disk.survivors('lose-all').stat('/f')?.size).toBe(0)
    hold.release()
    await syncing
    expect(disk.survivors('lose-all').stat('/f')?.size).toBe(4)
    await file.datasync()
    expect(disk.survivors('lose-all').stat('/f')?.size).toBe(8)
  })

  test('can be of a directory, and can fail in the end', async () => {
    const hold = faults.holdSyncs()
    const file = faults.open('/f', 'create')
    const syncing = faults.syncDirectory('/')
    faults.inject({ call: 'datasync', error: 'EIO' })
    const failing = codeOf(() => file.datasync())
    await Promise.resolve()
    expect(hold.waiting).toBe(2)
    hold.release()
    await syncing
    expect(await failing).toBe('KAFKA_STORAGE_ERROR')
    expect(disk.survivors('lose-all').stat('/f')?.size).toBe(0)
  })
})

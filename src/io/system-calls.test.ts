/**
 * Every call to the operating system behind the FileSystem port fails once: the caller learns it by the code of the table, with file and position, and nothing
 * stays open. The calls themselves are the real ones.
 */
import * as nodeFs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ErrorCode, OttlaError } from '../common/errors.ts'
import { SocketDirectory } from './socket-directory.ts'
import { NodeFileSystem, nodeFileSystem } from './node-file-system.ts'

type Call = 'closeSync' | 'fdatasync' | 'fdatasyncSync' | 'fstatSync' | 'fsync' | 'fsyncSync' | 'ftruncateSync' | 'mkdirSync' | 'openSync' | 'read'
  | 'readSync' | 'readdirSync' | 'readFileSync' | 'realpathSync' | 'renameSync' | 'rm' | 'statfsSync' | 'statSync' | 'symlinkSync' | 'unlink' | 'unlinkSync'
  | 'utimesSync' | 'write' | 'writeSync'
interface Fault { readonly code: string; times: number }
type AnyCall = (...args: unknown[]) => unknown

const { faults, replaced } = vi.hoisted(() => ({ faults: new Map<string, Fault>(), replaced: new Map<string, AnyCall>() }))

/** The real module; a call that has a fault ends with it, as the system would say it: an exception, or the argument of the callback. */
vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<Record<string, unknown>>()
  const failing = (name: string, call: AnyCall): AnyCall => Object.assign((...args: unknown[]): unknown => {
    const fault = faults.get(name)
    if (fault === undefined || fault.times === 0) return (replaced.get(name) ?? call)(...args)
    fault.times--
    const error = Object.assign(new Error(`${fault.code}: injected, ${name}`), { code: fault.code })
    const callback = args.at(-1)
    if (typeof callback !== 'function') throw error
    setImmediate(() => (callback as AnyCall)(error))
    return undefined
  }, name === 'realpathSync' ? { native: (...args: unknown[]) => failing(name, (call as unknown as { native: AnyCall }).native)(...args) } : {})
  const calls = Object.entries(real).filter(([name, value]) => typeof value === 'function' && /^[a-z]/.test(name))
  return { ...real, ...Object.fromEntries(calls.map(([name, value]) => [name, failing(name, value as AnyCall)])) }
})

let directory = ''
beforeEach(() => { directory = nodeFs.mkdtempSync(join(tmpdir(), 'ottla-calls-')) })
afterEach(() => {
  faults.clear()
  replaced.clear()
  nodeFs.rmSync(directory, { recursive: true, force: true })
})

function fail(call: Call, code: string, times = 1): void { faults.set(call, { code, times }) }

async function refused(run: () => unknown): Promise<OttlaError> {
  try {
    await run()
  } catch (error) {
    return error as OttlaError
  }
  throw new Error('it succeeded')
}

const openDescriptors = (): number => (process.platform === 'linux' ? nodeFs.readdirSync('/proc/self/fd').length : 0)
const bytes = new Uint8Array(8)

/** What a caller does on an open file `f`, by the call that it ends in. */
const onFile: readonly (readonly [Call, string, (file: ReturnType<typeof nodeFileSystem.open>) => unknown, number | undefined])[] = [
  ['fstatSync', 'ask the size of', (file) => file.size(), undefined],
  ['readSync', 'read 8 bytes at 3 of', (file) => file.readSync(bytes, 0, 8, 3), 3],
  ['read', 'read 8 bytes at 3 of', (file) => file.read(bytes, 0, 8, 3), 3],
  ['writeSync', 'write 8 bytes at 3 of', (file) => file.writeSync(bytes, 0, 8, 3), 3],
  ['write', 'write 8 bytes at 3 of', (file) => file.write(bytes, 0, 8, 3), 3],
  ['ftruncateSync', 'set the length to 5 of', (file) => file.truncate(5), 5],
  ['fdatasync', 'sync', (file) => file.datasync(), undefined],
  ['fdatasyncSync', 'sync', (file) => file.datasyncSync(), undefined],
]

describe('an open file', () => {
  test.each(onFile)('whose %s fails says so (%s), stays usable and can be closed', async (call, action, run, position) => {
    const path = join(directory, 'f')
    const file = nodeFileSystem.open(path, 'create')
    for (const [code, expected] of [['EIO', 'KAFKA_STORAGE_ERROR'], ['ENOSPC', 'DISK_FULL'], ['EROFS', 'DIRECTORY_UNUSABLE']] as const) {
      fail(call, code)
      const error = await refused(() => run(file))
      expect(error).toMatchObject({ code: expected satisfies ErrorCode, file: path, cause: { code } })
      expect(error.position).toBe(position)
      expect(error.message).toContain(`Could not ${action} ${path}`)
    }
    await run(file)
    file.close()
  })

  test('that cannot be closed is told, and is closed all the same', () => {
    const file = nodeFileSystem.open(join(directory, 'f'), 'create')
    fail('closeSync', 'EIO')
    expect(() => file.close()).toThrow(expect.objectContaining({ code: 'KAFKA_STORAGE_ERROR' }))
    file.close()
    expect(() => file.size()).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })

  test('that is read in pieces by the system gives the whole, and what there is when the file ends', async () => {
    const file = nodeFileSystem.open(join(directory, 'f'), 'create')
    file.writeSync(Uint8Array.from({ length: 10 }, (_, i) => i), 0, 10, 0)
    const real = await vi.importActual<Record<'read' | 'readSync', AnyCall>>('node:fs')
    const inPieces = (call: AnyCall): AnyCall => (fd, buffer, at, length, ...rest) => call(fd, buffer, at, Math.min(3, length as number), ...rest)
    replaced.set('readSync', inPieces(real.readSync))
    replaced.set('read', inPieces(real.read))
    for (const read of [(b: Uint8Array, n: number) => file.readSync(b, 1, n, 2), (b: Uint8Array, n: number) => file.read(b, 1, n, 2)]) {
      const found = new Uint8Array(12)
      expect(await read(found, 7)).toBe(7)
      expect([...found]).toEqual([0, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0])
      expect(await read(found, 11)).toBe(8)
    }
    file.close()
  })
})

const onPath: readonly (readonly [Call, string, (path: string) => unknown])[] = [
  ['openSync', 'open for read', (path) => nodeFileSystem.open(path, 'read')],
  ['statSync', 'look at', (path) => nodeFileSystem.stat(path)],
  ['readdirSync', 'list', (path) => nodeFileSystem.readDirectory(path)],
  ['mkdirSync', 'make the directory', (path) => nodeFileSystem.makeDirectory(join(path, 'below'))],
  ['renameSync', 'rename to', (path) => nodeFileSystem.rename(path, `${path}.other`)],
  ['unlinkSync', 'delete', (path) => nodeFileSystem.unlink(path)],
  ['unlink', 'delete', (path) => nodeFileSystem.unlinkAsync(path)],
  ['rm', 'remove the directory', (path) => nodeFileSystem.removeDirectory(path)],
  ['readFileSync', 'read', (path) => nodeFileSystem.readFile(path)],
  ['utimesSync', 'set the modification time of', (path) => nodeFileSystem.setModifiedTime(path, 1)],
  ['openSync', 'open the directory', (path) => nodeFileSystem.syncDirectory(path)],
  ['openSync', 'open the directory', (path) => nodeFileSystem.syncDirectorySync(path)],
  ['fsync', 'sync the directory', (path) => nodeFileSystem.syncDirectory(path)],
  ['fsyncSync', 'sync the directory', (path) => nodeFileSystem.syncDirectorySync(path)],
  ['statfsSync', 'ask the file system of', (path) => nodeFileSystem.info(path)],
  ['realpathSync', 'resolve', (path) => nodeFileSystem.realPath(path)],
]

describe('a name', () => {
  test.each(onPath)('whose %s fails is named with what was tried (%s), and nothing stays open', async (call, action, run) => {
    const path = join(directory, 'd')
    nodeFs.mkdirSync(path)
    const before = openDescriptors()
    for (const [code, expected] of [['EIO', 'KAFKA_STORAGE_ERROR'], ['EMFILE', 'TOO_MANY_OPEN_FILES'], ['EACCES', 'DIRECTORY_UNUSABLE']] as const) {
      fail(call, code)
      const error = await refused(() => run(path))
      expect(error).toMatchObject({ code: expected satisfies ErrorCode, cause: { code } })
      expect(error.file).toContain(path)
      expect(error.message).toContain(`Could not ${action}`)
    }
    expect(openDescriptors()).toBe(before)
  })

  test.each<Call>(['statSync', 'unlinkSync', 'unlink', 'rm'])('that is gone is no error for %s', async (call) => {
    for (const code of ['ENOENT', 'ENOTDIR']) {
      fail(call, code)
      const runs: Partial<Record<Call, () => unknown>> = {
        statSync: () => nodeFileSystem.stat(directory), unlinkSync: () => nodeFileSystem.unlink(directory), unlink: () => nodeFileSystem.unlinkAsync(directory),
        rm: () => nodeFileSystem.removeDirectory(directory),
      }
      expect(await runs[call]?.() ?? null).toBeNull()
      expect(faults.get(call)?.times).toBe(0)
    }
  })

  test.each(['EINVAL', 'ENOTSUP', 'ENOSYS'])('of a folder on a file system that syncs no folders (%s) is not held against it', async (code) => {
    const before = openDescriptors()
    fail('fsync', code)
    fail('fsyncSync', code)
    await nodeFileSystem.syncDirectory(directory)
    nodeFileSystem.syncDirectorySync(directory)
    expect([faults.get('fsync')?.times, faults.get('fsyncSync')?.times]).toEqual([0, 0])
    expect(openDescriptors()).toBe(before)
  })

  test('comes in the order of names, in whatever order the system lists them', () => {
    for (const name of ['b', 'C', 'a']) nodeFs.writeFileSync(join(directory, name), '')
    const entries = nodeFs.readdirSync(directory, { withFileTypes: true })
    const orders = [[0, 1, 2], [2, 1, 0], [1, 2, 0]]
    for (const order of orders) {
      replaced.set('readdirSync', () => order.map((i) => entries[i]))
      expect(nodeFileSystem.readDirectory(directory).map((entry) => entry.name)).toEqual(['C', 'a', 'b'])
    }
  })
})

describe('Windows, where a scanner holds a file for a moment', () => {
  const windows = new NodeFileSystem('win32')

  test('renames and deletes it when it lets go', () => {
    const path = join(directory, 'f')
    nodeFs.writeFileSync(path, '')
    fail('renameSync', 'EPERM', 3)
    windows.rename(path, `${path}2`)
    fail('unlinkSync', 'EBUSY', 3)
    windows.unlink(`${path}2`)
    expect(nodeFs.readdirSync(directory)).toEqual([])
  })

  test('elsewhere the same answer is final', () => {
    fail('renameSync', 'EPERM', 1)
    const rename = (): void => new NodeFileSystem('linux').rename(join(directory, 'f'), join(directory, 'g'))
    expect(rename).toThrow(expect.objectContaining({ code: 'DIRECTORY_UNUSABLE' }))
  })

  const names = [['linux', /^(?!0x)/], ['win32', /./], ['darwin', /^darwin 0x[0-9a-f]+$/]] as const
  test.each(names)('a file system is named by the rules of %s', (system, name) => {
    expect(new NodeFileSystem(system).info(directory).name).toMatch(name)
  })
})

describe('the way to the sockets of a long path', () => {
  const withLongPath = (): string => {
    const path = join(directory, 'x'.repeat(120))
    nodeFs.mkdirSync(path)
    return path
  }

  test('goes through a link where /proc is not mounted', () => {
    const path = withLongPath()
    const before = openDescriptors()
    replaced.set('existsSync', () => false)
    const sockets = new SocketDirectory(path, undefined, 'linux')
    expect(sockets.pathOf('a')).not.toContain('/proc')
    expect(nodeFs.realpathSync(sockets.pathOf(''))).toBe(nodeFs.realpathSync(path))
    sockets.dispose()
    expect(openDescriptors()).toBe(before)
  })

  test('that cannot be linked is unusable, with the reason', () => {
    fail('symlinkSync', 'EACCES')
    const path = withLongPath()
    const why = { code: 'DIRECTORY_UNUSABLE', message: expect.stringContaining('make a short link to') as string }
    expect(() => new SocketDirectory(path, undefined, 'darwin')).toThrow(expect.objectContaining(why))
  })
})

/**
 * What every FileSystem must do, as far as one process can see it; what survives a power cut is the business of the simulated disk's own
 * tests. Bound to no test framework: `suite.test` is called once per case.
 *
 *   fileSystemContract({ test, make: () => ({ fs, directory, dispose }) })
 */
import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { join } from 'node:path'
import { OttlaError, type ErrorCode } from '../../common/errors.ts'
import { replaceFile, replaceFileSync } from '../../io/durable-file.ts'
import type { FileSystem, OpenMode } from '../../io/file-system.ts'

/** A file system and an empty directory in it. */
export interface ContractSubject { readonly fs: FileSystem; readonly directory: string; dispose(): void }

export interface FileSystemSuite {
  test(name: string, run: () => Promise<void>): void
  make(): ContractSubject
}

type Case = (subject: ContractSubject) => Promise<void> | void

export function fileSystemContract(suite: FileSystemSuite): void {
  for (const [name, run] of Object.entries(cases)) {
    suite.test(name, async () => {
      const subject = suite.make()
      try {
        await run(subject)
      } finally {
        subject.dispose()
      }
    })
  }
}

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const textOf = (fs: FileSystem, path: string): string => Buffer.from(fs.readFile(path)).toString()
const hasCode = (code: ErrorCode, file?: string) => (error: unknown): boolean => OttlaError.is(error, code) && (file === undefined || error.file === file)
const isStorageError = (error: unknown): boolean => OttlaError.is(error)

function put(fs: FileSystem, path: string, text: string): void {
  const file = fs.open(path, 'create')
  file.writeSync(bytes(text), 0, text.length, 0)
  file.close()
}

const cases: Readonly<Record<string, Case>> = {
  'a missing file is null to stat and DIRECTORY_UNUSABLE to everything that needs it': ({ fs, directory }) => {
    const path = join(directory, 'missing')
    equal(fs.stat(path), null)
    equal(fs.stat(join(path, 'below')), null)
    for (const mode of ['read', 'write'] as const) throws(() => fs.open(path, mode), hasCode('DIRECTORY_UNUSABLE', path))
    throws(() => fs.readFile(path), hasCode('DIRECTORY_UNUSABLE', path))
    throws(() => fs.readDirectory(path), hasCode('DIRECTORY_UNUSABLE', path))
    throws(() => fs.realPath(path), hasCode('DIRECTORY_UNUSABLE', path))
    throws(() => fs.info(path), hasCode('DIRECTORY_UNUSABLE', path))
    throws(() => fs.rename(path, join(directory, 'other')), hasCode('DIRECTORY_UNUSABLE', path))
    throws(() => fs.setModifiedTime(path, 0), hasCode('DIRECTORY_UNUSABLE', path))
    throws(() => fs.open(join(path, 'below'), 'create'), hasCode('DIRECTORY_UNUSABLE'))
  },

  'create makes an empty file and keeps the content of an old one': ({ fs, directory }) => {
    const path = join(directory, 'file')
    fs.open(path, 'create').close()
    equal(fs.stat(path)?.size, 0)
    put(fs, path, 'kept')
    fs.open(path, 'create').close()
    equal(textOf(fs, path), 'kept')
  },

  'createNew refuses an old file and leaves it alone': ({ fs, directory }) => {
    const path = join(directory, 'file')
    fs.open(path, 'createNew').close()
    put(fs, path, 'old')
    throws(() => fs.open(path, 'createNew'), hasCode('KAFKA_STORAGE_ERROR', path))
    equal(textOf(fs, path), 'old')
  },

  'what is written is read back by position, through any handle, also before it is closed': async ({ fs, directory }) => {
    const path = join(directory, 'file')
    const writer = fs.open(path, 'create')
    writer.writeSync(bytes('..hello..'), 2, 5, 0)
    await writer.write(bytes('world'), 0, 5, 5)
    const reader = fs.open(path, 'read')
    const buffer = bytes('__________________')
    equal(reader.readSync(buffer, 1, 5, 3), 5)
    equal(Buffer.from(buffer).toString(), '_lowor____________')
    equal(await reader.read(buffer, 0, 10, 0), 10)
    equal(Buffer.from(buffer.subarray(0, 10)).toString(), 'helloworld')
    equal(reader.size(), 10)
    equal(writer.path, path)
    writer.close()
    reader.close()
  },

  'a read is short only at the end of the file': async ({ fs, directory }) => {
    const path = join(directory, 'file')
    put(fs, path, '12345')
    const file = fs.open(path, 'read')
    const buffer = new Uint8Array(10)
    equal(file.readSync(buffer, 0, 10, 2), 3)
    equal(await file.read(buffer, 0, 10, 2), 3)
    equal(file.readSync(buffer, 0, 10, 5), 0)
    equal(await file.read(buffer, 0, 10, 99), 0)
    equal(file.readSync(buffer, 0, 0, 0), 0)
    equal(await file.read(buffer, 0, 0, 0), 0)
    file.close()
  },

  'megabytes at odd positions come back as they were': async ({ fs, directory }) => {
    const data = new Uint8Array(1_200_001)
    for (let i = 0; i < data.length; i++) data[i] = (i * 31 + (i >>> 8)) & 0xff
    const file = fs.open(join(directory, 'file'), 'create')
    await file.write(data, 0, 700_001, 333)
    file.writeSync(data, 700_001, 500_000, 333 + 700_001)
    const buffer = new Uint8Array(data.length)
    equal(await file.read(buffer, 0, buffer.length, 333), buffer.length)
    equal(Buffer.compare(buffer, data), 0)
    equal(file.size(), 333 + data.length)
    file.close()
  },

  'several buffers are written one behind another, as many as the system takes in some calls': async ({ fs, directory }) => {
    const path = join(directory, 'file')
    const file = fs.open(path, 'create')
    file.writeSync(bytes('0123456789'), 0, 10, 0)
    await file.writev([bytes('ab'), bytes(''), bytes('_cd_').subarray(1, 3), bytes('e')], 3)
    equal(textOf(fs, path), '012abcde89')
    await file.writev([], 3)
    const many = Array.from({ length: 3000 }, (_, i) => bytes(`${i},`))
    await file.writev(many, 10)
    equal(textOf(fs, path), `012abcde89${Buffer.concat(many).toString()}`)
    file.close()
  },

  'a write past the end leaves zeros between, an overwrite changes only its bytes': ({ fs, directory }) => {
    const path = join(directory, 'file')
    const file = fs.open(path, 'create')
    file.writeSync(bytes('end'), 0, 3, 1000)
    file.writeSync(bytes('xy'), 0, 2, 998)
    file.close()
    const content = fs.readFile(path)
    equal(content.length, 1003)
    ok(content.subarray(0, 998).every((byte) => byte === 0))
    equal(Buffer.from(content.subarray(998)).toString(), 'xyend')
  },

  'truncate cuts, and what it adds is zeros even where data had been': ({ fs, directory }) => {
    const path = join(directory, 'file')
    put(fs, path, 'abcdefghij')
    const file = fs.open(path, 'write')
    file.truncate(4)
    equal(file.size(), 4)
    file.truncate(8)
    file.close()
    deepEqual([...fs.readFile(path)], [...bytes('abcd'), 0, 0, 0, 0])
  },

  'a handle for reading refuses writes, truncate and syncs': async ({ fs, directory }) => {
    const path = join(directory, 'file')
    put(fs, path, 'safe')
    const file = fs.open(path, 'read')
    throws(() => file.writeSync(bytes('x'), 0, 1, 0), hasCode('INTERNAL'))
    await rejects(file.write(bytes('x'), 0, 1, 0), hasCode('INTERNAL'))
    await rejects(file.writev([bytes('x')], 0), hasCode('INTERNAL'))
    throws(() => file.truncate(0), hasCode('INTERNAL'))
    throws(() => file.datasyncSync(), hasCode('INTERNAL'))
    await rejects(file.datasync(), hasCode('INTERNAL'))
    file.close()
    equal(textOf(fs, path), 'safe')
  },

  'a closed handle refuses everything but close': async ({ fs, directory }) => {
    const file = fs.open(join(directory, 'file'), 'create')
    file.close()
    file.close()
    const buffer = new Uint8Array(4)
    throws(() => file.size(), hasCode('CLOSED'))
    throws(() => file.readSync(buffer, 0, 4, 0), hasCode('CLOSED'))
    throws(() => file.writeSync(buffer, 0, 4, 0), hasCode('CLOSED'))
    throws(() => file.truncate(0), hasCode('CLOSED'))
    throws(() => file.datasyncSync(), hasCode('CLOSED'))
    await rejects(file.read(buffer, 0, 4, 0), hasCode('CLOSED'))
    await rejects(file.write(buffer, 0, 4, 0), hasCode('CLOSED'))
    await rejects(file.writev([buffer], 0), hasCode('CLOSED'))
    await rejects(file.datasync(), hasCode('CLOSED'))
  },

  'a handle is not closed under a call that is still on its way': async ({ fs, directory }) => {
    const path = join(directory, 'file')
    const file = fs.open(path, 'create')
    const writing = file.write(bytes('late'), 0, 4, 0)
    throws(() => file.close(), hasCode('INTERNAL'))
    await writing
    const syncing = file.datasync()
    throws(() => file.close(), hasCode('INTERNAL'))
    await syncing
    file.close()
    equal(textOf(fs, path), 'late')
  },

  'a transfer outside its buffer is refused, and the handle can still be closed': async ({ fs, directory }) => {
    const file = fs.open(join(directory, 'file'), 'create')
    const buffer = new Uint8Array(4)
    throws(() => file.readSync(buffer, 2, 4, 0), hasCode('INTERNAL'))
    throws(() => file.writeSync(buffer, 2, 4, 0), hasCode('INTERNAL'))
    await rejects(file.read(buffer, 2, 4, 0), hasCode('INTERNAL'))
    await rejects(file.write(buffer, 2, 4, 0), hasCode('INTERNAL'))
    equal(file.size(), 0)
    file.close()
  },

  'several asynchronous calls may be on their way at once': async ({ fs, directory }) => {
    const path = join(directory, 'file')
    const file = fs.open(path, 'create')
    await Promise.all(['aa', 'bb', 'cc', 'dd'].map((text, i) => file.write(bytes(text), 0, 2, i * 2)))
    const buffers = [new Uint8Array(4), new Uint8Array(4)]
    await Promise.all(buffers.map((buffer, i) => file.read(buffer, 0, 4, i * 4)))
    equal(Buffer.concat(buffers).toString(), 'aabbccdd')
    file.close()
  },

  'syncs of files and directories succeed': async ({ fs, directory }) => {
    const file = fs.open(join(directory, 'file'), 'create')
    file.writeSync(bytes('x'), 0, 1, 0)
    file.datasyncSync()
    await file.datasync()
    file.close()
    fs.syncDirectorySync(directory)
    await fs.syncDirectory(directory)
  },

  'a directory lists its entries by name with their kind': ({ fs, directory }) => {
    for (const name of ['b', 'a.log', 'A', 'c']) put(fs, join(directory, name), name)
    fs.makeDirectory(join(directory, 'b2'))
    put(fs, join(directory, 'b2', 'hidden'), 'x')
    deepEqual(fs.readDirectory(directory), [
      { name: 'A', kind: 'file' }, { name: 'a.log', kind: 'file' }, { name: 'b', kind: 'file' }, { name: 'b2', kind: 'directory' }, { name: 'c', kind: 'file' },
    ])
    equal(fs.stat(directory)?.kind, 'directory')
    throws(() => fs.readDirectory(join(directory, 'b')), hasCode('DIRECTORY_UNUSABLE'))
  },

  'makeDirectory makes the parents, and is content with what is there, unless it is a file': ({ fs, directory }) => {
    const path = join(directory, 'a', 'b', 'c')
    fs.makeDirectory(path)
    fs.makeDirectory(path)
    equal(fs.stat(path)?.kind, 'directory')
    put(fs, join(directory, 'file'), 'x')
    throws(() => fs.makeDirectory(join(directory, 'file')), hasCode('DIRECTORY_UNUSABLE'))
    throws(() => fs.makeDirectory(join(directory, 'file', 'below')), hasCode('DIRECTORY_UNUSABLE'))
  },

  'rename moves a file, replaces one, and moves directories with their content': ({ fs, directory }) => {
    const [a, b] = [join(directory, 'a'), join(directory, 'b')]
    put(fs, a, 'new')
    put(fs, b, 'old')
    fs.rename(a, b)
    equal(fs.stat(a), null)
    equal(textOf(fs, b), 'new')
    fs.rename(b, b)
    equal(textOf(fs, b), 'new')
    fs.makeDirectory(join(directory, 'd'))
    put(fs, join(directory, 'd', 'inside'), 'x')
    fs.rename(join(directory, 'd'), join(directory, 'e'))
    equal(textOf(fs, join(directory, 'e', 'inside')), 'x')
    equal(fs.stat(join(directory, 'd')), null)
  },

  'rename refuses to replace a directory that holds something, or a file by a directory': ({ fs, directory }) => {
    fs.makeDirectory(join(directory, 'd', 'inside'))
    fs.makeDirectory(join(directory, 'e'))
    put(fs, join(directory, 'file'), 'x')
    throws(() => fs.rename(join(directory, 'e'), join(directory, 'd')), isStorageError)
    throws(() => fs.rename(join(directory, 'file'), join(directory, 'd')), isStorageError)
    throws(() => fs.rename(join(directory, 'd'), join(directory, 'file')), isStorageError)
    throws(() => fs.rename(join(directory, 'd'), join(directory, 'd', 'inside', 'x')), isStorageError)
    deepEqual(fs.readDirectory(directory).map((entry) => entry.name), ['d', 'e', 'file'])
  },

  'a file that loses its name lives on for its handles': ({ fs, directory }) => {
    const path = join(directory, 'file')
    put(fs, path, 'alive')
    const file = fs.open(path, 'write')
    fs.unlink(path)
    equal(fs.stat(path), null)
    put(fs, path, 'other')
    file.writeSync(bytes('A'), 0, 1, 0)
    const buffer = new Uint8Array(5)
    equal(file.readSync(buffer, 0, 5, 0), 5)
    equal(Buffer.from(buffer).toString(), 'Alive')
    equal(textOf(fs, path), 'other')
    file.close()
  },

  'unlink removes a file, forgives a missing one, and refuses a directory': async ({ fs, directory }) => {
    for (const remove of [(path: string) => fs.unlink(path), (path: string) => fs.unlinkAsync(path)]) {
      const path = join(directory, 'file')
      put(fs, path, 'x')
      await remove(path)
      equal(fs.stat(path), null)
      await remove(path)
      await remove(join(directory, 'no', 'such', 'parent'))
    }
    throws(() => fs.unlink(directory), isStorageError)
    await rejects(fs.unlinkAsync(directory), isStorageError)
  },

  'removeDirectory removes all below, and forgives a missing one': async ({ fs, directory }) => {
    const path = join(directory, 'd')
    fs.makeDirectory(join(path, 'e', 'f'))
    put(fs, join(path, 'one'), '1')
    put(fs, join(path, 'e', 'two'), '2')
    await fs.removeDirectory(path)
    equal(fs.stat(path), null)
    await fs.removeDirectory(path)
    deepEqual(fs.readDirectory(directory), [])
  },

  'stat tells size, kind and an identity that survives a rename': ({ fs, directory }) => {
    const path = join(directory, 'file')
    put(fs, path, '12345')
    put(fs, join(directory, 'second'), '')
    const before = fs.stat(path)
    equal(before?.size, 5)
    equal(before.kind, 'file')
    fs.rename(path, join(directory, 'moved'))
    const after = fs.stat(join(directory, 'moved'))
    deepEqual([after?.device, after?.inode], [before.device, before.inode])
    ok(fs.stat(join(directory, 'second'))?.inode !== before.inode)
  },

  'modification times are kept to the millisecond': ({ fs, directory }) => {
    const path = join(directory, 'file')
    put(fs, path, 'x')
    for (const time of [1_700_000_000_123, 1_700_000_000_999, 0, 1_234_567_890_001]) {
      fs.setModifiedTime(path, time)
      equal(fs.stat(path)?.modifiedMs, time)
    }
  },

  'realPath gives one name for one directory, and info describes its file system': ({ fs, directory }) => {
    fs.makeDirectory(join(directory, 'd'))
    equal(fs.realPath(join(directory, 'd', '..', 'd', '.')), fs.realPath(join(directory, 'd')))
    const info = fs.info(directory)
    ok(info.name.length > 0)
    ok(info.freeBytes > 0)
  },

  'replaceFile leaves the new content and no temporary file, over an old file, none, or a stray temporary': async ({ fs, directory }) => {
    const path = join(directory, 'checkpoint')
    for (const replace of [(text: string) => replaceFileSync(fs, path, bytes(text)), (text: string) => replaceFile(fs, path, bytes(text))]) {
      put(fs, `${path}.tmp`, 'a stray, longer than what comes')
      await replace('first')
      equal(textOf(fs, path), 'first')
      await replace('second, longer')
      equal(textOf(fs, path), 'second, longer')
      await replace('')
      equal(textOf(fs, path), '')
      deepEqual(fs.readDirectory(directory).map((entry) => entry.name), ['checkpoint'])
    }
  },

  'a directory is not opened as a file': ({ fs, directory }) => {
    for (const mode of ['write', 'create', 'createNew'] satisfies OpenMode[]) throws(() => fs.open(directory, mode), isStorageError)
    throws(() => fs.readFile(directory), isStorageError)
  },
}

import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemScheduler } from '../common/scheduler.ts'
import { listen, probe } from './directory-lock-socket.ts'
import { SocketDirectory } from './socket-directory.ts'

let root = ''
beforeEach(() => { root = realpathSync(mkdtempSync(join(tmpdir(), 'ottla-sockets-'))) })
afterEach(() => rmSync(root, { recursive: true, force: true }))

function longDirectory(): string {
  const directory = join(root, 'x'.repeat(200), 'ü'.repeat(60))
  mkdirSync(directory, { recursive: true })
  return directory
}

describe('the way to sockets', () => {
  test('is the directory itself while that fits', () => {
    const sockets = new SocketDirectory(root)
    expect(sockets.pathOf('a.sock')).toBe(join(root, 'a.sock'))
    sockets.dispose()
  })

  const systems = process.platform === 'win32' ? [] : [...new Set([process.platform, 'darwin'])]
  test.each(systems)('of a long path by the rules of %s is short, and the socket lies in the directory and outlives the way', async (system) => {
    const directory = longDirectory()
    const sockets = new SocketDirectory(directory, undefined, system)
    expect(Buffer.byteLength(sockets.pathOf('.ottla.lock.0123456789ab.sock'))).toBeLessThanOrEqual(103)
    const socket = await listen(sockets.pathOf('a.sock'), () => '{"pid":1,"startedAt":"","version":""}', directory)
    expect(readdirSync(directory)).toEqual(['a.sock'])
    expect(await probe(sockets.pathOf('a.sock'), systemScheduler, directory)).toMatchObject({ state: 'alive', owner: { pid: 1 } })
    const link = sockets.pathOf('')
    sockets.dispose()
    expect(existsSync(link)).toBe(false)
    const again = new SocketDirectory(directory)
    expect(await probe(again.pathOf('a.sock'), systemScheduler, directory)).toMatchObject({ state: 'alive' })
    await socket.close()
    expect(await probe(again.pathOf('a.sock'), systemScheduler, directory)).not.toMatchObject({ state: 'alive' })
    again.dispose()
  })

  test('that is too long however it is built is refused with advice', () => {
    expect(() => new SocketDirectory(longDirectory(), 40, 'darwin')).toThrow(/TMPDIR/)
    expect(readdirSync(root)).toHaveLength(1)
  })

  test('a missing directory is unusable', () => {
    expect(() => new SocketDirectory(join(root, 'y'.repeat(200)))).toThrow(expect.objectContaining({ code: 'DIRECTORY_UNUSABLE' }))
  })
})

describe('asking who listens', () => {
  test('tells absent, dead and alive apart', async () => {
    expect(await probe(join(root, 'none'), systemScheduler, root)).toEqual({ state: 'absent' })
    writeFileSync(join(root, 'file'), '')
    expect(await probe(join(root, 'file'), systemScheduler, root)).toEqual({ state: 'dead' })
    const socket = await listen(join(root, 'socket'), () => 'no JSON', root)
    expect(await probe(join(root, 'socket'), systemScheduler, root)).toEqual({ state: 'alive', owner: null })
    await socket.close()
    await socket.close()
  })

  test.each([
    '{"pid":"1","startedAt":"","version":""}', '{"pid":1.5,"startedAt":"","version":""}', '{"pid":1}', '[]', 'null', 'x'.repeat(5000),
  ])('takes the answer %.30s for a life without a name', async (answer) => {
    const socket = await listen(join(root, 'socket'), () => answer, root)
    expect(await probe(join(root, 'socket'), systemScheduler, root)).toEqual({ state: 'alive', owner: null })
    await socket.close()
  })

  test('a path that cannot hold a socket is unusable, with the reason', async () => {
    // Linux says EACCES here; a file system without sockets is told apart by other codes, tried below.
    await expect(listen(join(root, 'missing', 'socket'), () => '', root)).rejects.toMatchObject({ code: 'DIRECTORY_UNUSABLE', file: root })
  })
})

import { expect, test } from 'vitest'
import { checkFreeHandles } from './free-handles.ts'

/** Opens `most` files, and says what it says to the next one. */
function handles(most: number, code: string): { held: Set<number>; calls: Parameters<typeof checkFreeHandles>[1] } {
  const held = new Set<number>()
  let next = 3
  const openSync = (): number => {
    if (held.size === most) throw Object.assign(new Error(code), { code })
    held.add(next)
    return next++
  }
  return { held, calls: { openSync, closeSync: (handle) => { held.delete(handle) } } }
}

test.each(['EMFILE', 'ENFILE'])('a process that may not open some more files is told so (%s), and what was tried is closed', (code) => {
  for (const most of [0, 1, 7]) {
    const { held, calls } = handles(most, code)
    expect(() => { checkFreeHandles('/x', calls) }).toThrow(expect.objectContaining({ code: 'TOO_MANY_OPEN_FILES' }))
    expect(held.size).toBe(0)
  }
})

test('one that may, or has another problem, is told nothing', () => {
  for (const { held, calls } of [handles(8, 'EMFILE'), handles(0, 'EACCES'), handles(3, 'ENOENT')]) {
    checkFreeHandles('/x', calls)
    expect(held.size).toBe(0)
  }
  checkFreeHandles(process.execPath)
  checkFreeHandles(`${process.execPath}.gone`)
})

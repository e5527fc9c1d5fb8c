import { deepStrictEqual as deepEqual } from 'node:assert'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { bufferView } from './buffer-view.ts'

const memory = new TextEncoder().encode('..hello..').buffer

test('a view is a Buffer over the same memory', () => {
  const view = bufferView(memory, 2, 5)
  expect(Buffer.isBuffer(view)).toBe(true)
  expect(view).toEqual(Buffer.from('hello'))
  expect(Object.getPrototypeOf(view)).toBe(Buffer.prototype)
  deepEqual(view, Buffer.from('hello'))
  expect(view.buffer).toBe(memory)
  expect([view.constructor, inspect(view)]).toEqual([Buffer, inspect(Buffer.from('hello'))])
})

test('its methods are those of Buffer, and so are the Buffers that they give', () => {
  const view = bufferView(memory, 2, 5)
  expect([view.toString(), view.toString('hex', 1, 2), view.readUInt16BE(0)]).toEqual(['hello', '65', 0x6865])
  for (const part of [view.subarray(1, 3), view.slice(1, 3), view.map((byte) => byte), Buffer.concat([view]), view.filter(() => true)]) {
    expect(Buffer.isBuffer(part)).toBe(true)
    expect(Object.getPrototypeOf(part)).toBe(Buffer.prototype)
  }
  expect(view.equals(Buffer.from('hello'))).toBe(true)
  expect(JSON.stringify(view)).toBe(JSON.stringify(Buffer.from('hello')))
})

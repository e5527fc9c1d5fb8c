import { describe, expect, test } from 'vitest'
import { absolutePath, filePath, hashMapOrder, javaText, jsonText } from './java-text.ts'

const codePoints = (hex: string): string => Array.from(javaText(Buffer.from(hex, 'hex'))).map((c) => c.codePointAt(0)!.toString(16)).join(' ')

describe('bytes become the text that Java makes of them', () => {
  // Each as `new String(bytes, UTF_8)` of a JDK 17 gave it.
  test.each([
    ['', ''],
    ['c3a9e697a5f09fa680', 'e9 65e5 1f980'],
    ['80', 'fffd'],
    ['c080', 'fffd fffd'],
    ['e0a0', 'fffd'],
    ['e080', 'fffd fffd'],
    ['e08080', 'fffd fffd fffd'],
    ['f08080', 'fffd fffd fffd'],
    ['f09f9841', 'fffd 41'],
    ['f4908080', 'fffd fffd fffd fffd'],
    ['ff41', 'fffd 41'],
  ])('%s', (hex, expected) => { expect(codePoints(hex)).toBe(expected) })

  test.each([
    ['eda080', 'fffd'],
    ['eda0', 'fffd'],
    ['edbf41', 'fffd 41'],
    ['41eda08042', '41 fffd 42'],
    ['eda080edb080', 'fffd fffd'],
    ['e2eda080', 'fffd fffd'],
    ['ed9fbf', 'd7ff'],
    ['ed', 'fffd'],
  ])('%s, an encoded surrogate or nearly', (hex, expected) => { expect(codePoints(hex)).toBe(expected) })
})

test('JSON text has the escapes of Jackson', () => {
  expect(jsonText('a"\\\n\t\u0001\u001fé🦀\u007f')).toBe('"a\\"\\\\\\n\\t\\u0001\\u001Fé🦀\u007f"')
})

test('paths are printed as java.io.File prints them', () => {
  expect(['a//b', './a', 'a/', '/', '//x', 'a/../b'].map(filePath)).toEqual(['a/b', './a', 'a', '/', '/x', 'a/../b'])
  expect([absolutePath('./a', '/w'), absolutePath('/a', '/w')]).toEqual(['/w/./a', '/a'])
})

test('keys come in the order of a Scala HashMap, also after it has grown', () => {
  const keys = Array.from({ length: 13 }, (_, i) => `/data/t-${i % 5}/${String(i * 37).padStart(20, '0')}.log`)
  // Indexes into `keys`, as scala.collection.mutable.HashMap 2.13 gave them.
  expect(hashMapOrder(keys.slice(0, 5)).map((key) => keys.indexOf(key))).toEqual([4, 0, 1, 2, 3])
  expect(hashMapOrder(keys).map((key) => keys.indexOf(key))).toEqual([8, 11, 4, 6, 12, 5, 2, 3, 0, 1, 7, 9, 10])
})

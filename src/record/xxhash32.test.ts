import { expect, test } from 'vitest'
import { xxhash32 } from './xxhash32.ts'

/** Published values of the reference implementation, seed 0. */
test.each([
  ['', '02cc5d05'], ['a', '550d7456'], ['abc', '32d153ff'], ['Nobody inspects the spammish repetition', 'e2293b2f'],
])('of %j is %s', (text, hash) => {
  const bytes = Buffer.from(`..${text}..`)
  expect(xxhash32(bytes, 2, bytes.length - 2).toString(16).padStart(8, '0')).toBe(hash)
})

test('the second byte over Kafka\'s frame descriptor is 82', () => {
  expect((xxhash32(Uint8Array.of(0x60, 0x40), 0, 2) >>> 8) & 0xff).toBe(0x82)
})

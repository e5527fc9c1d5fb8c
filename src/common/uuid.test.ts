import { expect, test } from 'vitest'
import { SeededRandom } from '../testing/seeded-random.ts'
import { isUuid, randomUuid } from './uuid.ts'

test('a random uuid never starts with a hyphen, which command lines take for an option, and may hold and end with one', () => {
  const drawn: Buffer[] = []
  const given = [0xf8, 0xfb, 0xfc].map((first) => Buffer.alloc(16, 0xf8).fill(first, 0, 1))
  const random = new SeededRandom(1)
  random.bytes = () => {
    drawn.push(given[drawn.length]!)
    return drawn.at(-1)!
  }
  expect(randomUuid(random).startsWith('_')).toBe(true)
  expect(drawn).toEqual(given)
  random.bytes = () => Buffer.from('AAECAwQFRgeICQoLDA0O-A', 'base64url')
  expect(randomUuid(random)).toBe('AAECAwQFRgeICQoLDA0O-A')
})

test('a random uuid is of version 4 and variant 1', () => {
  const random = new SeededRandom(3)
  const made = new Set<string>()
  for (let i = 0; i < 500; i++) {
    const text = randomUuid(random)
    const bytes = Buffer.from(text, 'base64url')
    expect([isUuid(text), bytes[6]! >> 4, bytes[8]! >> 6]).toEqual([true, 4, 2])
    made.add(text)
  }
  expect(made.size).toBe(500)
})

import { describe, expect, test } from 'vitest'
import { numberFormat } from './deserializers.ts'

const long = (value: bigint): Uint8Array => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}
const printed = (name: string, bytes: Uint8Array): string => {
  const { read, text } = numberFormat('value-deserializer', name)!
  return text(read(bytes))
}

describe('the text of numbers', () => {
  test('of 64 bits is exact, beyond what a double holds too', () => {
    const odd = [
      0n, 1n, -1n, 2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n), -(2n ** 62n) - 4_294_967_296n, 2n ** 32n * 1_000_000n,
      1_795_301_959_468_000_000n, -1_000_000_000_000_000_000n, 10n ** 18n + 1n,
    ]
    for (const value of odd) expect(printed('Long', long(value))).toBe(String(value))
    for (let i = 0n, value = 1n; i < 2000n; i++, value = BigInt.asIntN(64, value * 6364136223846793005n + 1442695040888963407n)) {
      expect(printed('org.apache.kafka.common.serialization.LongDeserializer', long(value))).toBe(String(value))
    }
  })
  test('with fractions is Java\'s', () => {
    const bytes = Buffer.alloc(8)
    for (const [value, text] of [[1.5, '1.5'], [3, '3.0'], [-0.25, '-0.25'], [NaN, 'NaN']] as const) {
      bytes.writeDoubleBE(value)
      expect(printed('Double', bytes)).toBe(text)
    }
  })
  test('is none where bytes are printed as they are, or are of another length', () => {
    expect(numberFormat('value-deserializer', 'org.apache.kafka.common.serialization.StringDeserializer')).toBeNull()
    expect(() => printed('integer', long(1n))).toThrow('--value-deserializer integer: 8 bytes in place of 4')
    expect(() => numberFormat('key-deserializer', 'Avro')).toThrow('--key-deserializer: there is no "Avro" here')
  })
})

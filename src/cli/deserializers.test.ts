import { describe, expect, test } from 'vitest'
import { numberFormat } from './deserializers.ts'

const long = (value: bigint): Uint8Array => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}
const printed = (name: string, bytes: Uint8Array): string => numberFormat('value-deserializer', name)!.text(bytes)
const inJson = (name: string, bytes: Uint8Array): number | string => numberFormat('value-deserializer', name)!.value(bytes)

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
  // What Java 17 prints of these bits.
  test.each([
    ['0000000000000000', '0.0'], ['8000000000000000', '-0.0'], ['3f50624dd2f1a9fc', '0.001'], ['3f5061e273273f09', '9.999E-4'], ['416312d000000000', '1.0E7'],
    ['416312cfe0000000', '9999999.0'], ['41678c29dccccccd', '1.23456789E7'], ['3fb999999999999a', '0.1'], ['444b1ae4d6e2ef50', '1.0E21'],
    ['7fefffffffffffff', '1.7976931348623157E308'], ['0000000000000001', '4.9E-324'], ['c0fe240c00000000', '-123456.75'], ['4059000000000000', '100.0'],
    ['3ddb7cdfd9d7bdbb', '1.0E-10'], ['423cbe991a140000', '1.23456789012E11'], ['7ff0000000000000', 'Infinity'], ['fff0000000000000', '-Infinity'],
    ['7ff8000000000000', 'NaN'], ['4008000000000000', '3.0'], ['bfd0000000000000', '-0.25'],
    ['3dcccccd', '0.1'], ['80000000', '-0.0'], ['3a83126f', '0.001'], ['4b189680', '1.0E7'], ['7f7fffff', '3.4028235E38'], ['00000001', '1.4E-45'],
    ['4b800000', '1.6777216E7'], ['40490fdb', '3.1415927'], ['3eaaaaab', '0.33333334'], ['4996b43f', '1234567.9'], ['c0200000', '-2.5'], ['501502f9', '1.0E10'],
    ['7fc00000', 'NaN'],
  ])('with fractions is Java\'s: %s is %s', (bits, text) => {
    expect(printed(bits.length === 16 ? 'Double' : 'Float', Buffer.from(bits, 'hex'))).toBe(text)
  })
  test('is a number in JSON where that is the same number', () => {
    expect([inJson('Float', Buffer.from('3dcccccd', 'hex')), inJson('Double', Buffer.from('444b1ae4d6e2ef50', 'hex'))]).toEqual([0.1, 1e21])
    expect([inJson('Long', long(2n ** 53n - 1n)), inJson('Long', long(2n ** 53n + 1n))]).toEqual([2 ** 53 - 1, '9007199254740993'])
    expect([inJson('Double', Buffer.from('7ff8000000000000', 'hex')), inJson('Short', Buffer.from('fffe', 'hex'))]).toEqual(['NaN', -2])
  })
  test('is none where bytes are printed as they are, or are of another length', () => {
    expect(numberFormat('value-deserializer', 'org.apache.kafka.common.serialization.StringDeserializer')).toBeNull()
    expect(() => printed('integer', long(1n))).toThrow('--value-deserializer integer: 8 bytes in place of 4')
    expect(() => numberFormat('key-deserializer', 'Avro')).toThrow('--key-deserializer: there is no "Avro" here')
  })
})

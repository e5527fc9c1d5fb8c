import { expect, test } from 'vitest'
import { addressText, parseBootstrap } from './address.ts'

test.each([
  ['localhost', 'localhost:9092'],
  ['kafka-1:9093', 'kafka-1:9093'],
  [' a:1 , b:2,', 'a:1 b:2'],
  [['a:1', 'b'], 'a:1 b:9092'],
  ['[::1]:9092', '[::1]:9092'],
  ['kafka://host:9094', 'host:9094'],
  ['PLAINTEXT://host:9094/', 'host:9094'],
])('%j is read', (given, addresses) => { expect(parseBootstrap(given).map(addressText).join(' ')).toBe(addresses) })

test.each([
  ['', 'name at least one broker'],
  [[], 'name at least one broker'],
  [undefined, "a broker is given as 'host:port', not undefined"],
  [9092, "a broker is given as 'host:port', not 9092"],
  ['host:0', "it is written 'host:port'"],
  ['host:99999', "it is written 'host:port'"],
  ['ho st:1', "it is written 'host:port'"],
  ['::1:9092', 'written in brackets'],
  ['SASL_SSL://host:9093', `write "host:9093" and set 'security.protocol': 'SASL_SSL'`],
  ['http://host:9092', 'write "host:9092", without a scheme'],
])('%j is refused', (given, message) => { expect(() => parseBootstrap(given)).toThrow(message) })

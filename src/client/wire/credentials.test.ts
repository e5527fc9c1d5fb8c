import { expect, test } from 'vitest'
import { resolveClient } from '../../config/resolve.ts'
import { credentialsOf, tlsOf } from './credentials.ts'

const values = (settings: object, usesSsl = false): ReturnType<typeof resolveClient> => resolveClient(settings, usesSsl)
const read = (path: string): string => {
  if (path === 'missing') throw new Error('no such file')
  return path === 'store.jks' ? '\xfe\xed\xfe\xed' : `-----BEGIN ${path}-----`
}

test.each([
  ['org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="a secret";', 'alice', 'a secret'],
  ['X required\n  username="al\\"ice"\n  password="back\\\\slash=;";', 'al"ice', 'back\\slash=;'],
  ['X required password=bare username=alice;', 'alice', 'bare'],
])('user and password are found in %j', (line, username, password) => {
  expect(credentialsOf(values({ 'sasl.mechanism': 'PLAIN', 'sasl.jaas.config': line }))).toEqual({ mechanism: 'PLAIN', username, password })
})

test('what is given by name comes before a login module', () => {
  const given = { 'sasl.mechanism': 'SCRAM-SHA-256', 'sasl.username': 'bob', 'sasl.jaas.config': 'X required username="alice" password="p";' }
  expect(credentialsOf(values(given))).toEqual({ mechanism: 'SCRAM-SHA-256', username: 'bob', password: 'p' })
})

test.each([
  ['X required username="alice";'], ['X required;'], ['X required myusername="alice" mypassword="p";'],
])('%j lacks something', (line) => {
  expect(() => credentialsOf(values({ 'sasl.mechanism': 'PLAIN', 'sasl.jaas.config': line }))).toThrow('sasl.jaas.config needs username')
})

test('without SASL there are no credentials, without TLS no options', () => {
  expect(credentialsOf(values({}))).toBeNull()
  expect(tlsOf(values({}), false, read)).toBeNull()
})

test('TLS options come from text, files and the object, the last first', () => {
  const files = { 'security.protocol': 'SSL', 'ssl.truststore.location': 'ca', 'ssl.keystore.location': 'mine', 'ssl.key.password': 'p' }
  expect(tlsOf(values(files), false, read)).toEqual({ ca: '-----BEGIN ca-----', cert: '-----BEGIN mine-----', key: '-----BEGIN mine-----', passphrase: 'p' })
  const text = { ...files, 'ssl.truststore.certificates': 'CA', 'ssl.keystore.certificate.chain': 'CERT', 'ssl.keystore.key': 'KEY' }
  expect(tlsOf(values(text), { ca: 'object' }, read)).toMatchObject({ ca: 'object', cert: 'CERT', key: 'KEY' })
  expect(tlsOf(values({ 'security.protocol': 'SASL_SSL', 'sasl.mechanism': 'PLAIN', 'sasl.username': 'u', 'sasl.password': 'p' }), false, read)).toEqual({})
})

test.each([['missing', 'missing cannot be read'], ['store.jks', 'store.jks is not PEM text']])('a file like %j is refused', (path, message) => {
  expect(() => tlsOf(values({ 'security.protocol': 'SSL', 'ssl.truststore.location': path }), false, read)).toThrow(message)
})

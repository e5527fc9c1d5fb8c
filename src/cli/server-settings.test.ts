import { describe, expect, test } from 'vitest'
import { UsageError } from './command.ts'
import { planServer, type ServerFlags, type ServerPlan } from './server-settings.ts'

const noFlags: ServerFlags = { data: undefined, listeners: undefined, 'advertised-listeners': undefined, port: undefined }
const known = new Set(['num.partitions', 'node.id'])

function plan(file: Record<string, string>, flags: Partial<ServerFlags> = {}, overrides: Record<string, string> = {}): ServerPlan {
  return planServer(new Map(Object.entries(file)), overrides, { ...noFlags, ...flags }, (name) => known.has(name))
}

describe('a server.properties of Kafka', () => {
  test('gives directory, listeners and settings; what means nothing here is named', () => {
    expect(plan({
      'process.roles': 'broker,controller', 'node.id': '7', 'listeners': 'PLAINTEXT://:9092,CONTROLLER://:9093', 'controller.listener.names': 'CONTROLLER',
      'advertised.listeners': 'PLAINTEXT://kafka.local:19092', 'log.dirs': '/var/lib/kafka', 'num.partitions': '3', 'num.network.threads': '3',
    })).toEqual({
      directory: '/var/lib/kafka', listeners: [{ host: '0.0.0.0', port: 9092, advertisedHost: 'kafka.local', advertisedPort: 19092 }],
      settings: { 'node.id': '7', 'num.partitions': '3' }, unused: ['process.roles', 'num.network.threads'],
    })
  })

  test('is overruled by overrides, and those by flags', () => {
    const file = { 'listeners': 'PLAINTEXT://127.0.0.1:1', 'log.dirs': '/a', 'num.partitions': '1' }
    const overruled = plan(file, { data: '/c', port: 0 }, { 'listeners': 'PLAINTEXT://127.0.0.1:2', 'log.dirs': '/b', 'num.partitions': '2', 'num.partition': '3' })
    expect(overruled).toEqual({
      directory: '/c', listeners: [{ host: '127.0.0.1', port: 0 }], settings: { 'num.partitions': '2', 'num.partition': '3' }, unused: [],
    })
  })

  test('may name its listeners, and the broker the old way', () => {
    const named = plan({ 'listeners': 'INSIDE://[::1]:9092', 'listener.security.protocol.map': 'INSIDE:PLAINTEXT', 'broker.id': '4' })
    expect(named.listeners).toEqual([{ host: '::1', port: 9092 }])
    expect(named.settings).toEqual({ 'node.id': '4' })
  })

  test('is not needed', () => { expect(plan({}).listeners).toEqual([{ host: '127.0.0.1', port: 9092 }]) })
})

describe('listeners that cannot be', () => {
  test.each([
    [{ listeners: '127.0.0.1:9092' }, 'is not of the form PLAINTEXT://127.0.0.1:9092'],
    [{ listeners: 'PLAINTEXT://127.0.0.1:99999' }, 'is not of the form'],
    [{ listeners: 'PLAINTXT://127.0.0.1:9092' }, 'did you mean PLAINTEXT?'],
    [{ listeners: 'INSIDE://127.0.0.1:9092' }, 'listener.security.protocol.map'],
    [{ 'listeners': 'PLAINTEXT://127.0.0.1:9092', 'advertised.listeners': 'OTHER://a:1' }, 'advertised.listeners names OTHER'],
    [{ 'log.dirs': '/a,/b' }, 'there is one data directory'],
  ])('%j', (file, problem) => {
    expect(() => plan(file)).toThrow(UsageError)
    expect(() => plan(file)).toThrow(problem)
  })
})

/**
 * Settings of what is neither topic nor broker, and requests to alter that make no sense, as raw requests. The error codes were seen at Apache Kafka 4.1: 40 is
 * INVALID_CONFIG, 42 INVALID_REQUEST.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { apis, type Apis } from '../../src/protocol/api-registry.ts'
import type { RequestInput } from '../../src/protocol/api.ts'
import { listening, RawClient, type WireKit } from '../support/wire-kit.ts'

type Resource = RequestInput<Apis['incrementalAlterConfigs']>['resources'][number]

const TOPIC = 2
const LOGGER = 8
const METRICS = 16
const GROUP = 32
const SET = 0
const DELETE = 1
const APPEND = 2

let kit: WireKit
let client: RawClient
beforeAll(async () => {
  kit = await listening()
  client = await RawClient.open(kit.port)
  await kit.ottla.admin.createTopic('t')
})
afterAll(async () => {
  client.end()
  await kit.ottla.close()
})

const alterAll = async (resources: readonly Resource[], validateOnly = false): Promise<number[]> => (
  (await client.call(apis.incrementalAlterConfigs, 1, { resources, validateOnly })).responses.map(({ errorCode }) => errorCode))
const alter = async (resourceType: number, resourceName: string, name: string, value: string | null, configOperation = SET, validateOnly = false): Promise<number> => (
  (await alterAll([{ resourceType, resourceName, configs: [{ name, configOperation, value }] }], validateOnly))[0]!)
/** By the older API. */
const replace = async (resourceType: number, resourceName: string, name: string, value: string): Promise<number> => (
  (await client.call(apis.alterConfigs, 2, { resources: [{ resourceType, resourceName, configs: [{ name, value }] }], validateOnly: false })).responses[0]!.errorCode)
async function told(resourceType: number, resourceName: string, configurationKeys: readonly string[] | null = null): Promise<unknown> {
  const { results } = await client.call(apis.describeConfigs, 4, { resources: [{ resourceType, resourceName, configurationKeys }], includeSynonyms: true })
  const { errorCode, configs } = results[0]!
  return errorCode === 0 ? configs.map(({ name, value, configSource, synonyms }) => `${name}=${value} ${configSource} ${synonyms.length}`) : errorCode
}

describe('subscriptions to the metrics of clients', () => {
  const defaults = ['interval.ms=300000 5 0', 'match= 5 0', 'metrics= 5 0']
  const listed = async (): Promise<unknown> => (await client.call(apis.listConfigResources, 0, {})).configResources.map(({ resourceName }) => resourceName)

  test('are kept, told and taken back, and no client is asked for any', async () => {
    expect([await told(METRICS, 'none'), await listed()]).toEqual([defaults, []])
    expect(await alterAll([{ resourceType: METRICS, resourceName: 'all', configs: [
      { name: 'metrics', configOperation: SET, value: '*' }, { name: 'match', configOperation: SET, value: 'client_id=a.*,client_source_port=9' },
    ] }])).toEqual([0])
    expect(await alter(METRICS, 'all', 'metrics', 'org.apache.', APPEND)).toBe(0)
    expect(await told(METRICS, 'all')).toEqual(['interval.ms=300000 5 0', 'match=client_id=a.*,client_source_port=9 7 1', 'metrics=*,org.apache. 7 1'])
    expect(await listed()).toEqual(['all'])
    expect((await client.call(apis.listConfigResources, 1, { resourceTypes: [METRICS] })).configResources).toEqual([{ resourceName: 'all', resourceType: METRICS }])
    expect(await replace(METRICS, 'all', 'interval.ms', '100')).toBe(0)
    expect(await told(METRICS, 'all')).toEqual(['interval.ms=100 7 1', 'match= 5 0', 'metrics= 5 0'])
    expect(await alter(METRICS, 'all', 'interval.ms', null, DELETE)).toBe(0)
    expect([await told(METRICS, 'all'), await listed()]).toEqual([defaults, []])
    const offered = (await client.call(apis.apiVersions, 3, { clientSoftwareName: 'a', clientSoftwareVersion: '1' })).apiKeys.map(({ apiKey }) => apiKey)
    expect([offered.includes(71), offered.includes(72), offered.includes(74)]).toEqual([false, false, true])
  })

  test.each([
    ['interval.ms', '99', 42], ['interval.ms', '3600001', 42], ['interval.ms', 'soon', 40], ['nothing', '1', 42], ['match', 'client=a', 40], ['match', 'client_id', 40],
    ['match', 'client_id=', 40], ['match', 'client_id=a=b', 40], ['match', 'client_id=[', 40],
  ])('cannot have %s=%s', async (name, value, code) => {
    expect(await alter(METRICS, 'm', name, value)).toBe(code)
    expect(await told(METRICS, 'm')).toEqual(defaults)
  })

  test('have a name', async () => {
    expect([await alter(METRICS, '', 'metrics', '*'), await told(METRICS, '')]).toEqual([42, 42])
  })
})

describe('the logger of a broker', () => {
  test('has a level that is told and set while it runs, and writes nothing below', async () => {
    expect(await told(LOGGER, '1')).toEqual(['root=DEBUG 6 0'])
    expect([await alter(LOGGER, '1', 'root', 'FATAL', SET, true), await told(LOGGER, '1')]).toEqual([0, ['root=DEBUG 6 0']])
    expect([await alter(LOGGER, '1', 'root', 'ERROR'), await told(LOGGER, '1', ['root']), await told(LOGGER, '1', ['kafka'])]).toEqual([0, ['root=ERROR 6 0'], []])
    const before = kit.logger.messages('warn').length
    const stray = await RawClient.open(kit.port)
    stray.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    await stray.closed
    expect(kit.logger.messages('warn')).toHaveLength(before)
    expect(await alter(LOGGER, '1', 'root', 'TRACE')).toBe(0)
    const second = await RawClient.open(kit.port)
    second.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    await second.closed
    expect(kit.logger.messages('warn').length).toBeGreaterThan(before)
  })

  test('is the only one, of this broker, and has one of six levels', async () => {
    expect([await told(LOGGER, ''), await told(LOGGER, '2'), await alter(LOGGER, '2', 'root', 'INFO'), await alter(LOGGER, '1', 'kafka', 'INFO')]).toEqual([42, 42, 42, 40])
    expect([await alter(LOGGER, '1', 'root', 'LOUD'), await alter(LOGGER, '1', 'root', null, DELETE), await alter(LOGGER, '1', 'root', 'INFO', APPEND)]).toEqual([40, 42, 42])
    expect(await replace(LOGGER, '1', 'root', 'INFO')).toBe(42)
  })
})

describe('a request to alter', () => {
  const set = (name: string, value: string | null) => ({ name, configOperation: SET, value })

  test('that names a resource or a setting twice, or gives no value, is refused for that resource', async () => {
    const resources = [
      { resourceType: TOPIC, resourceName: 't', configs: [set('retention.ms', '1')] }, { resourceType: TOPIC, resourceName: 't', configs: [set('retention.bytes', '1')] },
      { resourceType: GROUP, resourceName: 'g', configs: [set('consumer.session.timeout.ms', '50000')] },
      { resourceType: GROUP, resourceName: 'h', configs: [set('consumer.session.timeout.ms', '50000'), set('consumer.session.timeout.ms', '50001')] },
      { resourceType: GROUP, resourceName: 'i', configs: [set('consumer.session.timeout.ms', null)] },
    ]
    expect(await alterAll(resources)).toEqual([42, 42, 0, 42, 42])
    const older = resources.map((each) => ({ ...each, configs: each.configs.map(({ name, value }) => ({ name, value })) }))
    const legacy = await client.call(apis.alterConfigs, 2, { resources: older, validateOnly: false })
    expect(legacy.responses.map(({ errorCode }) => errorCode)).toEqual([42, 42, 0, 42, 42])
  })

  test('may take back what there never was', async () => {
    expect(await alter(TOPIC, 't', 'message.format.version', null, DELETE)).toBe(0)
    expect(await alter(TOPIC, 't', 'message.format.version', '3.0')).toBe(40)
  })
})

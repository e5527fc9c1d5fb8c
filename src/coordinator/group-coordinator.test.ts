import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { OttlaError } from '../common/errors.ts'
import { coordinatorPartition } from '../protocol/java-hash.ts'
import { readBatchHeader, viewOf } from '../record/batch-format.ts'
import { buildBatch, buildEndTransactionMarker } from '../record/record-batch-builder.ts'
import { GroupHarness, MemoryOffsetsLog, Waiting } from '../../test/support/group-harness.ts'
import { offsetCommitRecord, recordBytes } from './offsets-records.ts'

const DAY = 86_400_000
const LOADING = 14
const NOT_AVAILABLE = 15

describe('offsets', () => {
  test('are read as committed, with leader epoch and metadata, and −1 where nothing is', async () => {
    const h = await GroupHarness.create()
    expect(await h.commit('g', 42, undefined, 't', 3, 'wo wir waren')).toBe(0)
    const asked = [{ topic: 't', partition: 3 }, { topic: 't', partition: 1 }, { topic: 'x', partition: 0 }]
    const fetch = await h.coordinator.offsetFetch({ groupId: 'g', requireStable: true, partitions: asked })
    expect(fetch.partitions).toEqual([
      { errorCode: 0, topic: 't', partition: 3, committedOffset: 42, committedLeaderEpoch: 3, metadata: 'wo wir waren' },
      { errorCode: 0, topic: 't', partition: 1, committedOffset: -1, committedLeaderEpoch: -1, metadata: '' },
      { errorCode: 0, topic: 'x', partition: 0, committedOffset: -1, committedLeaderEpoch: -1, metadata: '' },
    ])
    const all = await h.coordinator.offsetFetch({ groupId: 'g', requireStable: false, partitions: null })
    expect(all.partitions.map(({ topic, partition }) => [topic, partition])).toEqual([['t', 3]])
    expect(await h.committed('other')).toBe(-1)
  })

  test('of one commit stand in one uncompressed batch, in the version that Kafka 4.1 writes', async () => {
    const h = await GroupHarness.create()
    await h.commitMany('g', [['t', 0, 0], ['t', 1, 1], ['t', 2, 2]])
    expect(h.log.batches.length).toBe(1)
    const { bytes } = h.log.batches[0]!
    const header = readBatchHeader(bytes, viewOf(bytes), 0, bytes.length)
    expect(header).toMatchObject({ count: 3, magic: 2, compression: 'none', producerId: -1, isTransactional: false })
    expect(h.log.records()[2]).toEqual({
      type: 1, key: { group: 'g', topic: 't', partition: 2 },
      version: 4, value: { offset: 2, leaderEpoch: -1, metadata: '', commitTimestamp: h.scheduler.clock.now() },
    })
  })

  test('that cannot be committed are refused one by one', async () => {
    const h = await GroupHarness.create()
    expect(await h.commit('g', 1, undefined, 't', 0, 'x'.repeat(4096))).toBe(0)
    expect(await h.commit('g', 2, undefined, 't', 0, 'x'.repeat(4097))).toBe(12)
    expect(await h.commit('g', 2, undefined, 't', 4)).toBe(3)
    expect(await h.commit('g', 2, undefined, 'none', 0)).toBe(3)
    expect(await h.commitMany('g', [['t', 0, 7], ['none', 0, 7]])).toEqual([0, 3])
    expect(await h.committed('g')).toBe(7)
  })

  test('may be committed by members of this generation only, and by strangers only to an empty group', async () => {
    const h = await GroupHarness.create()
    expect(await h.commit('g', 1)).toBe(0)
    const [a] = await h.stable('g')
    expect(await h.commit('g', 2, a)).toBe(0)
    expect(await h.commit('g', 3)).toBe(25)
    expect(await h.commit('g', 3, { ...a!, memberId: 'nobody' })).toBe(25)
    expect(await h.commit('g', 3, { ...a!, generationId: 0 })).toBe(22)
    // As Kafka: what is not there is told whoever asks.
    expect(await h.commit('g', 3, { ...a!, generationId: 0 }, 'nowhere')).toBe(3)
    expect(await h.commit('none', 3, a)).toBe(22)
    const rejoined = h.join('g', { memberId: a!.memberId })
    await h.settle()
    expect(await h.commit('g', 3, a)).toBe(22)
    expect(await h.commit('g', 3, rejoined.value)).toBe(27)
    expect(await h.committed('g')).toBe(2)
  })

  test('may still be committed for the old generation while the group prepares the next', async () => {
    const h = await GroupHarness.create()
    const [a, b] = await h.stable('g', 2)
    h.join('g', { memberId: a!.memberId })
    await h.settle()
    expect(await h.commit('g', 5, b)).toBe(0)
    expect(await h.committed('g')).toBe(5)
  })

  test('stay as they were when the append fails, and the committer is told to retry', async () => {
    const h = await GroupHarness.create()
    await h.commit('g', 1)
    h.log.failure = new OttlaError('DISK_FULL', 'no space left')
    expect(await h.commit('g', 2)).toBe(NOT_AVAILABLE)
    expect(await h.committed('g')).toBe(1)
    h.log.failure = new OttlaError('LOG_OFFLINE', 'fsync failed')
    const offline = await h.coordinator.offsetCommit({
      groupId: 'g', memberId: '', groupInstanceId: null, generationId: -1,
      partitions: [{ topic: 't', partition: 0, committedOffset: 3, committedLeaderEpoch: -1, committedMetadata: '' }],
    })
    expect(offline.partitions[0]!.error).toMatchObject({ code: 'LOG_OFFLINE', retriable: false })
    h.log.failure = null
    expect(await h.commit('g', 4)).toBe(0)
    expect(await h.committed('g')).toBe(4)
  })

  test('are not told before they are in the log', async () => {
    const h = await GroupHarness.create()
    await h.commit('g', 1)
    h.log.held = []
    const commits = [2, 3].map((offset) => new Waiting(h.commit('g', offset)))
    await h.settle()
    expect(commits[0]!.isAnswered).toBe(false)
    expect(await h.committed('g')).toBe(1)
    h.log.release()
    await h.settle()
    expect(commits.map((each) => each.value)).toEqual([0, 0])
    expect(await h.committed('g')).toBe(3)
  })

  test('count in the order of the log, in whatever order its appends are confirmed', async () => {
    const gates: (() => void)[] = []
    class SlowToConfirm extends MemoryOffsetsLog {
      override async append(records: Uint8Array): Promise<{ baseOffset: number }> {
        const appended = await super.append(records)
        await new Promise<void>((resolve) => { gates.push(resolve) })
        return appended
      }
    }
    const h = await GroupHarness.create({}, [new SlowToConfirm()])
    const commits = [1, 2].map((offset) => new Waiting(h.commit('g', offset)))
    await h.settle()
    gates[1]!()
    await h.settle()
    expect(commits.map((each) => each.isAnswered)).toEqual([false, false])
    gates[0]!()
    await h.settle()
    expect(commits.map((each) => each.value)).toEqual([0, 0])
    expect(await h.committed('g')).toBe(2)
  })

  test('can be deleted for topics that nobody of the group reads', async () => {
    const h = await GroupHarness.create()
    await h.commit('g', 1, undefined, 't', 0)
    await h.commit('g', 2, undefined, 'u', 0)
    const [a] = await h.stable('g')
    const remove = (partitions: { topic: string; partition: number }[]): Promise<unknown> => h.coordinator.offsetDelete({ groupId: 'g', partitions })
    expect(await remove([{ topic: 't', partition: 0 }, { topic: 'u', partition: 0 }, { topic: 'u', partition: 1 }, { topic: 'u', partition: 99 }, { topic: 'none', partition: 0 }]))
      .toMatchObject({ errorCode: 0, partitions: [{ errorCode: 86 }, { errorCode: 0 }, { errorCode: 0 }, { errorCode: 3 }, { errorCode: 3 }] })
    expect([await h.committed('g'), await h.committed('g', 'u')]).toEqual([1, -1])
    const tombstones = h.log.records().filter((record) => record.value === null)
    expect(tombstones).toEqual([{ type: 1, key: { group: 'g', topic: 'u', partition: 0 }, version: -1, value: null }])
    await h.leave('g', a!.memberId)
    expect(await remove([{ topic: 't', partition: 0 }])).toMatchObject({ partitions: [{ errorCode: 0 }] })
    expect(await h.committed('g')).toBe(-1)
    expect(await h.coordinator.offsetDelete({ groupId: 'none', partitions: [] })).toMatchObject({ errorCode: 69 })
  })

  test('of a deleted topic are removed from every group', async () => {
    const h = await GroupHarness.create()
    await h.commit('g1', 1, undefined, 't', 0)
    await h.commit('g1', 1, undefined, 'u', 0)
    await h.commit('g2', 1, undefined, 't', 2)
    await h.coordinator.topicDeleted('t')
    expect([await h.committed('g1'), await h.committed('g2', 't', 2), await h.committed('g1', 'u')]).toEqual([-1, -1, 1])
  })
})

describe('the offsets topic', () => {
  test('is created on the first write, with the partitions of the settings, and groups go where Kafka puts them', async () => {
    const h = await GroupHarness.create({ 'offsets.topic.num.partitions': 7 })
    expect(h.logs).toEqual([])
    const groups = Array.from({ length: 20 }, (_, i) => `group-${i}`)
    await Promise.all(groups.map((group, i) => h.commit(group, i)))
    expect(h.logs.length).toBe(7)
    for (const [partition, log] of h.logs.entries()) {
      for (const { key } of log.records()) expect(coordinatorPartition(key['group'] as string, 7)).toBe(partition)
    }
    await h.crash()
    for (const [i, group] of groups.entries()) expect(await h.committed(group)).toBe(i)
  })

  test('keeps the number of partitions it has', async () => {
    const h = await GroupHarness.create({ 'offsets.topic.num.partitions': 1 }, [new MemoryOffsetsLog(), new MemoryOffsetsLog(), new MemoryOffsetsLog()])
    await h.commit('g', 1)
    expect(h.logs.map((log) => log.batches.length).reduce((a, b) => a + b)).toBe(1)
    expect(h.logs[coordinatorPartition('g', 3)]!.batches.length).toBe(1)
  })
})

describe('a partition of the offsets topic that is not in the directory', () => {
  test('leaves the groups of the others where they are', async () => {
    const h = await GroupHarness.create({ 'offsets.topic.num.partitions': 3 })
    const groups = Array.from({ length: 12 }, (_, i) => `group-${i}`)
    await Promise.all(groups.map((group, i) => h.commit(group, i)))
    h.logs = [h.logs[0]!, undefined as never, h.logs[2]!]
    await h.crash()
    for (const [i, group] of groups.entries()) {
      const isHere = coordinatorPartition(group, 3) !== 1
      expect(await h.committed(group)).toBe(isHere ? i : -1)
      expect(await h.commit(group, 100)).toBe(isHere ? 0 : NOT_AVAILABLE)
    }
  })
})

describe('loading', () => {
  test('gives the state that was, whatever happened before', async () => {
    const h = await GroupHarness.create()
    const [a, b] = await h.stable('g', 2)
    await h.commit('g', 5, a)
    await h.commit('g', 6, b, 't', 1)
    await h.commit('simple', 7)
    await h.crash()
    expect((await h.coordinator.listGroups({ statesFilter: [] })).groups).toEqual([
      { groupId: 'g', protocolType: 'consumer', groupState: 'Stable', groupType: 'classic' },
      { groupId: 'simple', protocolType: '', groupState: 'Empty', groupType: 'classic' },
    ])
    expect([await h.committed('g'), await h.committed('g', 't', 1), await h.committed('simple')]).toEqual([5, 6, 7])
    expect(await h.heartbeat('g', a!)).toBe(0)
    expect(await h.commit('g', 8, b)).toBe(0)
    await h.advance(9000)
    expect(await h.heartbeat('g', a!)).toBe(0)
    await h.advance(1000)
    expect(await h.heartbeat('g', a!)).toBe(27)
    expect(await h.heartbeat('g', b!)).toBe(25)
  })

  test('until it is done answers every question with LOAD_IN_PROGRESS, never with a number', async () => {
    const h = await GroupHarness.create()
    const [a] = await h.stable('g')
    await h.commit('g', 5, a)
    h.start()
    expect(await h.heartbeat('g', a!)).toBe(0)
    expect(await h.committed('g')).toBe(-1000 - LOADING)
    await h.coordinator.loaded
    h.start()
    expect(await h.commit('g', 1)).toBe(LOADING)
    await h.coordinator.loaded
    h.start()
    const join = h.join('g')
    const describe = await h.coordinator.describeGroups({ groups: ['g'] })
    expect(describe.groups[0]!.errorCode).toBe(LOADING)
    await h.coordinator.loaded
    expect(join.value.errorCode).toBe(LOADING)
    expect(await h.committed('g')).toBe(5)
  })

  test('forgets members of the process that died, keeps static and remote ones', async () => {
    const h = await GroupHarness.create()
    await h.stable('dead', 2, [{ inProcess: true }, { inProcess: true }])
    const [a] = await h.stable('mixed', 2, [{}, { inProcess: true }])
    await h.stable('static', 2, [{ inProcess: true, groupInstanceId: 'i1' }, { inProcess: true, groupInstanceId: 'i2' }])
    await h.crash()
    expect(await h.state('dead')).toBe('Empty')
    expect(await h.state('mixed')).toBe('PreparingRebalance')
    expect(await h.state('static')).toBe('Stable')
    const join = h.join('dead', { inProcess: true })
    await h.advance(0)
    expect(join.value).toMatchObject({ errorCode: 0, generationId: 2 })
    const remote = h.join('mixed', { memberId: a!.memberId })
    const back = h.join('static', { inProcess: true, groupInstanceId: 'i2' })
    await h.settle()
    expect(remote.value.generationId).toBe(2)
    expect(back.value).toMatchObject({ errorCode: 0, generationId: 1 })
  })

  test('does not let a group that lost its members in a crash expire at once', async () => {
    const h = await GroupHarness.create()
    const [a] = await h.stable('g', 1, [{ inProcess: true }])
    await h.commit('g', 5, a)
    for (let day = 0; day < 8; day++) {
      for (let hour = 0; hour < 24; hour++) {
        h.scheduler.clock.setWall(h.scheduler.clock.now() + DAY / 24)
        expect(await h.heartbeat('g', a!)).toBe(0)
      }
    }
    await h.crash()
    await h.advance(600_000)
    expect(await h.committed('g')).toBe(5)
    expect(h.log.records().at(-1)!.value).toMatchObject({ members: [], protocolType: 'consumer' })
    h.scheduler.clock.setWall(h.scheduler.clock.now() + 8 * DAY)
    await h.crash()
    await h.advance(600_000)
    expect(await h.committed('g')).toBe(-1)
  })

  test('skips a record that does not parse and a batch with flipped bits, loudly, and takes the rest', async () => {
    const h = await GroupHarness.create()
    for (const [group, offset] of [['a', 1], ['b', 2], ['c', 3], ['d', 4]] as const) await h.commit(group, offset)
    const committed = { offset: 5, leaderEpoch: -1, metadata: '', commitTimestampMs: 1, expireTimestampMs: -1 }
    const rubbish = buildBatch([
      { timestamp: 1, key: new Uint8Array([0, 1, 0, 9]), value: new Uint8Array([0, 4]) },
      { timestamp: 1, key: new Uint8Array([0, 99, 1]), value: null },
      { timestamp: 1, ...recordBytes(offsetCommitRecord('e', 't', 0, committed)) },
      { timestamp: 1, key: null, value: new Uint8Array([1]) },
    ], { baseOffset: 4 })
    h.log.put(rubbish)
    const flipped = h.log.batches[1]!.bytes
    flipped[flipped.length - 20]! ^= 0x40
    await h.crash()
    expect([await h.committed('a'), await h.committed('b'), await h.committed('c'), await h.committed('d'), await h.committed('e')]).toEqual([1, -1, 3, 4, 5])
    const errors = h.logger.entries.filter((entry) => entry.level === 'error')
    expect(errors.map((entry) => entry.fields['offset'])).toEqual([1, 4, 7])
    for (const entry of errors) expect(entry.message).toMatch(/__consumer_offsets: .* skipped/)
    expect(await h.commit('b', 9)).toBe(0)
  })

  test('steps over a stretch of the log that cannot be read', async () => {
    const h = await GroupHarness.create({ 'offsets.load.buffer.size': 200 })
    for (let i = 0; i < 300; i++) await h.commit(`g${i}`, i)
    for (let offset = 100; offset < 240; offset++) h.log.unreadable.add(offset)
    await h.crash()
    expect([await h.committed('g99'), await h.committed('g100'), await h.committed('g299')]).toEqual([99, -1, 299])
    const lines = h.logger.messages('error').length
    expect(lines).toBeGreaterThan(0)
    expect(lines).toBeLessThan(20)
  })

  test('takes offsets of a transaction when its marker says so', async () => {
    const h = await GroupHarness.create({}, [new MemoryOffsetsLog()])
    const commit = (offset: number, producerId: number): void => {
      const record = recordBytes(offsetCommitRecord('g', 't', 0, { offset, leaderEpoch: -1, metadata: '', commitTimestampMs: 1, expireTimestampMs: -1 }))
      const fields = { baseOffset: h.log.highWatermark, producerId, producerEpoch: 0, baseSequence: 0, isTransactional: producerId >= 0 }
      h.log.put(buildBatch([{ timestamp: 1, ...record }], fields))
    }
    const end = (type: 'COMMIT' | 'ABORT', producerId: number): void => {
      h.log.put(buildEndTransactionMarker({ type, offset: h.log.highWatermark, timestamp: 1, producerId, producerEpoch: 0, coordinatorEpoch: 0 }))
    }
    const reload = async (): Promise<number> => { await h.crash(); return h.committed('g') }
    const groups = async (): Promise<unknown> => (await h.coordinator.listGroups({ statesFilter: [] })).groups.map(({ groupId, groupState }) => [groupId, groupState])
    commit(1, 7)
    expect(await reload()).toBe(-1)
    expect(await groups()).toEqual([['g', 'Empty']])
    const fetch = async (requireStable: boolean): Promise<unknown> => (
      (await h.coordinator.offsetFetch({ groupId: 'g', requireStable, partitions: [{ topic: 't', partition: 0 }] })).partitions[0])
    const all = async (): Promise<unknown> => (await h.coordinator.offsetFetch({ groupId: 'g', requireStable: true, partitions: null })).partitions
    expect(await fetch(true)).toMatchObject({ errorCode: 88, committedOffset: -1 })
    // Whoever asks for all that is committed is not told of a partition for which nothing is.
    expect(await all()).toEqual([])
    expect(await fetch(false)).toMatchObject({ errorCode: 0, committedOffset: -1 })
    end('COMMIT', 7)
    expect(await reload()).toBe(1)
    // Its only commit is one of a transaction: it is a group all the same.
    expect(await groups()).toEqual([['g', 'Empty']])
    commit(2, 7)
    end('ABORT', 7)
    expect(await reload()).toBe(1)
    commit(3, 7)
    commit(4, -1)
    end('COMMIT', 7)
    expect(await reload()).toBe(4)
    // An open transaction keeps the partition from expiring.
    commit(5, 8)
    await reload()
    expect(await all()).toMatchObject([{ errorCode: 88, committedOffset: -1 }])
    await h.coordinator.expireOffsets()
    expect(await fetch(false)).toMatchObject({ committedOffset: 4 })
    end('ABORT', 8)
    await reload()
    await h.coordinator.expireOffsets()
    expect([await h.committed('g'), await groups()]).toEqual([-1, []])
    // As in Kafka 4.1, whatever becomes of the transaction.
    commit(6, 9)
    end('ABORT', 9)
    expect([await reload(), await groups()]).toEqual([-1, [['g', 'Empty']]])
  })

  test('of a read-only directory starts nothing', async () => {
    const h = await GroupHarness.create()
    await h.stable('g', 1, [{ inProcess: true }])
    await h.coordinator.close()
    await h.open(true)
    expect(h.scheduler.pendingTimers).toBe(0)
    expect(await h.state('g')).toBe('Stable')
  })
})

describe('expiry', () => {
  const weeks = async (h: GroupHarness, days: number): Promise<void> => {
    h.scheduler.clock.setWall(h.scheduler.clock.now() + days * DAY)
    await h.coordinator.expireOffsets()
  }

  test('counts from when the group became empty; eight quiet days with a member present lose nothing', async () => {
    const h = await GroupHarness.create()
    const [a] = await h.stable('g')
    await h.commit('g', 5, a)
    for (let day = 0; day < 8; day++) {
      await weeks(h, 1)
      expect(await h.heartbeat('g', a!)).toBe(0)
    }
    expect(await h.committed('g')).toBe(5)
    await h.leave('g', a!.memberId)
    await h.settle()
    await weeks(h, 6.99)
    expect(await h.committed('g')).toBe(5)
    await weeks(h, 0.02)
    expect(await h.committed('g')).toBe(-1)
    expect(h.log.records().slice(-2).map(({ type, value }) => [type, value])).toEqual([[1, null], [2, null]])
    expect(await h.state('g')).toBe('Dead')
  })

  test('in a stable group takes offsets of topics that nobody reads any more', async () => {
    const h = await GroupHarness.create()
    await h.commit('g', 1, undefined, 'u', 0)
    const [a] = await h.stable('g')
    await h.commit('g', 2, a)
    await weeks(h, 7)
    expect([await h.committed('g'), await h.committed('g', 'u')]).toEqual([2, -1])
    expect(await h.state('g')).toBe('Stable')
  })

  test('of offsets without a group protocol counts from each commit', async () => {
    const h = await GroupHarness.create()
    await h.commit('simple', 1)
    await weeks(h, 4)
    await h.commit('simple', 2, undefined, 't', 1)
    await weeks(h, 3)
    expect([await h.committed('simple'), await h.committed('simple', 't', 1)]).toEqual([-1, 2])
    expect(await h.state('simple')).toBe('Empty')
    await weeks(h, 4)
    expect(await h.state('simple')).toBe('Dead')
  })

  test('keeps the expire time that an old broker wrote', async () => {
    const h = await GroupHarness.create({}, [new MemoryOffsetsLog()])
    const now = h.scheduler.clock.now()
    const committed = { offset: 5, leaderEpoch: -1, metadata: '', commitTimestampMs: now, expireTimestampMs: -1 }
    const { key } = recordBytes(offsetCommitRecord('g', 't', 0, committed))
    const value = Buffer.alloc(28)
    value.writeInt16BE(1, 0)
    value.writeInt32BE(5, 6)
    value.writeInt32BE(Math.floor(now / 2 ** 32), 12)
    value.writeUInt32BE(now % 2 ** 32, 16)
    value.writeInt32BE(Math.floor((now + DAY) / 2 ** 32), 20)
    value.writeUInt32BE((now + DAY) % 2 ** 32, 24)
    h.log.put(buildBatch([{ timestamp: now, key, value }]))
    await h.crash()
    expect(await h.committed('g')).toBe(5)
    await weeks(h, 0.9)
    expect(await h.committed('g')).toBe(5)
    await weeks(h, 0.1)
    expect(await h.committed('g')).toBe(-1)
  })

  test('runs by itself, and writes many tombstones in batches of a bounded size', async () => {
    const h = await GroupHarness.create()
    h.topics.set('wide', 2500)
    await h.commitMany('g', Array.from({ length: 2500 }, (_, partition) => ['wide', partition, 1] as const))
    h.scheduler.clock.setWall(h.scheduler.clock.now() + 8 * DAY)
    await h.advance(600_000)
    expect(h.log.batches.length).toBe(4)
    expect(await h.state('g')).toBe('Dead')
  })
})

describe('administration', () => {
  test('lists groups by state and describes them with what members said and got', async () => {
    const h = await GroupHarness.create()
    await h.stable('g', 2, [{ clientId: 'one', groupInstanceId: 'i1' }])
    await h.commit('simple', 1)
    h.join('new')
    const list = async (...statesFilter: string[]): Promise<string[]> => (await h.coordinator.listGroups({ statesFilter })).groups.map((group) => group.groupId)
    expect(await list()).toEqual(['g', 'simple', 'new'])
    expect(await list('stable', 'PREPARINGREBALANCE')).toEqual(['g', 'new'])
    const { groups } = await h.coordinator.describeGroups({ groups: ['g', 'new', 'none'] })
    expect(groups[0]).toMatchObject({ errorCode: 0, groupState: 'Stable', protocolType: 'consumer', protocolData: 'range' })
    expect(groups[0]!.members[0]).toMatchObject({ clientId: 'one', groupInstanceId: 'i1', clientHost: '/127.0.0.1' })
    expect(groups[0]!.members.map((member) => Buffer.from(member.memberAssignment).toString())).toEqual(['part 0', 'part 1'])
    expect(groups[1]).toMatchObject({ groupState: 'PreparingRebalance', protocolData: '' })
    expect(groups[1]!.members[0]!.memberMetadata.length).toBe(0)
    expect(groups[2]).toMatchObject({ errorCode: 69, groupState: 'Dead', members: [] })
  })

  test('shows during a rebalance who had what, as Kafka does', async () => {
    const h = await GroupHarness.create()
    await h.stable('g', 2)
    h.join('g')
    const { groups: [group] } = await h.coordinator.describeGroups({ groups: ['g'] })
    expect(group!.groupState).toBe('PreparingRebalance')
    expect(group!.members.map(({ memberMetadata, memberAssignment }) => [memberMetadata.length, Buffer.from(memberAssignment).toString()])).toEqual([[0, 'part 0'], [0, 'part 1'], [0, '']])
  })

  test('deletes empty groups with all their offsets, and only those', async () => {
    const h = await GroupHarness.create()
    const [a] = await h.stable('g')
    await h.commit('g', 5, a)
    await h.commit('simple', 6)
    expect((await h.coordinator.deleteGroups({ groups: ['g', 'simple', 'none'] })).results.map((each) => each.errorCode)).toEqual([68, 0, 69])
    expect([await h.committed('g'), await h.committed('simple')]).toEqual([5, -1])
    await h.leave('g', a!.memberId)
    await h.settle()
    h.log.failure = new OttlaError('DISK_FULL', 'no space left')
    expect((await h.coordinator.deleteGroups({ groups: ['g'] })).results[0]!.errorCode).toBe(NOT_AVAILABLE)
    expect(await h.committed('g')).toBe(5)
    h.log.failure = null
    expect((await h.coordinator.deleteGroups({ groups: ['g'] })).results[0]!.errorCode).toBe(0)
    expect(await h.state('g')).toBe('Dead')
    await h.crash()
    expect((await h.coordinator.listGroups({ statesFilter: [] })).groups).toEqual([])
  })

  test('a group that is deleted is gone, whatever member ids it has handed out', async () => {
    const h = await GroupHarness.create()
    const timers = h.scheduler.pendingTimers
    const asked = h.join('g', { requireKnownMemberId: true })
    await h.settle()
    expect(asked.value.errorCode).toBe(79)
    const remove = async (): Promise<number> => (await h.coordinator.deleteGroups({ groups: ['g'] })).results[0]!.errorCode
    expect([await remove(), await remove()]).toEqual([0, 69])
    expect(h.scheduler.pendingTimers).toBe(timers)
    expect(await h.state('g')).toBe('Dead')
    expect((await h.coordinator.listGroups({ statesFilter: [] })).groups).toEqual([])
    const late = h.join('g', { requireKnownMemberId: true, memberId: asked.value.memberId })
    await h.settle()
    expect(late.value.errorCode).toBe(25)
  })

  test('a member that joins while its group is being deleted is not lost', async () => {
    const h = await GroupHarness.create()
    await h.commit('g', 5)
    h.log.held = []
    const deleting = new Waiting(h.coordinator.deleteGroups({ groups: ['g'] }))
    await h.settle()
    const join = h.join('g')
    h.log.release()
    await h.advance(0)
    expect(deleting.value.results[0]!.errorCode).toBe(0)
    expect(join.value.errorCode).toBe(0)
    const sync = h.sync('g', join.value, { [join.value.memberId]: 'x' })
    await h.settle()
    expect(sync.value.errorCode).toBe(0)
    await h.crash()
    expect(await h.state('g')).toBe('Stable')
  })
})

describe('directories that a real Kafka wrote', () => {
  interface Committed { topic: string; partition: number; offset: number; metadata: string; leaderEpoch: number | null }
  interface Truth { type: string; protocol: string; state: string; committed: Committed[] }
  const fixtures = new URL('../../fixtures/', import.meta.url)

  function logOf(folder: URL): MemoryOffsetsLog {
    const log = new MemoryOffsetsLog()
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.log')).sort()) {
      const bytes = new Uint8Array(readFileSync(new URL(file, folder)))
      for (let position = 0; position < bytes.length;) {
        const { size } = readBatchHeader(bytes, viewOf(bytes), position, bytes.length)
        log.put(bytes.slice(position, position + size))
        position += size
      }
    }
    return log
  }

  test.each(['06-groups', '06-groups-live', '11-broker'])('%s has the groups and offsets that its tools showed', async (name) => {
    const data = new URL(`${name}/data/`, fixtures)
    const logs: MemoryOffsetsLog[] = []
    while (existsSync(new URL(`__consumer_offsets-${logs.length}/`, data))) logs.push(logOf(new URL(`__consumer_offsets-${logs.length}/`, data)))
    const truth = JSON.parse(readFileSync(new URL(`${name}/truth/groups.json`, fixtures)).toString()) as Record<string, Truth>
    const h = await GroupHarness.create({}, logs)
    const shown: Record<string, Truth> = {}
    for (const group of (await h.coordinator.listGroups({ statesFilter: [] })).groups) {
      const fetched = await h.coordinator.offsetFetch({ groupId: group.groupId, requireStable: true, partitions: null })
      const committed = fetched.partitions
        .map(({ topic, partition, committedOffset, metadata, committedLeaderEpoch }) => (
          { topic, partition, offset: committedOffset, metadata, leaderEpoch: committedLeaderEpoch === -1 ? null : committedLeaderEpoch }))
        .sort((a, b) => a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition)
      const type = group.groupType === 'consumer' ? 'Consumer' : 'Classic'
      shown[group.groupId] = { type, protocol: group.protocolType, state: group.groupState, committed }
    }
    expect(shown).toEqual(truth)
    expect(h.logger.messages('error')).toEqual([])
  })

  test('a group of the new protocol makes room for a classic one once its members are gone', async () => {
    const h = await GroupHarness.create({}, [logOf(new URL('06-groups-live/data/__consumer_offsets-0/', fixtures))])
    const refused = h.join('live-848')
    await h.settle()
    expect(refused.value.errorCode).toBe(23)
    expect(await h.commit('live-848', 1)).toBe(25)
    await h.advance(45_000)
    expect(await h.state('live-848')).toBe('Empty')
    const join = h.join('live-848')
    await h.advance(0)
    expect(join.value.errorCode).toBe(0)
    const sync = h.sync('live-848', join.value, { [join.value.memberId]: 'x' })
    await h.settle()
    expect(sync.value.errorCode).toBe(0)
    await h.crash()
    const { groups } = await h.coordinator.listGroups({ statesFilter: [] })
    expect(groups.find((group) => group.groupId === 'live-848')).toMatchObject({ groupType: 'classic', groupState: 'Stable' })
  })

  test('groups of the new protocol can be deleted', async () => {
    const h = await GroupHarness.create({}, [logOf(new URL('06-groups/data/__consumer_offsets-0/', fixtures))])
    expect((await h.coordinator.deleteGroups({ groups: ['kip848', 'kip848-static'] })).results.map((each) => each.errorCode)).toEqual([0, 68])
    await h.crash()
    const groups = (await h.coordinator.listGroups({ statesFilter: [] })).groups.map((group) => group.groupId)
    expect(groups).not.toContain('kip848')
    expect(groups).toContain('kip848-static')
    expect(await h.committed('kip848', 'in')).toBe(-1)
  })
})

import { describe, expect, test } from 'vitest'
import { GroupHarness, MemoryOffsetsLog } from '../../test/support/group-harness.ts'
import { GroupsOnDemand } from './groups-on-demand.ts'

/** Reads are counted: the offsets log is read when the groups are. */
class CountedLog extends MemoryOffsetsLog {
  reads = 0
  override read(offset: number, options: { maxBytes: number }): Promise<{ records: Uint8Array }> {
    this.reads += 1
    return super.read(offset, options)
  }
}

async function harness(): Promise<{ h: GroupHarness; log: CountedLog }> {
  const log = new CountedLog()
  const h = await GroupHarness.create({}, [log])
  expect(await h.commit('g', 7)).toBe(0)
  await h.coordinator.close()
  log.reads = 0
  return { h, log }
}

const committed = async (groups: GroupsOnDemand): Promise<number[]> => (
  (await groups.offsetFetch({ groupId: 'g', requireStable: false, partitions: null })).partitions.map((each) => each.committedOffset))

describe('groups on demand', () => {
  test('are read by the first call, which is answered in full', async () => {
    const { h, log } = await harness()
    const groups = new GroupsOnDemand(h.options())
    await h.settle()
    expect(log.reads).toBe(0)
    expect(await Promise.all([committed(groups), committed(groups)])).toEqual([[7], [7]])
    const { reads } = log
    expect(reads).toBeGreaterThan(0)
    expect((await groups.listGroups({ statesFilter: [] })).groups.map((each) => each.groupId)).toEqual(['g'])
    expect(log.reads).toBe(reads)
    await groups.close()
    expect(h.scheduler.pendingTimers).toBe(0)
  })

  test('are read by whichever call comes first', async () => {
    const { h } = await harness()
    const member = { groupId: 'g', memberId: 'm', groupInstanceId: null, generationId: 1 }
    const first: Record<string, (groups: GroupsOnDemand) => Promise<object>> = {
      syncGroup: (groups) => groups.syncGroup({ ...member, protocolType: null, protocolName: null, assignments: [] }),
      heartbeat: (groups) => groups.heartbeat(member),
      leaveGroup: (groups) => groups.leaveGroup({ groupId: 'g', members: [{ memberId: 'm', groupInstanceId: null, reason: null }] }),
      offsetCommit: (groups) => groups.offsetCommit({ ...member, partitions: [{ topic: 't', partition: 0, committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: null }] }),
      offsetDelete: (groups) => groups.offsetDelete({ groupId: 'g', partitions: [{ topic: 'none', partition: 0 }] }),
      describeGroups: (groups) => groups.describeGroups({ groups: ['g'] }),
      deleteGroups: (groups) => groups.deleteGroups({ groups: ['none'] }),
    }
    for (const [name, call] of Object.entries(first)) {
      const groups = new GroupsOnDemand(h.options())
      // Each answers as it does once the groups are there.
      const [early, late] = [await call(groups), await call(groups)]
      expect([name, early]).toEqual([name, late])
      await groups.close()
    }
  })

  test('of an earlier run are read soon without a call, so that they expire', async () => {
    const { h, log } = await harness()
    const groups = new GroupsOnDemand(h.options())
    await h.advance(1000)
    await expect.poll(() => log.reads).toBeGreaterThan(0)
    await h.advance(8 * 86_400_000)
    expect(await committed(groups)).toEqual([])
    await groups.close()
  })

  test('wait for a call where there are none yet, and where nothing may expire', async () => {
    const { h } = await harness()
    const readOnly = new GroupsOnDemand(h.options(true))
    h.logs = []
    const none = new GroupsOnDemand(h.options())
    expect(h.scheduler.pendingTimers).toBe(0)
    await none.topicDeleted('t')
    expect(h.scheduler.pendingTimers).toBe(0)
    await none.close()
    await readOnly.close()
  })

  test('that cannot be read answer so, and the reason is logged once', async () => {
    const { h, log } = await harness()
    log.read = () => { throw new Error('the disk is gone') }
    const groups = new GroupsOnDemand(h.options())
    expect(await groups.listGroups({ statesFilter: [] })).toMatchObject({ errorCode: 15 })
    expect(await groups.heartbeat({ groupId: 'g', memberId: 'm', groupInstanceId: null, generationId: 1 })).toMatchObject({ errorCode: 15 })
    expect(h.logger.entries.filter((each) => each.message.includes('consumer groups could not be loaded'))).toHaveLength(1)
    await groups.close()
  })

  test('that are watched before they are read tell of changes after it, unless the watch has ended', async () => {
    const { h } = await harness()
    const groups = new GroupsOnDemand(h.options())
    const seen: string[] = []
    groups.watchGroup('g', () => seen.push('watched'))
    groups.watchGroup('g', () => seen.push('ended'))()
    const join = (): Promise<unknown> => groups.joinGroup({
      groupId: 'g', memberId: '', groupInstanceId: null, sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 60_000, protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: new Uint8Array(0) }], clientId: 'c', clientHost: '', requireKnownMemberId: false,
    })
    await groups.listGroups({ statesFilter: [] })
    const first = join()
    await h.settle()
    await first
    const second = join()
    await h.settle()
    expect(seen).toContain('watched')
    expect(seen).not.toContain('ended')
    await groups.close()
    await second
  })

  test('that are closed before they were asked for read nothing and refuse', async () => {
    const { h, log } = await harness()
    const groups = new GroupsOnDemand(h.options())
    await groups.close()
    await expect(groups.listGroups({ statesFilter: [] })).rejects.toMatchObject({ code: 'CLOSED' })
    await h.advance(1000)
    expect(log.reads).toBe(0)
    expect(h.scheduler.pendingTimers).toBe(0)
  })

  test('that are closed while they are read end both', async () => {
    const { h } = await harness()
    const groups = new GroupsOnDemand(h.options())
    const asked = groups.listGroups({ statesFilter: [] }).catch((error: unknown) => error)
    await groups.close()
    expect(await asked).toMatchObject({ code: 'CLOSED' })
    expect(h.scheduler.pendingTimers).toBe(0)
    expect(h.logger.entries.filter((each) => each.level === 'error')).toEqual([])
  })
})

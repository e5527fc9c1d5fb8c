import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TopicPartition } from '../../common/topic-partition.ts'
import type { AssignorMember, AssignorName, AssignorTopic } from './assignor.ts'
import { assignorNamed, assignors } from './registry.ts'

type Pair = [string, number]
interface VectorMember {
  id: string; instanceId: string | null; rack: string | null; topics: string[]; userData: string | null; owned: Pair[]; generation: number
}
interface Rebalance {
  generation: number; partitions: Record<string, number>; replicaRacks?: Record<string, string[][]>; members: VectorMember[]
  assignment: Record<string, Pair[]>; orderSensitive?: true
}
interface Case { case: number; assignor: AssignorName; rebalances: Rebalance[] }

const parse = (text: Buffer): Case[] => text.toString().trim().split('\n').map((line) => JSON.parse(line) as Case)
const vectors = (name: string): Case[] => parse(gunzipSync(readFileSync(new URL(`../../../fixtures/vectors/${name}.jsonl.gz`, import.meta.url))))
const named = process.env['OTTLA_ASSIGNMENTS']

/** Another file of `kafka-oracle gen-assignments` may be tried by naming it in OTTLA_ASSIGNMENTS. */
const cases = named === undefined ? vectors('assignments') : parse(readFileSync(named))
/** Groups whose members missed rebalances and claim what they had before. */
const stale = vectors('assignments-stale')
const base64 = (bytes: Uint8Array | null): string | null => bytes === null ? null : Buffer.from(bytes).toString('base64')
const partitionOf = ([topic, partition]: Pair): TopicPartition => ({ topic, partition })
const pairOf = ({ topic, partition }: TopicPartition): Pair => [topic, partition]

function topicsOf(rebalance: Rebalance): Map<string, AssignorTopic> {
  return new Map(Object.entries(rebalance.partitions).map(([topic, partitions]) => [topic, { partitions, replicaRacks: rebalance.replicaRacks?.[topic] }]))
}

function membersOf(rebalance: Rebalance): AssignorMember[] {
  return rebalance.members.map((member) => ({
    memberId: member.id, groupInstanceId: member.instanceId, rackId: member.rack, topics: member.topics, ownedPartitions: member.owned.map(partitionOf),
    generationId: member.generation, userData: member.userData === null ? null : new Uint8Array(Buffer.from(member.userData, 'base64')),
  }))
}

/** Where Kafka's own answer depends on chance: as many partitions each, and as many kept from before. */
function quality(rebalance: Rebalance, assignment: Record<string, Pair[]>): unknown {
  const before = new Map(rebalance.members.map((member) => [member.id, new Set(member.owned.map(String))]))
  const sizes = Object.values(assignment).map((list) => list.length).sort((a, b) => a - b)
  const kept = Object.entries(assignment).reduce((sum, [id, list]) => sum + list.filter((pair) => before.get(id)!.has(String(pair))).length, 0)
  return { sizes, kept }
}

describe.each(['range', 'roundrobin', 'sticky', 'cooperative-sticky'] as const)('%s', (name) => {
  const assignor = assignors[name]
  const mine = cases.filter((each) => each.assignor === name)

  test('assigns what Kafka assigns, in the same order', () => {
    expect(mine.length).toBeGreaterThan(0)
    for (const { case: number, rebalances } of [...mine, ...stale.filter((each) => each.assignor === name)]) {
      for (const rebalance of rebalances) {
        const result = assignor.assign(topicsOf(rebalance), membersOf(rebalance))
        const plain = Object.fromEntries([...result].map(([id, list]) => [id, list.map(pairOf)]))
        const label = `case ${number} generation ${rebalance.generation}`
        if (rebalance.orderSensitive === true) expect(quality(rebalance, plain), label).toEqual(quality(rebalance, rebalance.assignment))
        else expect(plain, label).toEqual(rebalance.assignment)
      }
    }
  })

  test('puts into user data what Kafka puts there', () => {
    for (const { case: number, rebalances } of mine) {
      rebalances.forEach((rebalance, index) => {
        for (const member of rebalance.members) {
          const last = rebalances[index - 1]?.assignment[member.id]
          const userData = assignor.userData(last === undefined ? null : last.map(partitionOf), last === undefined ? -1 : rebalance.generation - 1)
          expect(base64(userData), `case ${number} generation ${rebalance.generation} ${member.id}`).toBe(member.userData)
        }
      })
    }
  })

  test('gives every partition to at most one member that subscribes to it, and none is left over', () => {
    const names = ['a', 'b', 'c', 'd']
    const shape = fc.record({
      counts: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 4, maxLength: 4 }),
      subscriptions: fc.array(fc.subarray(names, { minLength: 1 }), { minLength: 1, maxLength: 8 }),
      rounds: fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 3 }),
    })
    fc.assert(fc.property(shape, ({ counts, subscriptions, rounds }) => {
      const topics = new Map(names.map((topic, index) => [topic, { partitions: counts[index]! }]))
      let members: AssignorMember[] = subscriptions.map((topics, index) => ({
        memberId: `m${index}`, groupInstanceId: null, rackId: null, topics, ownedPartitions: [], generationId: -1, userData: null,
      }))
      const play = (generation: number): Map<string, TopicPartition[]> => {
        const result = assignor.assign(topics, members)
        members = members.map((member) => {
          const owned = result.get(member.memberId)!
          const ownedPartitions = assignor.protocol === 'cooperative' ? owned : []
          return { ...member, ownedPartitions, generationId: generation, userData: assignor.userData(owned, generation) }
        })
        return result
      }
      let generation = 0
      for (const leaving of [-1, ...rounds]) {
        if (members.length > 1) members = members.filter((_, index) => index !== leaving)
        // A cooperative assignor needs one more round to hand over what was given up in the first.
        play(++generation)
        const result = play(++generation)
        const seen = new Set<string>()
        for (const member of members) {
          for (const partition of result.get(member.memberId)!) {
            expect(member.topics).toContain(partition.topic)
            expect(seen.has(String(pairOf(partition)))).toBe(false)
            seen.add(String(pairOf(partition)))
          }
        }
        const subscribed = names.filter((topic) => members.some((member) => member.topics.includes(topic)))
        expect(seen.size).toBe(subscribed.reduce((sum, topic) => sum + topics.get(topic)!.partitions, 0))
      }
    }), { numRuns: 200 })
  })
})

test('claims on partitions that are gone, rubbish user data and double claims do not confuse the sticky assignors', () => {
  const base = { groupInstanceId: null, rackId: null, topics: ['t'], generationId: 3 }
  const topics = new Map([['t', { partitions: 2 }]])
  const owned = [{ topic: 't', partition: 0 }, { topic: 't', partition: 7 }, { topic: 'gone', partition: 0 }]
  for (const name of ['sticky', 'cooperative-sticky'] as const) {
    const assignor = assignors[name]
    const result = assignor.assign(topics, [
      { ...base, memberId: 'a', ownedPartitions: owned, userData: assignor.userData(owned, 3) },
      { ...base, memberId: 'b', ownedPartitions: owned, userData: assignor.userData(owned, 3) },
      { ...base, memberId: 'c', ownedPartitions: [], userData: new Uint8Array([1, 2, 3]) },
    ])
    const all = [...result.values()].flat()
    expect(all.every(({ topic, partition }) => topic === 't' && partition < 2)).toBe(true)
    expect(new Set(all.map(({ partition }) => partition)).size).toBe(all.length)
    expect([...assignor.assign(topics, [])]).toEqual([])
  }
})

test('user data of a sticky client from before generations were told counts, and gives way to one that tells', () => {
  const { sticky } = assignors
  const base = { groupInstanceId: null, rackId: null, topics: ['t'], generationId: -1, ownedPartitions: [] }
  const claim = (...partitions: number[]): TopicPartition[] => partitions.map((partition) => ({ topic: 't', partition }))
  const told = sticky.userData(claim(1, 4), 7)!
  const untold = sticky.userData(claim(3, 5, 1), 7)!.subarray(0, -4)
  const members = [{ ...base, memberId: 'a', userData: untold }, { ...base, memberId: 'b', userData: told }, { ...base, memberId: 'c', userData: null }]
  const result = sticky.assign(new Map([['t', { partitions: 6 }]]), members)
  expect([...result].map(([id, list]) => [id, list.map(({ partition }) => partition).sort()])).toEqual([['a', [3, 5]], ['b', [1, 4]], ['c', [0, 2]]])
})

test('assignors are found by Kafka\'s names only', () => {
  expect(assignorNamed('cooperative-sticky')).toBe(assignors['cooperative-sticky'])
  expect(assignorNamed('toString')).toBeUndefined()
})

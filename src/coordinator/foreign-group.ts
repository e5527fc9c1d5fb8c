/**
 * A group of one of the protocols that this coordinator reads but does not speak: the new consumer protocol (KIP-848), share and streams
 * groups. It is the set of its records in the log; what is shown of it, and the tombstones that remove it, are derived from them.
 *
 * Its members have no one to talk to here: their sessions run out after loading, and an empty one makes room for a classic group of the
 * same id (spec/wire-protocol 4.8).
 */
import { numberField, textField } from './offsets-records.ts'
import { recordKey } from './record-keys.ts'
import type { KnownRecord } from './record-codec.ts'
import type { PlainRecord } from './record-schema.ts'

export type ForeignType = 'consumer' | 'share' | 'streams'

interface Kind {
  readonly type: ForeignType
  /** Record types: the group's own, a member, its target, what it has now, epoch of the target. */
  readonly group: number; readonly member: number; readonly target: number; readonly current: number; readonly targetEpoch: number
  /** Order in which tombstones remove the group; its own record goes last. */
  readonly removal: readonly number[]
  /** Where no member prefers one: the first of Kafka's default `group.*.assignors`; '' where Kafka names none. */
  readonly assignor: string
}

const kinds: readonly Kind[] = [
  { type: 'consumer', group: 3, member: 5, target: 7, current: 8, targetEpoch: 6, removal: [8, 7, 6, 5, 16, 4, 3], assignor: 'uniform' },
  { type: 'share', group: 11, member: 10, target: 13, current: 14, targetEpoch: 12, removal: [14, 13, 12, 10, 9, 15, 11], assignor: 'simple' },
  { type: 'streams', group: 17, member: 19, target: 21, current: 22, targetEpoch: 20, removal: [22, 21, 20, 19, 18, 23, 17], assignor: '' },
]
const kindOfRecord = new Map(kinds.flatMap((kind) => kind.removal.map((type) => [type, kind] as const)))

/** Whether records of this type belong to a foreign group. */
export function isForeignRecord(type: number): boolean { return kindOfRecord.has(type) }

/** `current.state` of a member that has all it should have and nothing else. */
const STABLE_MEMBER = 0

export interface ForeignMember {
  readonly memberId: string; readonly groupInstanceId: string | null; readonly clientId: string; readonly clientHost: string
  /** What it has now. Streams members have tasks, not partitions: empty. */
  readonly assigned: readonly { readonly topicId: string; readonly partitions: readonly number[] }[]
}

export class ForeignGroup {
  readonly groupId: string
  readonly type: ForeignType
  readonly #kind: Kind
  readonly #records = new Map<string, KnownRecord>()

  constructor(groupId: string, recordType: number) {
    this.groupId = groupId
    this.#kind = kindOfRecord.get(recordType)!
    this.type = this.#kind.type
  }

  /** False when the record is of another protocol than the group. */
  replay(record: KnownRecord): boolean {
    if (kindOfRecord.get(record.type) !== this.#kind) return false
    if (record.value === null) this.#records.delete(recordKey(record))
    else this.#records.set(recordKey(record), record)
    return true
  }

  /** Nothing of it is left in the log. */
  get isGone(): boolean { return this.#records.size === 0 }

  #all(type: number): KnownRecord[] { return [...this.#records.values()].filter((record) => record.type === type) }

  #number(type: number, field: string): number {
    const record = this.#all(type)[0]
    return record?.value == null ? -1 : numberField(record.value, field)
  }

  get members(): ForeignMember[] {
    const current = this.#current()
    return this.#all(this.#kind.member).map(({ key, value }) => ({
      assigned: (current.get(key['memberId'])?.['assignedPartitions'] ?? []) as unknown as ForeignMember['assigned'],
      memberId: textField(key, 'memberId'), groupInstanceId: (value!['instanceId'] ?? null) as string | null,
      clientId: textField(value!, 'clientId'), clientHost: textField(value!, 'clientHost'),
    }))
  }

  /** Records of what members have now, by member. */
  #current(): Map<unknown, PlainRecord> { return new Map(this.#all(this.#kind.current).map((record) => [record.key['memberId'], record.value!])) }

  /** The assignor that most of its members ask for, or the default. */
  get assignor(): string {
    const votes = new Map<string, number>()
    for (const { value } of this.#all(this.#kind.member)) {
      const name = value!['serverAssignor']
      if (typeof name === 'string') votes.set(name, (votes.get(name) ?? 0) + 1)
    }
    let [chosen, most] = [this.#kind.assignor, 0]
    for (const [name, count] of votes) if (count > most) [chosen, most] = [name, count]
    return chosen
  }

  get isEmpty(): boolean { return this.#all(this.#kind.member).length === 0 }

  /** Kafka's name for the state: Empty, Assigning, Reconciling or Stable. */
  get state(): string {
    if (this.isEmpty) return 'Empty'
    const targetEpoch = this.#number(this.#kind.targetEpoch, 'assignmentEpoch')
    if (this.#number(this.#kind.group, 'epoch') > targetEpoch) return 'Assigning'
    if (this.type === 'share') return 'Stable'
    const current = this.#current()
    const settled = this.members.every(({ memberId }) => {
      const value = current.get(memberId)
      return value !== undefined && numberField(value, 'memberEpoch') === targetEpoch && numberField(value, 'state') === STABLE_MEMBER
    })
    return settled ? 'Stable' : 'Reconciling'
  }

  isSubscribedTo(topic: string): boolean {
    return this.#all(this.#kind.member).some(({ value }) => {
      const names = value!['subscribedTopicNames']
      return !Array.isArray(names) || names.includes(topic) || (value!['subscribedTopicRegex'] ?? '') !== ''
    })
  }

  /** Tombstones for all of the group's records; of just its members, with `onlyMembers`. */
  tombstones(onlyMembers: boolean = false): KnownRecord[] {
    const { removal, current, target, member } = this.#kind
    const types = onlyMembers ? [current, target, member] : removal
    return types.flatMap((type) => this.#all(type)).map((record) => ({ ...record, version: -1, value: null }))
  }
}

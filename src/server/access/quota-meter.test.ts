/** Rates against quotas: the figures of Kafka's own ClientQuotaManagerTest, and which of several quotas counts. */
import { beforeEach, describe, expect, test } from 'vitest'
import { entityKey, type QuotaEntity, type QuotaEntry, type Quotas } from '../../common/quota.ts'
import { ManualClock } from '../../testing/manual-clock.ts'
import { QuotaMeter } from './quota-meter.ts'

const clock = new ManualClock()
const alice = { user: 'alice', clientId: 'app' }
let entries: QuotaEntry[]
let revision = 0
const source = { get revision() { return revision }, all: () => entries }
let meter: QuotaMeter
const set = (entity: QuotaEntity, quotas: Quotas): void => {
  entries = [...entries.filter((each) => entityKey(each.entity) !== entityKey(entity)), ...(Object.keys(quotas).length === 0 ? [] : [{ entity, quotas }])]
  revision += 1
}
const produced = (bytes: number, subject = alice): number => meter.record(subject, 'producer_byte_rate', bytes)

beforeEach(() => {
  entries = []
  meter = new QuotaMeter(source, () => clock.monotonic())
})

describe('a rate over its quota', () => {
  beforeEach(() => set({ user: 'alice' }, { producer_byte_rate: 500 }))

  test('has to wait as long as Kafka says', () => {
    for (let second = 0; second < 10; second += 1) {
      expect(produced(400)).toBe(0)
      clock.advance(1000)
    }
    clock.advance(500)
    // (10 · 400 + 2300) / 10.5 s = 600 bytes a second; (600 − 500) / 500 · 10.5 s.
    expect(produced(2300)).toBe(2100)
    // What keeps coming meanwhile makes it longer; what stays away makes it good.
    expect(produced(0)).toBe(2100)
    clock.advance(12_000)
    expect(produced(0)).toBe(0)
  })

  test('is that of the last seconds only, and begins as if there had been ten', () => {
    expect(produced(5000)).toBe(0)
    expect(produced(1)).toBeGreaterThan(0)
    clock.advance(11_000)
    expect(produced(5000)).toBe(0)
  })

  test('is not counted where it is not sent, and goes through once when it could never be within', () => {
    set({ user: 'alice' }, { consumer_byte_rate: 500 })
    const taken = (bytes: number): number => meter.recordUnlessOver(alice, 'consumer_byte_rate', bytes)
    expect(meter.mostAtOnce(alice, 'consumer_byte_rate')).toBe(5000)
    expect(taken(4000)).toBe(0)
    expect(taken(4000)).toBeGreaterThan(0)
    expect(taken(1000)).toBe(0)
    clock.advance(11_000)
    expect(taken(1_000_000)).toBe(0)
    expect(taken(1)).toBeGreaterThan(0)
    expect(taken(0)).toBe(0)
  })

  test('has no bound once the quota is gone', () => {
    expect(produced(50_000)).toBeGreaterThan(0)
    set({ user: 'alice' }, {})
    expect(produced(50_000)).toBe(0)
    expect(meter.mostAtOnce(alice, 'producer_byte_rate')).toBe(Infinity)
  })
})

describe('of several quotas', () => {
  // From the most specific to the least, as Kafka's documentation orders them.
  const order: readonly QuotaEntity[] = [
    { user: 'alice', clientId: 'app' }, { user: 'alice', clientId: null }, { user: 'alice' }, { user: null, clientId: 'app' }, { user: null, clientId: null },
    { user: null }, { clientId: 'app' }, { clientId: null },
  ]

  test('the most specific counts', () => {
    order.forEach((entity, index) => set(entity, { producer_byte_rate: 1000 * (index + 1) }))
    set({ user: 'bob' }, { producer_byte_rate: 1 })
    for (const [index, entity] of order.entries()) {
      expect(meter.mostAtOnce(alice, 'producer_byte_rate')).toBe(10_000 * (index + 1))
      set(entity, {})
    }
    expect(meter.mostAtOnce(alice, 'producer_byte_rate')).toBe(Infinity)
  })

  test.each([
    [{ user: 'alice' }, true, false], [{ user: null }, true, false], [{ clientId: 'app' }, false, true], [{ clientId: null }, false, true],
    [{ user: 'alice', clientId: null }, false, false], [{ user: null, clientId: null }, false, false],
  ] as [QuotaEntity, boolean, boolean][])('%o is shared by those whom it names, and by nobody else', (entity, withOtherApp, withOtherUser) => {
    set(entity, { producer_byte_rate: 500 })
    expect(produced(50_000)).toBeGreaterThan(0)
    expect(produced(1, { user: 'alice', clientId: 'other' }) > 0).toBe(withOtherApp)
    expect(produced(1, { user: 'bob', clientId: 'app' }) > 0).toBe(withOtherUser)
  })
})

describe('changes to topics', () => {
  const changed = (user: string, partitions: number): number => meter.recordMutations({ user, clientId: 'app' }, partitions, false)

  test('that are owed stay owed while many others come, whatever their quotas are', () => {
    set({ user: 'alice' }, { controller_mutation_rate: 10 })
    set({ user: 'bob' }, { controller_mutation_rate: 10 })
    set({ user: null }, { controller_mutation_rate: 1_000_000 })
    expect([changed('alice', 120), changed('bob', 60)]).toEqual([1000, 0])
    for (let i = 0; i < 2000; i += 1) {
      changed(`fast ${i}`, 1)
      clock.advance(0.01)
    }
    expect(changed('alice', 0)).toBe(980)
    set({ user: null }, { controller_mutation_rate: 0.5 })
    for (let i = 0; i < 2000; i += 1) changed(`slow ${i}`, 1)
    // 50 were left of 110, and 0.2 came since.
    expect(changed('bob', 51)).toBe(80)
  })

  test('of those who have been quiet for long are forgotten: they could do as much as ever', () => {
    set({ user: null }, { controller_mutation_rate: 10 })
    expect(changed('alice', 120)).toBe(1000)
    clock.advance(12_000)
    for (let i = 0; i < 2000; i += 1) changed(`${i}`, 1)
    expect([changed('alice', 110), changed('alice', 10)]).toEqual([0, 1000])
  })
})

describe('connections of an address', () => {
  const connect = (address: string = '10.0.0.1'): number => meter.recordConnection(address)

  test('are as many as its quota allows in a second and the ten before, and who was refused has not counted', () => {
    set({ ip: '10.0.0.1' }, { connection_creation_rate: 2 })
    let welcome = 0
    while (connect() === 0) welcome += 1
    expect([welcome > 10, connect() <= 1000]).toEqual([true, true])
    // Had the refused counted, those of the last seconds would keep it out.
    for (let second = 0; second < 10; second += 1) {
      clock.advance(1000)
      for (let i = 0; i < 10; i += 1) expect(connect()).toBeGreaterThan(0)
    }
    clock.advance(2000)
    expect(connect()).toBe(0)
  })

  test('are not held to the quota of another, nor to any where there is none', () => {
    set({ ip: '10.0.0.1' }, { connection_creation_rate: 1 })
    while (connect() === 0) { /* to the bound */ }
    expect([connect('10.0.0.2'), connect('::ffff:10.0.0.1') > 0]).toEqual([0, true])
  })
})

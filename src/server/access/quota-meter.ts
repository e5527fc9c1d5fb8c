/**
 * How much every user and client has sent, been sent and asked of late, and how often addresses came, held against the quotas: what is over is answered with
 * the time after which the rate is back within its bound, as Kafka reckons it (KIP-13): the rate over the last eleven samples of a second each is r, its bound
 * b, the time they span w; the wait is (r − b) / b · w, of requests (KIP-124) and connections (KIP-612) at most a second. Whoever has to wait is answered at
 * once, and heard again only then (KIP-219). Changes to topics are saved up and spent instead (KIP-599).
 *
 * One meter serves all listeners of a database. Meters of those who have been quiet for longer than the samples reach are forgotten.
 */
import { addressOf, entityKey, quotaKeys, type QuotaEntity, type QuotaEntry, type QuotaKey, type Quotas } from '../../common/quota.ts'
import { TokenBucket } from './token-bucket.ts'

/** The quotas in force: the quota store of the metadata layer is one. */
export interface QuotaSource {
  /** Another number when the quotas are others. */
  readonly revision: number
  all(): readonly QuotaEntry[]
}

export interface QuotaSubject { readonly user: string; readonly clientId: string }

interface Bound { readonly limit: number; readonly meter: string }

/** Kafka's quota.window.num and quota.window.size.seconds. */
const SAMPLES = 11
const SAMPLE_MS = 1000
const PERCENT_OF_SECOND = 100 / 1000
/** Meters are looked through for quiet ones when there are so many more than the last time. */
const SWEEP = 1000

export class QuotaMeter {
  readonly #source: QuotaSource
  /** Monotonic milliseconds. */
  readonly #now: () => number
  readonly #rates = new Map<string, Rate>()
  readonly #buckets = new Map<string, TokenBucket>()
  #sweepAt = SWEEP
  #revision: number
  #quotas: ReadonlyMap<string, Quotas>
  #used: ReadonlySet<QuotaKey>

  constructor(source: QuotaSource, now: () => number) {
    this.#source = source
    this.#now = now
    this.#revision = source.revision
    this.#quotas = byEntity(source)
    this.#used = keysOf(this.#quotas)
  }

  /** False: nobody is held to a quota of this kind. */
  uses(key: QuotaKey): boolean {
    this.#current()
    return this.#used.has(key)
  }

  now(): number { return this.#now() }

  /** Counts the bytes; milliseconds to wait. */
  record(subject: QuotaSubject, key: QuotaKey, bytes: number): number {
    const bound = this.#boundOf(subject, key)
    return bound === null ? 0 : this.#rateOf(bound).record(bytes, bound.limit, this.#now())
  }

  /** The same, but what is over does not count, for it is not sent; more than could ever be within the bound goes through when nothing went before. */
  recordUnlessOver(subject: QuotaSubject, key: QuotaKey, bytes: number): number {
    const bound = this.#boundOf(subject, key)
    if (bound === null || bytes === 0) return 0
    const rate = this.#rateOf(bound)
    const now = this.#now()
    const isFirst = rate.isEmpty(now)
    const waitMs = rate.record(bytes, bound.limit, now)
    if (waitMs === 0 || isFirst) return 0
    rate.record(-bytes, bound.limit, now)
    return waitMs
  }

  /** Counts the milliseconds that requests took; milliseconds to wait. */
  recordTime(subject: QuotaSubject, tookMs: number): number {
    return Math.min(this.record(subject, 'request_percentage', tookMs * PERCENT_OF_SECOND), SAMPLE_MS)
  }

  /** Counts a connection, unless there are too many: then the milliseconds after which there are not. */
  recordConnection(address: string): number {
    if (!this.uses('connection_creation_rate')) return 0
    const ip = addressOf(address) ?? address
    const limit = this.#quotas.get(entityKey({ ip }))?.connection_creation_rate ?? this.#quotas.get(entityKey({ ip: null }))?.connection_creation_rate
    if (limit === undefined) return 0
    const rate = this.#rateOf({ meter: `connections ${ip}` })
    const now = this.#now()
    const waitMs = rate.record(1, limit, now)
    if (waitMs > 0) rate.record(-1, limit, now)
    return Math.min(waitMs, SAMPLE_MS)
  }

  /** Counts partitions that are made or removed. Milliseconds until nothing is owed: strictly, what was owed already, and then nothing is counted. */
  recordMutations(subject: QuotaSubject, partitions: number, isStrict: boolean): number {
    const bound = this.#boundOf(subject, 'controller_mutation_rate')
    if (bound === null) return 0
    const now = this.#now()
    const bucket = this.#bucketOf(bound)
    const owedMs = isStrict ? bucket.debtMs(bound.limit, now) : 0
    if (owedMs > 0) return owedMs
    bucket.take(partitions, bound.limit, now)
    return isStrict ? 0 : bucket.debtMs(bound.limit, now)
  }

  /** The most bytes that can be within the bound at once; Infinity without one. */
  mostAtOnce(subject: QuotaSubject, key: QuotaKey): number {
    const bound = this.#boundOf(subject, key)
    return bound === null ? Infinity : Math.max(1, bound.limit * (SAMPLES - 1) * (SAMPLE_MS / 1000))
  }

  /** The most specific quota, and whose use of it counts: everybody has a meter of their own, also under a default. */
  #boundOf({ user, clientId }: QuotaSubject, key: QuotaKey): Bound | null {
    const quotas = this.#current()
    if (quotas.size === 0) return null
    const both = { user, clientId }
    const candidates: readonly (readonly [QuotaEntity, QuotaEntity])[] = [
      [both, both], [{ user, clientId: null }, both], [{ user }, { user }], [{ user: null, clientId }, both], [{ user: null, clientId: null }, both],
      [{ user: null }, { user }], [{ clientId }, { clientId }], [{ clientId: null }, { clientId }],
    ]
    for (const [entity, counted] of candidates) {
      const limit = quotas.get(entityKey(entity))?.[key]
      if (limit !== undefined) return { limit, meter: `${key} ${entityKey(counted)}` }
    }
    return null
  }

  #current(): ReadonlyMap<string, Quotas> {
    if (this.#revision !== this.#source.revision) {
      this.#revision = this.#source.revision
      this.#quotas = byEntity(this.#source)
      this.#used = keysOf(this.#quotas)
    }
    return this.#quotas
  }

  #bucketOf({ meter }: Bound): TokenBucket {
    let bucket = this.#buckets.get(meter)
    if (bucket !== undefined) return bucket
    if (this.#buckets.size >= SWEEP) {
      const now = this.#now()
      for (const [name, each] of this.#buckets) if (each.isFull(now)) this.#buckets.delete(name)
    }
    this.#buckets.set(meter, bucket = new TokenBucket())
    return bucket
  }

  #rateOf({ meter }: Pick<Bound, 'meter'>): Rate {
    let rate = this.#rates.get(meter)
    if (rate !== undefined) return rate
    if (this.#rates.size >= this.#sweepAt) {
      const now = this.#now()
      for (const [name, each] of this.#rates) if (each.isEmpty(now)) this.#rates.delete(name)
      this.#sweepAt = this.#rates.size + SWEEP
    }
    this.#rates.set(meter, rate = new Rate())
    return rate
  }
}

function byEntity(source: QuotaSource): ReadonlyMap<string, Quotas> { return new Map(source.all().map(({ entity, quotas }) => [entityKey(entity), quotas])) }

function keysOf(quotas: ReadonlyMap<string, Quotas>): ReadonlySet<QuotaKey> {
  return new Set(quotaKeys.filter((key) => [...quotas.values()].some((each) => each[key] !== undefined)))
}

interface Sample { readonly startedAt: number; sum: number }

class Rate {
  #samples: Sample[] = []

  isEmpty(now: number): boolean {
    this.#forget(now)
    return this.#samples.every(({ sum }) => sum === 0)
  }

  /** Milliseconds to wait until the rate is `limit`, if nothing more comes. */
  record(bytes: number, limit: number, now: number): number {
    this.#forget(now)
    const last = this.#samples.at(-1)
    if (last === undefined || now - last.startedAt >= SAMPLE_MS) this.#samples.push({ startedAt: now, sum: bytes })
    else last.sum += bytes
    // Less than ten seconds of samples are taken for ten: else the first bytes would look like a rate beyond all bounds.
    const elapsed = now - this.#samples[0]!.startedAt
    const lacking = Math.max(0, SAMPLES - 1 - Math.floor(elapsed / SAMPLE_MS))
    const windowMs = Math.max(1, elapsed + lacking * SAMPLE_MS)
    const rate = this.#samples.reduce((sum, each) => sum + each.sum, 0) / (windowMs / 1000)
    return rate > limit ? Math.round((rate - limit) / limit * windowMs) : 0
  }

  #forget(now: number): void {
    if (this.#samples.length > 0 && now - this.#samples[0]!.startedAt >= SAMPLES * SAMPLE_MS) {
      this.#samples = this.#samples.filter(({ startedAt }) => now - startedAt < SAMPLES * SAMPLE_MS)
    }
  }
}

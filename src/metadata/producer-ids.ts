/**
 * Producer ids, never given twice while anybody may remember the first holder. Two kinds of holder need two degrees of care:
 *  - a client of another process may come back after a restart: its id lies below a mark that is durable before the id is given. The mark
 *    rises by blocks of 1000, as Kafka's does.
 *  - a producer of this process dies with it: its id must only differ from every id in the logs and from those of the first kind. That needs
 *    no write, so that the first send after an open does not wait for one.
 */
import { OttlaError } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { Mutex } from '../common/mutex.ts'
import type { MetadataStore } from './metadata-store.ts'

export const PRODUCER_IDS = '/producer-ids'
export const PRODUCER_ID_BLOCK = 1000

export class ProducerIds {
  readonly #store: MetadataStore
  readonly #mutex = new Mutex()
  /** Ids below it may have been given to clients of other processes. */
  #mark: number
  #next: number

  private constructor(store: MetadataStore, mark: number, next: number) {
    this.#store = store
    this.#mark = mark
    this.#next = next
  }

  /** `highestInLogs`: the largest producer id that any log remembers, −1 for none. */
  static async load(store: MetadataStore, highestInLogs: number, logger: Logger): Promise<ProducerIds> {
    const node = await store.get(PRODUCER_IDS)
    const mark = node === null ? 0 : Number(Buffer.from(node.value).toString('latin1'))
    const sound = Number.isSafeInteger(mark) && mark >= 0
    if (!sound) logger.error('the mark of producer ids cannot be read: they go on above those in the logs', { path: PRODUCER_IDS })
    return new ProducerIds(store, sound ? mark : 0, Math.max(sound ? mark : 0, highestInLogs + 1))
  }

  /** A fresh id. Disk errors only when `inProcess` is false. */
  take(inProcess: boolean): Promise<number> | number {
    if (this.#next >= Number.MAX_SAFE_INTEGER) throw new OttlaError('UNKNOWN_SERVER_ERROR', 'there are no producer ids left')
    if (inProcess) return this.#next++
    return this.#mutex.run(async () => {
      const id = this.#next++
      if (id >= this.#mark) {
        const mark = id + PRODUCER_ID_BLOCK
        await this.#store.set(PRODUCER_IDS, Buffer.from(String(mark)))
        this.#mark = mark
      }
      return id
    })
  }
}

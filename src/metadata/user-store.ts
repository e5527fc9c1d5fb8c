/**
 * Users and their SCRAM credentials, in the metadata store: salt, iterations and two keys from which the password cannot be had back (RFC 5802). One node
 * a user, `/users/<name in base64url>`:
 *
 *   {"version": 1, "name": "alice", "credentials": {"SCRAM-SHA-256": {"salt": "…", "iterations": 8192, "storedKey": "…", "serverKey": "…"}}}
 *
 * All of them are in memory, so that a lookup waits for nothing.
 */
import { OttlaError } from '../common/errors.ts'
import type { Logger } from '../common/logger.ts'
import { Mutex } from '../common/mutex.ts'
import type { ScramMechanism } from '../common/scram.ts'
import type { MetadataStore } from './metadata-store.ts'

export const USERS = '/users'
const MAX_NAME = 255

export interface ScramCredential { readonly salt: Uint8Array; readonly iterations: number; readonly storedKey: Uint8Array; readonly serverKey: Uint8Array }
export type Credentials = ReadonlyMap<ScramMechanism, ScramCredential>

type StoredCredential = Record<'salt' | 'storedKey' | 'serverKey', string> & { iterations: number }
interface StoredUser { version: 1; name: string; credentials: Partial<Record<ScramMechanism, StoredCredential>> }

export class UserStore {
  readonly #store: MetadataStore
  readonly #readOnly: boolean
  readonly #mutex = new Mutex()
  readonly #users: Map<string, Credentials>

  private constructor(store: MetadataStore, readOnly: boolean, users: Map<string, Credentials>) {
    this.#store = store
    this.#readOnly = readOnly
    this.#users = users
  }

  static async load(store: MetadataStore, readOnly: boolean, logger: Logger): Promise<UserStore> {
    const users = new Map<string, Credentials>()
    for (const { name, node } of await store.entries(USERS)) {
      const user = decode(node.value)
      if (user === null) logger.error('the credentials of a user cannot be read and are lost', { path: `${USERS}/${name}` })
      else users.set(user.name, user.credentials)
    }
    return new UserStore(store, readOnly, users)
  }

  get size(): number { return this.#users.size }
  find(name: string, mechanism: ScramMechanism): ScramCredential | null { return this.#users.get(name)?.get(mechanism) ?? null }

  /** By name. */
  list(): { readonly name: string; readonly credentials: Credentials }[] {
    return [...this.#users].map(([name, credentials]) => ({ name, credentials })).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Replaces what the user has for the mechanism. Durable when it resolves. Raises INVALID_ARGUMENT, READ_ONLY. */
  set(name: string, mechanism: ScramMechanism, credential: ScramCredential): Promise<void> {
    checkName(name)
    return this.#change(name, new Map([[mechanism, credential]]), [])
  }

  /** False when the user has none for the mechanism. */
  async remove(name: string, mechanism: ScramMechanism): Promise<boolean> {
    if (this.find(name, mechanism) === null) return false
    await this.#change(name, new Map(), [mechanism])
    return true
  }

  #change(name: string, added: Credentials, removed: readonly ScramMechanism[]): Promise<void> {
    if (this.#readOnly) throw new OttlaError('READ_ONLY', 'the database was opened with { readOnly: true }')
    return this.#mutex.run(async () => {
      const next = new Map([...this.#users.get(name) ?? [], ...added])
      for (const mechanism of removed) next.delete(mechanism)
      const path = `${USERS}/${Buffer.from(name).toString('base64url')}`
      if (next.size === 0) {
        await this.#store.delete(path)
        this.#users.delete(name)
        return
      }
      await this.#store.set(path, encode(name, next))
      this.#users.set(name, next)
    })
  }
}

function checkName(name: string): void {
  const isSound = name !== '' && Buffer.byteLength(name) <= MAX_NAME && !/\p{Cc}/u.test(name)
  if (!isSound) throw new OttlaError('INVALID_ARGUMENT', `a user's name has 1 to ${MAX_NAME} bytes and no control characters`)
}

function encode(name: string, credentials: Credentials): Uint8Array {
  const stored: StoredUser = { version: 1, name, credentials: {} }
  for (const [mechanism, { salt, iterations, storedKey, serverKey }] of credentials) {
    stored.credentials[mechanism] = { salt: base64(salt), iterations, storedKey: base64(storedKey), serverKey: base64(serverKey) }
  }
  return Buffer.from(JSON.stringify(stored))
}

function base64(bytes: Uint8Array): string { return Buffer.from(bytes).toString('base64') }
function bytesOf(text: string): Uint8Array { return Buffer.from(text, 'base64') }

function decode(bytes: Uint8Array): { readonly name: string; readonly credentials: Credentials } | null {
  try {
    const { version, name, credentials } = JSON.parse(Buffer.from(bytes).toString()) as StoredUser
    if ((version as number) !== 1 || typeof name !== 'string') return null
    const decoded = new Map<ScramMechanism, ScramCredential>()
    for (const [mechanism, { salt, iterations, storedKey, serverKey }] of Object.entries(credentials)) {
      if (!Number.isInteger(iterations)) return null
      decoded.set(mechanism as ScramMechanism, { salt: bytesOf(salt), iterations, storedKey: bytesOf(storedKey), serverKey: bytesOf(serverKey) })
    }
    return { name, credentials: decoded }
  } catch {
    return null
  }
}

/** The users that may log in on a listener with SASL: made from passwords, which are not kept. */
import { callOptions, shown } from './common/call-options.ts'
import { OttlaError } from './common/errors.ts'
import type { Random } from './common/random.ts'
import { SCRAM_ITERATIONS, scramKeys, scramMechanisms, type ScramMechanism } from './common/scram.ts'
import type { UserStore } from './metadata/user-store.ts'

export interface UserDescription { readonly name: string; readonly mechanisms: readonly { readonly mechanism: ScramMechanism; readonly iterations: number }[] }
export interface UserOptions {
  /** Default both: SCRAM-SHA-256 and SCRAM-SHA-512. PLAIN checks passwords against these, too. */
  mechanisms?: readonly ScramMechanism[]
  /** Rounds of hashing, 4096 to 16384; default 8192. */
  iterations?: number
}

export interface Users {
  /** Makes a user, or gives it another password. Durable when it resolves. Raises INVALID_ARGUMENT, READ_ONLY. */
  set(name: string, password: string, options?: UserOptions): Promise<void>
  /** False when there is no such user. Raises INVALID_ARGUMENT, READ_ONLY. */
  remove(name: string): Promise<boolean>
  list(): Promise<UserDescription[]>
}

export const SALT_BYTES = 24

/** Raises INVALID_ARGUMENT. */
export function checkUserName(call: string, name: unknown): asserts name is string {
  if (typeof name !== 'string' || name === '') throw new OttlaError('INVALID_ARGUMENT', `${call}: the name of the user is ${shown(name)}: give text that is not empty`)
}

/** Raises INVALID_ARGUMENT. */
export function checkUser(name: string, password: string, options: UserOptions): Required<UserOptions> {
  const { mechanisms = scramMechanisms, iterations = SCRAM_ITERATIONS.usual } = callOptions('users.set', options, ['mechanisms', 'iterations'])
  checkUserName('users.set', name)
  if (typeof password !== 'string' || password === '') throw new OttlaError('INVALID_ARGUMENT', 'users.set(name, password): the password is text, and not empty')
  const { least, most } = SCRAM_ITERATIONS
  if (!Number.isInteger(iterations) || iterations < least || iterations > most) {
    throw new OttlaError('INVALID_ARGUMENT', `users.set: iterations is ${shown(iterations)}: give ${least} to ${most}`)
  }
  if (!Array.isArray(mechanisms) || mechanisms.length === 0) {
    throw new OttlaError('INVALID_ARGUMENT', `users.set: mechanisms is ${shown(mechanisms)}: give a list of ${scramMechanisms.join(' and ')}, or leave it out for both`)
  }
  for (const each of mechanisms as readonly unknown[]) {
    if (!scramMechanisms.includes(each as ScramMechanism)) throw new OttlaError('INVALID_ARGUMENT', `users.set: ${shown(each)} is no mechanism: there are ${scramMechanisms.join(' and ')}`)
  }
  return { mechanisms, iterations }
}

export class UserAdmin implements Users {
  readonly #store: UserStore
  readonly #random: Random
  readonly #checkOpen: () => void

  /** `checkOpen` raises CLOSED. */
  constructor(store: UserStore, random: Random, checkOpen: () => void) {
    this.#store = store
    this.#random = random
    this.#checkOpen = checkOpen
  }

  async set(name: string, password: string, options: UserOptions = {}): Promise<void> {
    this.#checkOpen()
    const { mechanisms, iterations } = checkUser(name, password, options)
    for (const mechanism of mechanisms) {
      const salt = this.#random.bytes(SALT_BYTES)
      const { storedKey, serverKey } = await scramKeys(mechanism, password, salt, iterations)
      await this.#store.set(name, mechanism, { salt, iterations, storedKey, serverKey })
    }
  }

  async remove(name: string): Promise<boolean> {
    this.#checkOpen()
    checkUserName('users.remove', name)
    let wasThere = false
    for (const mechanism of scramMechanisms) wasThere = await this.#store.remove(name, mechanism) || wasThere
    return wasThere
  }

  async list(): Promise<UserDescription[]> {
    this.#checkOpen()
    return this.#store.list().map(({ name, credentials }) => (
      { name, mechanisms: [...credentials].map(([mechanism, { iterations }]) => ({ mechanism, iterations })) }))
  }
}

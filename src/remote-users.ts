/** The users of a cluster that log in with SCRAM, by KIP-554: what goes over the wire is the salted password, never the password itself. */
import { throwOnFailure } from './client/failure.ts'
import type { RequestCaller } from './client/request-caller.ts'
import { askController } from './client/wire/controller-calls.ts'
import type { Wire } from './client/wire/wire.ts'
import type { Random } from './common/random.ts'
import { scramMechanisms, scramSalted, type ScramMechanism } from './common/scram.ts'
import { apis } from './protocol/api-registry.ts'
import { checkUser, checkUserName, SALT_BYTES, type UserDescription, type UserOptions, type Users } from './users.ts'

/** Of Kafka's error codes: there is no such user. */
const RESOURCE_NOT_FOUND = 91

interface Answer { readonly errorCode: number; readonly errorMessage: string | null }
interface Place { readonly name: string; readonly mechanism: number }
type Upsertion = Place & { readonly iterations: number; readonly salt: Uint8Array; readonly saltedPassword: Uint8Array }

/** Kafka's numbers: 1 and 2. */
const codeOf = (mechanism: ScramMechanism): number => scramMechanisms.indexOf(mechanism) + 1

export class RemoteUsers implements Users {
  readonly #wire: Wire
  readonly #caller: RequestCaller
  readonly #random: Random

  constructor(wire: Wire, caller: RequestCaller, random: Random) {
    this.#wire = wire
    this.#caller = caller
    this.#random = random
  }

  async set(name: string, password: string, options: UserOptions = {}): Promise<void> {
    const { mechanisms, iterations } = checkUser(name, password, options)
    for (const mechanism of mechanisms) {
      const salt = this.#random.bytes(SALT_BYTES)
      const saltedPassword = await scramSalted(mechanism, password, salt, iterations)
      await this.#alter([], [{ name, mechanism: codeOf(mechanism), iterations, salt, saltedPassword }], `making user ${name}`)
    }
  }

  async remove(name: string): Promise<boolean> {
    checkUserName('users.remove', name)
    const found = (await this.#describe([{ name }])).find((each) => each.name === name)
    if (found === undefined) return false
    for (const { mechanism } of found.mechanisms) await this.#alter([{ name, mechanism: codeOf(mechanism) }], [], `removing user ${name}`)
    return true
  }

  async list(): Promise<UserDescription[]> { return (await this.#describe(null)).toSorted((a, b) => a.name < b.name ? -1 : 1) }

  async #describe(users: { readonly name: string }[] | null): Promise<UserDescription[]> {
    const { results } = await this.#caller.call('listing users', async () => {
      const answer = await this.#wire.cluster.any((link) => link.call(apis.describeUserScramCredentials, { users }))
      check(answer, 'listing users')
      return answer
    })
    return results.filter(({ errorCode }) => errorCode !== RESOURCE_NOT_FOUND).map((each) => {
      check(each, `describing user ${each.user}`)
      return {
        name: each.user,
        mechanisms: each.credentialInfos.flatMap(({ mechanism, iterations }) => {
          const named = scramMechanisms[mechanism - 1]
          return named === undefined ? [] : [{ mechanism: named, iterations }]
        }),
      }
    })
  }

  /** One credential at a time: Kafka 4.1 refuses two of one user in a request, of whatever mechanisms. */
  async #alter(deletions: readonly Place[], upsertions: readonly Upsertion[], what: string): Promise<void> {
    await this.#caller.call(what, async () => {
      const { results } = await askController(this.#wire, apis.alterUserScramCredentials, { deletions, upsertions }, (answer) => answer.results.map(({ errorCode }) => errorCode))
      // What is not there any more was deleted by the attempt before, or by another.
      for (const each of results) if (each.errorCode !== RESOURCE_NOT_FOUND || upsertions.length > 0) check(each, what)
    })
  }
}

function check({ errorCode, errorMessage }: Answer, what: string): void { throwOnFailure({ errorCode, errorMessage: errorMessage ?? undefined }, what) }

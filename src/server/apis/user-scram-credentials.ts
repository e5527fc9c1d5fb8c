/**
 * DescribeUserScramCredentials and AlterUserScramCredentials (KIP-554): how kafka-configs and admin clients make users. The client has salted the password
 * already; neither it nor the keys are ever told.
 */
import { OttlaError } from '../../common/errors.ts'
import { repeated } from '../../common/repeated.ts'
import { SCRAM_ITERATIONS, scramKeysOf, scramMechanisms, type ScramMechanism } from '../../common/scram.ts'
import { apis, type Apis } from '../../protocol/api-registry.ts'
import type { RequestOf } from '../../protocol/api.ts'
import { clusterRefused } from '../access/refusals.ts'
import { demandOfCluster } from '../access/rights.ts'
import { NONE, serve, throttleTimeMs, type Call, type WireApi } from '../wire-api.ts'

type Upsertion = RequestOf<Apis['alterUserScramCredentials']>['upsertions'][number]
interface Answer { readonly errorCode: number; readonly errorMessage: string | null }

const UNKNOWN_MECHANISM: Answer = { errorCode: 33, errorMessage: 'Unknown SCRAM mechanism' }
const NOT_FOUND: Answer = { errorCode: 91, errorMessage: 'Attempt to delete or describe a user credential that does not exist' }
const DUPLICATE: Answer = { errorCode: 92, errorMessage: 'A user credential cannot be altered twice in the same request' }
const DESCRIBED_TWICE: Answer = { errorCode: 92, errorMessage: 'A user cannot be described twice in the same request' }
const NAMELESS: Answer = { errorCode: 93, errorMessage: 'Username must not be empty' }
const OK: Answer = { errorCode: NONE, errorMessage: null }

/** Kafka's numbers: 1 and 2. */
const mechanismOf = (code: number): ScramMechanism | undefined => scramMechanisms[code - 1]
const codeOf = (mechanism: ScramMechanism): number => scramMechanisms.indexOf(mechanism) + 1

export const describeUserScramCredentials: WireApi = serve(apis.describeUserScramCredentials, 0, 0, async ({ users }, call) => {
  if (!demandOfCluster(call.rights, 'DESCRIBE')) return { throttleTimeMs, ...clusterRefused, results: [{ user: '', ...clusterRefused, credentialInfos: [] }] }
  const known = new Map(call.users.list().map(({ name, credentials }) => [name, credentials]))
  const asked = users === null || users.length === 0 ? [...known.keys()] : users.map(({ name }) => name)
  const twice = repeated(asked)
  return {
    throttleTimeMs, errorCode: NONE, errorMessage: '',
    results: Array.from(new Set(asked), (user) => {
      if (twice.has(user)) return { user, ...DESCRIBED_TWICE, credentialInfos: [] }
      const credentials = known.get(user)
      if (credentials === undefined) return { user, ...NOT_FOUND, credentialInfos: [] }
      return { user, errorCode: NONE, errorMessage: '', credentialInfos: [...credentials].map(([mechanism, { iterations }]) => ({ mechanism: codeOf(mechanism), iterations })) }
    }),
  }
})

export const alterUserScramCredentials: WireApi = serve(apis.alterUserScramCredentials, 0, 0, async ({ deletions, upsertions }, call) => {
  if (!demandOfCluster(call.rights, 'ALTER')) {
    const users = new Set([...deletions, ...upsertions].map(({ name }) => name))
    return { throttleTimeMs, results: Array.from(users, (user) => ({ user, ...clusterRefused })) }
  }
  // As Kafka has it: a user is answered once, may be named once, whatever the mechanism, and is told what is wrong first.
  const known = new Map(call.users.list().map(({ name, credentials }) => [name, credentials]))
  const refused = new Map<string, Answer>()
  const changes = new Map<string, () => Promise<Answer>>()
  const weigh = (name: string, problem: Answer | null, change: () => Promise<Answer>): void => {
    if (refused.has(name)) return
    const answer = changes.delete(name) ? DUPLICATE : problem
    if (answer === null) changes.set(name, change)
    else refused.set(name, answer)
  }
  for (const { name, mechanism } of deletions) {
    const isThere = known.get(name)?.has(mechanismOf(mechanism)!) === true
    weigh(name, problemWith(name, mechanism) ?? (isThere ? null : NOT_FOUND), async () => await call.users.remove(name, mechanismOf(mechanism)!) ? OK : NOT_FOUND)
  }
  for (const each of upsertions) weigh(each.name, problemWith(each.name, each.mechanism) ?? problemWithCount(each), () => set(call, each))
  const results: (Answer & { readonly user: string })[] = []
  for (const [user, change] of changes) results.push({ user, ...await change() })
  for (const [user, answer] of refused) results.push({ user, ...answer })
  return { throttleTimeMs, results }
})

function problemWith(name: string, mechanism: number): Answer | null {
  if (name === '') return NAMELESS
  return mechanismOf(mechanism) === undefined ? UNKNOWN_MECHANISM : null
}

function problemWithCount({ iterations }: Upsertion): Answer | null {
  const { least, most } = SCRAM_ITERATIONS
  return iterations < least || iterations > most ? { errorCode: 93, errorMessage: `${iterations} iterations are not between ${least} and ${most}` } : null
}

async function set(call: Call, { name, mechanism: code, iterations, salt, saltedPassword }: Upsertion): Promise<Answer> {
  const mechanism = mechanismOf(code)!
  const { storedKey, serverKey } = scramKeysOf(mechanism, saltedPassword)
  try {
    await call.users.set(name, mechanism, { salt: Uint8Array.from(salt), iterations, storedKey, serverKey })
    return OK
  } catch (error) {
    const { errorCode, message } = OttlaError.from(error)
    return { errorCode, errorMessage: message }
  }
}

/**
 * What the connections of a listener say, put together from the parts of a database: everything that is not needed to listen, and so is loaded when the first
 * client comes (docs/adr/0023). Called by wire-listener.ts.
 */
import { Authorizer, type AuthorizerOptions } from './access/authorizer.ts'
import type { QuotaMeter } from './access/quota-meter.ts'
import type { AnswerMemory } from './answer-memory.ts'
import { FetchSessions } from './fetch-sessions.ts'
import type { Peer, Session } from './listener.ts'
import type { MemoryPool } from './memory-pool.ts'
import { ProblemLog } from './problem-log.ts'
import type { CredentialSource, SaslMechanism } from './sasl/sasl-server.ts'
import { servedApis } from './served-apis.ts'
import type { Endpoint } from './wire-api.ts'
import type { ListenerParts } from './wire-listener.ts'
import { WireSession, type WireService } from './wire-session.ts'

export interface SessionsOptions {
  readonly endpointFor: (peer: Peer) => Endpoint
  /** Null: nobody authenticates. */
  readonly mechanisms: readonly SaslMechanism[] | null
  /** Null: who is in may do everything. */
  readonly acls: AuthorizerOptions | null
  readonly quotas: QuotaMeter
  readonly answers: AnswerMemory
  readonly pool: MemoryPool
}

const SECRET_BYTES = 32

/** Gives what makes the session of a connection. */
export function wireSessions(parts: ListenerParts, options: SessionsOptions): (peer: Peer) => Session {
  const { broker, users, ports, settings, intercept = null } = parts
  const { endpointFor, mechanisms, acls, quotas, answers, pool } = options
  const credentials = (): CredentialSource => ({ find: (user, mechanism) => users.find(user, mechanism), secret: ports.random.bytes(SECRET_BYTES) })
  const sasl = mechanisms === null ? null : {
    mechanisms, credentials: credentials(), sessionMs: settings['connections.max.reauth.ms'], now: () => ports.clock.monotonic(), random: ports.random, scheduler: ports.scheduler,
  }
  const service: WireService = {
    broker, users, authorizer: acls === null ? null : new Authorizer(parts.acls, acls), denials: new ProblemLog(ports), quotas, scheduler: ports.scheduler, clock: ports.clock,
    fetchSessions: new FetchSessions(ports), served: servedApis, endpointFor, sasl, intercept,
  }
  return (peer) => new WireSession(service, peer, answers, pool)
}

/** What the parts of the remote BrokerApi share. */
import { OttlaError } from '../../common/errors.ts'
import type { Cluster } from './cluster.ts'
import type { LinkPool } from './link-pool.ts'

export interface Wire { readonly cluster: Cluster; readonly pool: LinkPool; readonly requestTimeoutMs: number }

/** The broker could not be asked, or did not answer. */
export function unanswered(reason: unknown): { readonly errorCode: number; readonly error: OttlaError } {
  const error = OttlaError.from(reason)
  return { errorCode: error.errorCode, error }
}

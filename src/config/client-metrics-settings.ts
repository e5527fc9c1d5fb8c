/**
 * Subscriptions to the metrics of clients (KIP-714), as `kafka-client-metrics` and `kafka-configs --entity-type client-metrics` keep them. Kafka offers clients to
 * push metrics only where a plugin receives them; here is none, so subscriptions are kept and told, and no client is asked for anything.
 */
import { OttlaError } from '../common/errors.ts'
import type { SettingTable } from './setting.ts'

const inert = 'there is nothing here to receive metrics'

export const clientMetricsTable: SettingTable = {
  'interval.ms': { type: 'int', default: 300_000, inert, doc: 'How often clients would push, from 100 to 3600000.' },
  match: { type: 'list', default: [], inert, doc: 'Which clients: patterns as client_id=orders.*, of which all must fit.' },
  metrics: { type: 'list', default: [], inert, doc: 'Which metrics: beginnings of their names; * is all.' },
}

const LEAST_INTERVAL = 100
const MOST_INTERVAL = 3_600_000
const matchable = new Set(['client_instance_id', 'client_id', 'client_software_name', 'client_software_version', 'client_source_address', 'client_source_port'])

/** Raises INVALID_REQUEST, INVALID_CONFIG. */
export function checkClientMetrics(settings: Readonly<Record<string, string>>): void {
  const interval = settings['interval.ms']
  if (interval !== undefined && (Number(interval) < LEAST_INTERVAL || Number(interval) > MOST_INTERVAL)) {
    throw new OttlaError('INVALID_REQUEST', `interval.ms is ${interval}: give ${LEAST_INTERVAL} to ${MOST_INTERVAL}`)
  }
  for (const pattern of (settings['match'] ?? '').split(',').filter((each) => each !== '')) {
    const [name = '', value = '', ...more] = pattern.split('=')
    if (!matchable.has(name.trim()) || value === '' || more.length > 0 || !isPattern(value.trim())) {
      throw new OttlaError('INVALID_CONFIG', `${JSON.stringify(pattern.slice(0, 100))} matches no client: give name=pattern, with one of ${[...matchable].join(', ')}`)
    }
  }
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp
  } catch {
    return false
  }
}

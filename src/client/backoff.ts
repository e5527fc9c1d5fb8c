/** Kafka's pause between retries: it doubles from `retry.backoff.ms` to `retry.backoff.max.ms`, give or take a fifth (KIP-580). */
import type { Random } from '../common/random.ts'

export interface BackoffSettings { readonly 'retry.backoff.ms': number; readonly 'retry.backoff.max.ms': number }

/** `attempt` counts from 1. Milliseconds. */
export function backoffMs(settings: BackoffSettings, attempt: number, random: Random): number {
  const base = settings['retry.backoff.ms']
  const most = Math.max(base, settings['retry.backoff.max.ms'])
  const full = Math.min(base * 2 ** Math.min(attempt - 1, 30), most)
  return Math.min(full * (0.8 + 0.4 * random.float()), most)
}

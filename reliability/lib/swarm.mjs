/** Random configurations of writers: tiny segments, so that rolls and index growth happen all the time (spec rule 13). */

/** @param {import('./random.mjs').Random} random */
export function randomProfile(random, { power = false } = {}) {
  const topics = Array.from({ length: 1 + random.int(3) }, (_, i) => ({
    name: `t${i}`, partitions: 1 + random.int(2),
    config: {
      'internal.segment.bytes': random.pick([1024, 2048, 8192, 16_384, 65_536, 1_048_576]), 'index.interval.bytes': random.pick([1, 256, 1024, 4096]), 'file.delete.delay.ms': 0,
      ...(random.chance(0.2) ? { 'segment.index.bytes': 120 } : {}),
      ...(random.chance(0.25) ? { preallocate: true } : {}),
    },
  }))
  const producers = []
  for (const { name, partitions } of topics) {
    for (let partition = 0; partition < partitions; partition++) {
      for (let i = 0; i < 1 + random.int(2); i++) {
        const acks = random.chance(power ? 0.8 : 0.5) ? 'all' : 1
        producers.push({
          topic: name, partition, burst: random.pick([1, 1, 5, 40, 100]), padding: random.pick([0, 50, 400, 3000, 20_000]), pauseMs: random.pick([0, 0, 3]),
          settings: {
            acks, 'linger.ms': random.pick([0, 0, 1]), 'batch.size': random.pick([200, 4000, 16_384, 262_144]), 'compression.type': random.pick(['none', 'none', 'gzip', 'snappy', 'lz4', 'zstd']),
            'enable.idempotence': acks === 'all' && random.chance(0.7),
          },
        })
      }
    }
  }
  return { topics, producers, churnMs: random.pick([0, 2, 10]), partitions: random.chance(0.5) ? [{ topic: 't0', partition: 0 }] : [] }
}

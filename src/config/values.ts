/** Settings after resolution: complete, checked and typed. "Never" is `FOREVER`. Generated from the tables by scripts/generate-docs.mjs: do not edit. */
export interface TopicValues {
  readonly 'cleanup.policy': readonly ('delete' | 'compact')[]
  readonly 'compression.type': 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  readonly 'compression.gzip.level': number
  readonly 'compression.lz4.level': number
  readonly 'compression.zstd.level': number
  readonly 'delete.retention.ms': number
  readonly 'file.delete.delay.ms': number
  readonly 'flush.messages': number
  readonly 'flush.ms': number
  readonly 'follower.replication.throttled.replicas': readonly string[]
  readonly 'index.interval.bytes': number
  readonly 'internal.segment.bytes': number | null
  readonly 'leader.replication.throttled.replicas': readonly string[]
  readonly 'local.retention.bytes': number
  readonly 'local.retention.ms': number
  readonly 'max.compaction.lag.ms': number
  readonly 'max.message.bytes': number
  readonly 'message.timestamp.after.max.ms': number
  readonly 'message.timestamp.before.max.ms': number
  readonly 'message.timestamp.type': 'CreateTime' | 'LogAppendTime'
  readonly 'min.cleanable.dirty.ratio': number
  readonly 'min.compaction.lag.ms': number
  readonly 'min.insync.replicas': number
  readonly preallocate: boolean
  readonly 'remote.log.copy.disable': boolean
  readonly 'remote.log.delete.on.disable': boolean
  readonly 'remote.storage.enable': boolean
  readonly 'retention.bytes': number
  readonly 'retention.ms': number
  readonly 'segment.bytes': number
  readonly 'segment.index.bytes': number
  readonly 'segment.jitter.ms': number
  readonly 'segment.ms': number
  readonly 'unclean.leader.election.enable': boolean
  readonly 'write.caching': boolean
}

export interface BrokerValues {
  readonly 'auto.create.topics.enable': boolean
  readonly 'background.threads': number
  readonly 'broker.rack': string | null
  readonly 'compression.gzip.level': number | null
  readonly 'compression.lz4.level': number | null
  readonly 'compression.type': 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd' | null
  readonly 'compression.zstd.level': number | null
  readonly 'connections.max.idle.ms': number
  readonly 'connections.max.reauth.ms': number
  readonly 'default.replication.factor': number
  readonly 'delete.topic.enable': boolean
  readonly 'fetch.max.bytes': number
  readonly 'follower.replication.throttled.rate': number
  readonly 'group.initial.rebalance.delay.ms': number
  readonly 'group.max.session.timeout.ms': number
  readonly 'group.max.size': number
  readonly 'group.min.session.timeout.ms': number
  readonly 'leader.replication.throttled.rate': number
  readonly 'log.cleaner.backoff.ms': number
  readonly 'log.cleaner.dedupe.buffer.size': number
  readonly 'log.cleaner.delete.retention.ms': number | null
  readonly 'log.cleaner.enable': boolean
  readonly 'log.cleaner.io.buffer.load.factor': number
  readonly 'log.cleaner.io.buffer.size': number
  readonly 'log.cleaner.max.compaction.lag.ms': number | null
  readonly 'log.cleaner.min.cleanable.ratio': number | null
  readonly 'log.cleaner.min.compaction.lag.ms': number | null
  readonly 'log.cleaner.threads': number
  readonly 'log.cleanup.policy': readonly ('delete' | 'compact')[] | null
  readonly 'log.flush.interval.messages': number | null
  readonly 'log.flush.interval.ms': number | null
  readonly 'log.flush.offset.checkpoint.interval.ms': number
  readonly 'log.flush.scheduler.interval.ms': number
  readonly 'log.flush.start.offset.checkpoint.interval.ms': number
  readonly 'log.index.interval.bytes': number | null
  readonly 'log.index.size.max.bytes': number | null
  readonly 'log.initial.task.delay.ms': number
  readonly 'log.local.retention.bytes': number | null
  readonly 'log.local.retention.ms': number | null
  readonly 'log.message.timestamp.after.max.ms': number | null
  readonly 'log.message.timestamp.before.max.ms': number | null
  readonly 'log.message.timestamp.type': 'CreateTime' | 'LogAppendTime' | null
  readonly 'log.preallocate': boolean | null
  readonly 'log.retention.bytes': number | null
  readonly 'log.retention.check.interval.ms': number
  readonly 'log.retention.hours': number | null
  readonly 'log.retention.minutes': number | null
  readonly 'log.retention.ms': number | null
  readonly 'log.roll.hours': number | null
  readonly 'log.roll.jitter.hours': number | null
  readonly 'log.roll.jitter.ms': number | null
  readonly 'log.roll.ms': number | null
  readonly 'log.segment.bytes': number | null
  readonly 'log.segment.delete.delay.ms': number | null
  readonly 'max.connections': number
  readonly 'max.connections.per.ip': number
  readonly 'max.connections.per.ip.overrides': string
  readonly 'message.max.bytes': number | null
  readonly 'min.insync.replicas': number | null
  readonly 'node.id': number
  readonly 'num.io.threads': number
  readonly 'num.network.threads': number
  readonly 'num.partitions': number
  readonly 'num.recovery.threads.per.data.dir': number
  readonly 'num.replica.fetchers': number
  readonly 'offset.metadata.max.bytes': number
  readonly 'offsets.commit.timeout.ms': number
  readonly 'offsets.load.buffer.size': number
  readonly 'offsets.retention.check.interval.ms': number
  readonly 'offsets.retention.minutes': number
  readonly 'offsets.topic.compression.codec': number
  readonly 'offsets.topic.num.partitions': number
  readonly 'offsets.topic.replication.factor': number
  readonly 'offsets.topic.segment.bytes': number
  readonly 'producer.id.expiration.check.interval.ms': number
  readonly 'producer.id.expiration.ms': number
  readonly 'replica.alter.log.dirs.io.max.bytes.per.second': number
  readonly 'replica.high.watermark.checkpoint.interval.ms': number
  readonly 'sasl.kerberos.min.time.before.relogin': number
  readonly 'socket.request.max.bytes': number
  readonly 'unclean.leader.election.enable': boolean | null
  readonly 'write.caching': boolean | null
}

export interface ClientValues {
  readonly 'bootstrap.servers': readonly string[]
  readonly 'client.id': string
  readonly 'connections.max.idle.ms': number
  readonly 'default.api.timeout.ms': number
  readonly 'metadata.max.age.ms': number
  readonly 'receive.message.max.bytes': number
  readonly 'reconnect.backoff.max.ms': number
  readonly 'reconnect.backoff.ms': number
  readonly 'request.timeout.ms': number
  readonly 'retry.backoff.max.ms': number
  readonly 'retry.backoff.ms': number
  readonly 'sasl.jaas.config': string | null
  readonly 'sasl.mechanism': 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | null
  readonly 'sasl.password': string | null
  readonly 'sasl.username': string | null
  readonly 'security.protocol': 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
  readonly 'socket.connection.setup.timeout.max.ms': number
  readonly 'socket.connection.setup.timeout.ms': number
  readonly 'ssl.endpoint.identification.algorithm': 'https' | ''
  readonly 'ssl.key.password': string | null
  readonly 'ssl.keystore.certificate.chain': string | null
  readonly 'ssl.keystore.key': string | null
  readonly 'ssl.keystore.location': string | null
  readonly 'ssl.truststore.certificates': string | null
  readonly 'ssl.truststore.location': string | null
}

export interface ProducerValues {
  readonly acks: -1 | 0 | 1
  readonly 'batch.size': number
  readonly 'buffer.memory': number
  readonly 'client.id': string
  readonly 'compression.gzip.level': number
  readonly 'compression.lz4.level': number
  readonly 'compression.type': 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  readonly 'compression.zstd.level': number
  readonly 'delivery.timeout.ms': number
  readonly 'enable.idempotence': boolean
  readonly 'linger.ms': number
  readonly 'max.block.ms': number
  readonly 'max.in.flight.requests.per.connection': number
  readonly 'max.request.size': number
  readonly 'metadata.max.age.ms': number
  readonly 'partitioner.adaptive.partitioning.enable': boolean
  readonly 'partitioner.availability.timeout.ms': number
  readonly 'partitioner.ignore.keys': boolean
  readonly 'request.timeout.ms': number
  readonly retries: number
  readonly 'retry.backoff.max.ms': number
  readonly 'retry.backoff.ms': number
}

export interface ConsumerValues {
  readonly 'allow.auto.create.topics': boolean
  readonly 'auto.commit.interval.ms': number
  readonly 'auto.offset.reset': 'latest' | 'earliest' | 'none' | `by_duration:${string}`
  readonly 'check.crcs': boolean
  readonly 'client.id': string
  readonly 'client.rack': string
  readonly 'default.api.timeout.ms': number
  readonly 'enable.auto.commit': boolean
  readonly 'exclude.internal.topics': boolean
  readonly 'fetch.max.bytes': number
  readonly 'fetch.max.wait.ms': number
  readonly 'fetch.min.bytes': number
  readonly 'group.id': string | null
  readonly 'group.instance.id': string | null
  readonly 'group.protocol': 'classic'
  readonly 'heartbeat.interval.ms': number
  readonly 'isolation.level': 'read_uncommitted' | 'read_committed'
  readonly 'max.partition.fetch.bytes': number
  readonly 'max.poll.interval.ms': number
  readonly 'max.poll.records': number
  readonly 'metadata.max.age.ms': number
  readonly 'partition.assignment.strategy': readonly ('range' | 'roundrobin' | 'sticky' | 'cooperative-sticky')[]
  readonly 'request.timeout.ms': number
  readonly 'retry.backoff.max.ms': number
  readonly 'retry.backoff.ms': number
  readonly 'session.timeout.ms': number
}

export interface AdminValues {
  readonly 'client.id': string
  readonly 'default.api.timeout.ms': number
  readonly 'request.timeout.ms': number
  readonly retries: number
  readonly 'retry.backoff.max.ms': number
  readonly 'retry.backoff.ms': number
}

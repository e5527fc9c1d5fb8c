/** Settings as users type them: Kafka's dotted names, all optional. Generated from the tables by scripts/generate-docs.mjs: do not edit. */
export type { AdminValues, BrokerValues, ClientValues, ConsumerValues, ProducerValues, TopicValues } from './values.ts'

export interface TopicSettings {
  /**
   * `delete` drops old segments by `retention.ms` and `retention.bytes`; `compact` keeps the last record of every key, and of a key
   * whose last record has no value none. Both may be given, or neither. Default: delete.
   */
  'cleanup.policy'?: readonly ('delete' | 'compact')[] | 'delete' | 'compact' | `${string},${string}`
  /** Codec of stored batches; `producer` keeps what the producer chose. Default: producer. */
  'compression.type'?: 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  /** Level when the broker compresses with gzip: −1 (the codec's own default) or 1 to 9. Default: -1. */
  'compression.gzip.level'?: number | `${number}`
  /** Level when the broker compresses with lz4. Default: 9. */
  'compression.lz4.level'?: number | `${number}`
  /** Level when the broker compresses with zstd. Default: 3. */
  'compression.zstd.level'?: number | `${number}`
  /** How long a compacted topic keeps tombstones after the cleaner first met them. Default: 86400000. */
  'delete.retention.ms'?: number | `${number}`
  /** Time between renaming a dropped segment to `.deleted` and removing the file. Default: 60000. */
  'file.delete.delay.ms'?: number | `${number}`
  /** Sync the log after so many records, whatever the producer asked for. Default: never. */
  'flush.messages'?: number | `${number}`
  /** Sync the log when its oldest unsynced record has waited so long, whatever the producer asked for. Default: never. */
  'flush.ms'?: number | `${number}`
  /** Replicas whose fetching is throttled: `*` or `partition:broker` pairs. Default: empty. */
  'follower.replication.throttled.replicas'?: readonly string[] | string
  /** An index entry is written after so many bytes of batches: smaller finds faster, larger costs less memory. Default: 4096. */
  'index.interval.bytes'?: number | `${number}`
  /** Kafka's override for tests: `segment.bytes` without its lower bound. Wins over `segment.bytes` when set. Default: not set. */
  'internal.segment.bytes'?: number | `${number}`
  /** Replicas whose serving is throttled: `*` or `partition:broker` pairs. Default: empty. */
  'leader.replication.throttled.replicas'?: readonly string[] | string
  /** Bytes kept locally with tiered storage; −2 means `retention.bytes`. Default: -2. */
  'local.retention.bytes'?: number | `${number}`
  /** Time kept locally with tiered storage; −2 means `retention.ms`. Default: -2. */
  'local.retention.ms'?: number | `${number}`
  /** Longest time a record of a compacted topic may stay out of reach of the cleaner. Default: never. */
  'max.compaction.lag.ms'?: number | `${number}`
  /** Largest batch accepted, after compression, with its twelve bytes of prefix. Default: 1048588. */
  'max.message.bytes'?: number | `${number}`
  /** How far in the future a record's own timestamp may lie. CreateTime only. Default: 3600000. */
  'message.timestamp.after.max.ms'?: number | `${number}`
  /** How far in the past a record's own timestamp may lie. CreateTime only. Default: never. */
  'message.timestamp.before.max.ms'?: number | `${number}`
  /** Whether records keep the producer's timestamp or get the time of the append. Default: CreateTime. */
  'message.timestamp.type'?: 'CreateTime' | 'LogAppendTime'
  /** Share of uncleaned bytes above which a compacted log is cleaned. Default: 0.5. */
  'min.cleanable.dirty.ratio'?: number | `${number}`
  /** Shortest time a record of a compacted topic stays untouched. Default: 0. */
  'min.compaction.lag.ms'?: number | `${number}`
  /** Replicas that must be in sync for `acks=all` to be accepted. A partition of one replica asks for one. Default: 1. */
  'min.insync.replicas'?: number | `${number}`
  /**
   * Keep zeros ahead of small writes with `acks=all`, 256 KiB at a time, so that their sync is shorter. They are cut off when a segment
   * or the database is closed. Default: false.
   */
  preallocate?: boolean | 'true' | 'false'
  /** Stop copying to tiered storage. Default: false. */
  'remote.log.copy.disable'?: boolean | 'true' | 'false'
  /** Delete tiered data when tiering is switched off. Default: false. */
  'remote.log.delete.on.disable'?: boolean | 'true' | 'false'
  /** Use tiered storage; `true` is an error. Default: false. */
  'remote.storage.enable'?: boolean | 'true' | 'false'
  /** A partition larger than this loses its oldest segments; −1 is no limit. Applies with `cleanup.policy` `delete`. Default: -1. */
  'retention.bytes'?: number | `${number}`
  /** Segments whose newest record is older than this are dropped; −1 keeps for ever. Applies with `cleanup.policy` `delete`. Default: 604800000. */
  'retention.ms'?: number | `${number}`
  /** Size at which a new segment file is begun. Retention drops whole segments. Default: 1073741824. */
  'segment.bytes'?: number | `${number}`
  /** Largest size of each index of a segment; a full index begins a new segment. Default: 10485760. */
  'segment.index.bytes'?: number | `${number}`
  /** Random time taken off `segment.ms`, so that many partitions do not roll at once. Default: 0. */
  'segment.jitter.ms'?: number | `${number}`
  /** Age at which a new segment file is begun even when the old one is not full. Default: 604800000. */
  'segment.ms'?: number | `${number}`
  /** Let a replica that is behind become leader. Default: false. */
  'unclean.leader.election.enable'?: boolean | 'true' | 'false'
  /**
   * With `true`, `acks=all` resolves once the operating system has the bytes: they survive a killed process, not a power cut.
   * (Redpanda's name.) Default: false.
   */
  'write.caching'?: boolean | 'true' | 'false'
}

export interface BrokerSettings {
  /** Create a topic when a client first names it. Default: true. */
  'auto.create.topics.enable'?: boolean | 'true' | 'false'
  /** Threads for background tasks. Default: 10. */
  'background.threads'?: number | `${number}`
  /** Rack of this broker, which clients are told. Default: not set. */
  'broker.rack'?: string
  /** Topics without an override of `compression.gzip.level` take it from here. Default: not set. */
  'compression.gzip.level'?: number | `${number}`
  /** Topics without an override of `compression.lz4.level` take it from here. Default: not set. */
  'compression.lz4.level'?: number | `${number}`
  /** Topics without an override of `compression.type` take it from here. Default: not set. */
  'compression.type'?: 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  /** Topics without an override of `compression.zstd.level` take it from here. Default: not set. */
  'compression.zstd.level'?: number | `${number}`
  /** A listener closes connections on which nothing was asked for so long; −1: never. Default: 600000. */
  'connections.max.idle.ms'?: number | `${number}`
  /** On listeners with SASL, a client has to log in again before so long is over; its connection is closed otherwise. 0: never. Default: 0. */
  'connections.max.reauth.ms'?: number | `${number}`
  /** Replicas of a new topic. Default: 1. */
  'default.replication.factor'?: number | `${number}`
  /** Whether topics can be deleted. Default: true. */
  'delete.topic.enable'?: boolean | 'true' | 'false'
  /** Upper bound on the bytes of one fetch, whatever the consumer asks for. Default: 57671680. */
  'fetch.max.bytes'?: number | `${number}`
  /** Bytes a second that throttled followers may fetch. Default: never. */
  'follower.replication.throttled.rate'?: number | `${number}`
  /** How long the first rebalance of an empty group waits for more members. (Kafka: 3000.) Default: 0. */
  'group.initial.rebalance.delay.ms'?: number | `${number}`
  /** Largest `session.timeout.ms` a member may ask for. Default: 1800000. */
  'group.max.session.timeout.ms'?: number | `${number}`
  /** Most members of one consumer group. Default: 2147483647. */
  'group.max.size'?: number | `${number}`
  /** Smallest `session.timeout.ms` a member may ask for. Default: 6000. */
  'group.min.session.timeout.ms'?: number | `${number}`
  /** Bytes a second that throttled leaders may serve to followers. Default: never. */
  'leader.replication.throttled.rate'?: number | `${number}`
  /** How often the cleaner looks for logs to compact. Default: 15000. */
  'log.cleaner.backoff.ms'?: number | `${number}`
  /** Most memory for the keys that the cleaner has seen, 24 bytes each; what does not fit waits for the next round. Default: 134217728. */
  'log.cleaner.dedupe.buffer.size'?: number | `${number}`
  /** Topics without an override of `delete.retention.ms` take it from here. Default: not set. */
  'log.cleaner.delete.retention.ms'?: number | `${number}`
  /** Compact topics whose `cleanup.policy` says so. Default: true. */
  'log.cleaner.enable'?: boolean | 'true' | 'false'
  /** How full the memory for keys may get. Default: 0.9. */
  'log.cleaner.io.buffer.load.factor'?: number | `${number}`
  /** Bytes that the cleaner reads and writes at a time, 64 KiB at least. Default: 524288. */
  'log.cleaner.io.buffer.size'?: number | `${number}`
  /** Topics without an override of `max.compaction.lag.ms` take it from here. Default: not set. */
  'log.cleaner.max.compaction.lag.ms'?: number | `${number}`
  /** Topics without an override of `min.cleanable.dirty.ratio` take it from here. Default: not set. */
  'log.cleaner.min.cleanable.ratio'?: number | `${number}`
  /** Topics without an override of `min.compaction.lag.ms` take it from here. Default: not set. */
  'log.cleaner.min.compaction.lag.ms'?: number | `${number}`
  /** How many cleaners there are. Default: 1. */
  'log.cleaner.threads'?: number | `${number}`
  /** Topics without an override of `cleanup.policy` take it from here. Default: not set. */
  'log.cleanup.policy'?: readonly ('delete' | 'compact')[] | 'delete' | 'compact' | `${string},${string}`
  /** Topics without an override of `flush.messages` take it from here. Default: not set. */
  'log.flush.interval.messages'?: number | `${number}`
  /** Topics without an override of `flush.ms` take it from here. Default: not set. */
  'log.flush.interval.ms'?: number | `${number}`
  /** How often `recovery-point-offset-checkpoint` is written. Default: 60000. */
  'log.flush.offset.checkpoint.interval.ms'?: number | `${number}`
  /** How often logs are looked at for `flush.ms`; at most the smallest `flush.ms` in force. Default: never. */
  'log.flush.scheduler.interval.ms'?: number | `${number}`
  /** How often `log-start-offset-checkpoint` is written. Default: 60000. */
  'log.flush.start.offset.checkpoint.interval.ms'?: number | `${number}`
  /** Topics without an override of `index.interval.bytes` take it from here. Default: not set. */
  'log.index.interval.bytes'?: number | `${number}`
  /** Topics without an override of `segment.index.bytes` take it from here. Default: not set. */
  'log.index.size.max.bytes'?: number | `${number}`
  /** Wait after opening before retention and the other background tasks first run. Default: 30000. */
  'log.initial.task.delay.ms'?: number | `${number}`
  /** Topics without an override of `local.retention.bytes` take it from here. Default: not set. */
  'log.local.retention.bytes'?: number | `${number}`
  /** Topics without an override of `local.retention.ms` take it from here. Default: not set. */
  'log.local.retention.ms'?: number | `${number}`
  /** Topics without an override of `message.timestamp.after.max.ms` take it from here. Default: not set. */
  'log.message.timestamp.after.max.ms'?: number | `${number}`
  /** Topics without an override of `message.timestamp.before.max.ms` take it from here. Default: not set. */
  'log.message.timestamp.before.max.ms'?: number | `${number}`
  /** Topics without an override of `message.timestamp.type` take it from here. Default: not set. */
  'log.message.timestamp.type'?: 'CreateTime' | 'LogAppendTime'
  /** Topics without an override of `preallocate` take it from here. Default: not set. */
  'log.preallocate'?: boolean | 'true' | 'false'
  /** Topics without an override of `retention.bytes` take it from here. Default: not set. */
  'log.retention.bytes'?: number | `${number}`
  /** How often retention is applied. Default: 300000. */
  'log.retention.check.interval.ms'?: number | `${number}`
  /** Topics without an override of `retention.ms` take it from here in hours. Default: not set. */
  'log.retention.hours'?: number | `${number}`
  /** Topics without an override of `retention.ms` take it from here in minutes. Default: not set. */
  'log.retention.minutes'?: number | `${number}`
  /** Topics without an override of `retention.ms` take it from here. Default: not set. */
  'log.retention.ms'?: number | `${number}`
  /** Topics without an override of `segment.ms` take it from here in hours. Default: not set. */
  'log.roll.hours'?: number | `${number}`
  /** Topics without an override of `segment.jitter.ms` take it from here in hours. Default: not set. */
  'log.roll.jitter.hours'?: number | `${number}`
  /** Topics without an override of `segment.jitter.ms` take it from here. Default: not set. */
  'log.roll.jitter.ms'?: number | `${number}`
  /** Topics without an override of `segment.ms` take it from here. Default: not set. */
  'log.roll.ms'?: number | `${number}`
  /** Topics without an override of `segment.bytes` take it from here. Default: not set. */
  'log.segment.bytes'?: number | `${number}`
  /** Topics without an override of `file.delete.delay.ms` take it from here. Default: not set. */
  'log.segment.delete.delay.ms'?: number | `${number}`
  /** Most connections of one listener. (Kafka: 2147483647.) Default: 30000. */
  'max.connections'?: number | `${number}`
  /** Most connections of one listener from one address. 0 needs `max.connections.per.ip.overrides`. Default: 2147483647. */
  'max.connections.per.ip'?: number | `${number}`
  /** The same for some addresses. Default: empty. */
  'max.connections.per.ip.overrides'?: string
  /** Topics without an override of `max.message.bytes` take it from here. Default: not set. */
  'message.max.bytes'?: number | `${number}`
  /** Topics without an override of `min.insync.replicas` take it from here. Default: not set. */
  'min.insync.replicas'?: number | `${number}`
  /** Id of this broker. A directory that has a `meta.properties` keeps the id written there. Default: 1. */
  'node.id'?: number | `${number}`
  /** Threads that carry out requests. Default: 8. */
  'num.io.threads'?: number | `${number}`
  /** Threads that serve connections. Default: 3. */
  'num.network.threads'?: number | `${number}`
  /** Partitions of a topic that is created without a number. Default: 1. */
  'num.partitions'?: number | `${number}`
  /** Partitions recovered side by side when opening; a change holds from the next opening on. Default: 2. */
  'num.recovery.threads.per.data.dir'?: number | `${number}`
  /** Threads that fetch from leaders. Default: 1. */
  'num.replica.fetchers'?: number | `${number}`
  /** Longest metadata string of an offset commit, in characters. Default: 4096. */
  'offset.metadata.max.bytes'?: number | `${number}`
  /** How long an offset commit may wait for replicas. Default: 5000. */
  'offsets.commit.timeout.ms'?: number | `${number}`
  /** Bytes read at a time while offsets are loaded. Default: 5242880. */
  'offsets.load.buffer.size'?: number | `${number}`
  /** How often expired group offsets are looked for. Default: 600000. */
  'offsets.retention.check.interval.ms'?: number | `${number}`
  /** Offsets of a group without members are dropped after so long. Default: 10080. */
  'offsets.retention.minutes'?: number | `${number}`
  /** Codec of `__consumer_offsets`. Default: 0. */
  'offsets.topic.compression.codec'?: number | `${number}`
  /** Partitions of `__consumer_offsets` when it is created. (Kafka: 50.) Default: 1. */
  'offsets.topic.num.partitions'?: number | `${number}`
  /** Replicas of `__consumer_offsets`. Default: 1. */
  'offsets.topic.replication.factor'?: number | `${number}`
  /** `segment.bytes` of `__consumer_offsets` when it is created. Default: 104857600. */
  'offsets.topic.segment.bytes'?: number | `${number}`
  /** How often idle producers are looked for. Default: 600000. */
  'producer.id.expiration.check.interval.ms'?: number | `${number}`
  /** An idempotent producer that has been quiet so long is forgotten. Default: 86400000. */
  'producer.id.expiration.ms'?: number | `${number}`
  /** Bytes a second at which replicas move between data directories. Default: never. */
  'replica.alter.log.dirs.io.max.bytes.per.second'?: number | `${number}`
  /** How often `replication-offset-checkpoint` is written. Default: 5000. */
  'replica.high.watermark.checkpoint.interval.ms'?: number | `${number}`
  /** Pause between renewals of a ticket. Default: 60000. */
  'sasl.kerberos.min.time.before.relogin'?: number | `${number}`
  /** Largest request that a listener reads; a larger one closes the connection. Default: 104857600. */
  'socket.request.max.bytes'?: number | `${number}`
  /** Topics without an override of `unclean.leader.election.enable` take it from here. Default: not set. */
  'unclean.leader.election.enable'?: boolean | 'true' | 'false'
  /** Topics without an override of `write.caching` take it from here. Default: not set. */
  'write.caching'?: boolean | 'true' | 'false'
}

export interface ClientSettings {
  /** Brokers to begin with, as `host:port`. May be given as first argument of `connect` instead. Default: empty. */
  'bootstrap.servers'?: readonly string[] | string
  /** Name of this client in logs, quotas and metrics of the brokers. Default: ottla. */
  'client.id'?: string
  /** A connection unused for so long is closed; −1: never. Default: 540000. */
  'connections.max.idle.ms'?: number | `${number}`
  /** How long an admin call may take, retries included. Default: 60000. */
  'default.api.timeout.ms'?: number | `${number}`
  /** Who leads what is asked again at the latest after this time. Default: 300000. */
  'metadata.max.age.ms'?: number | `${number}`
  /** Largest answer that is taken; consumers take at least twice their `fetch.max.bytes`. Default: 100000000. */
  'receive.message.max.bytes'?: number | `${number}`
  /** Longest pause before a broker that could not be reached is tried again. Default: 1000. */
  'reconnect.backoff.max.ms'?: number | `${number}`
  /** Pause before a broker is tried again; it doubles with each failure. Default: 50. */
  'reconnect.backoff.ms'?: number | `${number}`
  /** How long one request may take; then its connection is given up. Default: 30000. */
  'request.timeout.ms'?: number | `${number}`
  /** Longest pause between retries. Default: 1000. */
  'retry.backoff.max.ms'?: number | `${number}`
  /** Pause before the first retry; it doubles with each. Default: 100. */
  'retry.backoff.ms'?: number | `${number}`
  /** User name and password as Kafka's properties files give them: `…LoginModule required username="…" password="…";`. Default: not set. */
  'sasl.jaas.config'?: string
  /** How to prove who one is, with `security.protocol` SASL_SSL or SASL_PLAINTEXT. Default: not set. */
  'sasl.mechanism'?: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  /** Password of the user. Default: not set. */
  'sasl.password'?: string
  /** Name of the user. Default: not set. */
  'sasl.username'?: string
  /** With or without TLS (SSL), with or without SASL. Where it is not given, it follows from `ssl` and `sasl.mechanism`. Default: PLAINTEXT. */
  'security.protocol'?: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
  /** Longest time that connecting to a broker may take, after many failures. Default: 30000. */
  'socket.connection.setup.timeout.max.ms'?: number | `${number}`
  /** How long connecting to a broker may take, TLS and authentication included; it doubles with each failure. Default: 10000. */
  'socket.connection.setup.timeout.ms'?: number | `${number}`
  /** Whether the broker's certificate must be for its host name; empty: every name will do. Default: https. */
  'ssl.endpoint.identification.algorithm'?: 'https' | ''
  /** Password of the private key. Default: not set. */
  'ssl.key.password'?: string
  /** Certificate of this client and those above it, as PEM text. Default: not set. */
  'ssl.keystore.certificate.chain'?: string
  /** Private key of this client, as PEM text. Default: not set. */
  'ssl.keystore.key'?: string
  /** File with the certificate and the private key of this client, as PEM. Default: not set. */
  'ssl.keystore.location'?: string
  /** Certificates of the authorities that are trusted, as PEM text. Default: those that Node trusts. Default: not set. */
  'ssl.truststore.certificates'?: string
  /** File with the certificates of the authorities that are trusted, as PEM. Default: not set. */
  'ssl.truststore.location'?: string
}

export interface ProducerSettings {
  /**
   * When a send counts as done: `0` when it is buffered, `1` when the operating system has it, `all` (or −1) when it is synced to disk.
   * Default: all.
   */
  acks?: 'all' | -1 | 0 | 1 | '-1' | '0' | '1'
  /** Bytes that a batch of one partition gathers at most; a larger record travels alone. Default: 65536. */
  'batch.size'?: number | `${number}`
  /** Bytes of records that may wait in the producer; then `send` waits for up to `max.block.ms`. Default: 33554432. */
  'buffer.memory'?: number | `${number}`
  /** Name of this client in logs and metrics. Default: empty. */
  'client.id'?: string
  /** Level of gzip: −1 (the codec's own default) or 1 to 9. Default: -1. */
  'compression.gzip.level'?: number | `${number}`
  /** Level of lz4. Default: 9. */
  'compression.lz4.level'?: number | `${number}`
  /** Codec of the batches. Default: none. */
  'compression.type'?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  /** Level of zstd. Default: 3. */
  'compression.zstd.level'?: number | `${number}`
  /** A record that is not acknowledged within this time fails, retries and waiting included. Default: 120000. */
  'delivery.timeout.ms'?: number | `${number}`
  /**
   * A retry never writes twice. Needs `acks=all`, retries and at most five requests in flight; unless set, conflicting settings switch
   * it off. Default: true.
   */
  'enable.idempotence'?: boolean | 'true' | 'false'
  /**
   * How long a batch waits for more records. With 0, what arrives during a write forms the next batch; while records keep coming to
   * eight partitions and more, with less than 8 KB for each, they gather for up to 1 ms, or 10 µs for each partition. Default: 0.
   */
  'linger.ms'?: number | `${number}`
  /** How long `send` waits for room in `buffer.memory` or for metadata. Default: 60000. */
  'max.block.ms'?: number | `${number}`
  /** Unanswered requests at a time. Default: 5. */
  'max.in.flight.requests.per.connection'?: number | `${number}`
  /** Largest record, serialized and before compression, and largest request. Default: 1048576. */
  'max.request.size'?: number | `${number}`
  /** Metadata older than this is asked for again. Default: 300000. */
  'metadata.max.age.ms'?: number | `${number}`
  /** Prefer partitions on faster brokers for records without key. Default: true. */
  'partitioner.adaptive.partitioning.enable'?: boolean | 'true' | 'false'
  /** Avoid partitions whose broker has not taken a batch for so long. Default: 0. */
  'partitioner.availability.timeout.ms'?: number | `${number}`
  /** Spread records over partitions as if they had no key. Default: false. */
  'partitioner.ignore.keys'?: boolean | 'true' | 'false'
  /** How long one request may take before it is retried or fails. Default: 30000. */
  'request.timeout.ms'?: number | `${number}`
  /** How often a failed batch is sent again within `delivery.timeout.ms`. Default: 2147483647. */
  retries?: number | `${number}`
  /** Longest pause between retries. Default: 1000. */
  'retry.backoff.max.ms'?: number | `${number}`
  /** Pause before the first retry; it doubles with each. Default: 100. */
  'retry.backoff.ms'?: number | `${number}`
}

export interface ConsumerSettings {
  /** Whether subscribing to a missing topic may create it, where the broker allows that. Default: true. */
  'allow.auto.create.topics'?: boolean | 'true' | 'false'
  /** How often processed offsets are committed with `enable.auto.commit`. Default: 5000. */
  'auto.commit.interval.ms'?: number | `${number}`
  /**
   * Where to begin without a committed offset, or when it is out of range; `by_duration:P1D` is at what came in the last day, `none`
   * raises an error. Default: latest.
   */
  'auto.offset.reset'?: 'latest' | 'earliest' | 'none' | `by_duration:${string}`
  /** Check the checksum of every batch. Default: true. */
  'check.crcs'?: boolean | 'true' | 'false'
  /** Name of this client in logs, metrics and group descriptions. Default: empty. */
  'client.id'?: string
  /** Where this client stands, to fetch from a near replica of a cluster (no effect in process: there is one broker). Default: empty. */
  'client.rack'?: string
  /** How long calls without a timeout of their own may take. Default: 60000. */
  'default.api.timeout.ms'?: number | `${number}`
  /** Commit the offsets of processed records in the background, on revocation and on close. Off without `group.id`. Default: true. */
  'enable.auto.commit'?: boolean | 'true' | 'false'
  /** Keep internal topics out of subscriptions by pattern. Default: true. */
  'exclude.internal.topics'?: boolean | 'true' | 'false'
  /**
   * Bytes of one fetch at most; a first batch that is larger is still returned. In process no more than 4 MiB are fetched ahead, or two
   * fetches of one partition. Default: 52428800.
   */
  'fetch.max.bytes'?: number | `${number}`
  /** How long a fetch waits for `fetch.min.bytes`. Default: 500. */
  'fetch.max.wait.ms'?: number | `${number}`
  /** Bytes a fetch waits for. Default: 1. */
  'fetch.min.bytes'?: number | `${number}`
  /** The consumer group. Needed to subscribe and to commit. Default: not set. */
  'group.id'?: string
  /** A lasting name of this member: coming back under it within the session timeout causes no rebalance. Default: not set. */
  'group.instance.id'?: string
  /** The rebalance protocol. Default: classic. */
  'group.protocol'?: 'classic'
  /** Time between heartbeats; at most a third of the session timeout is wise. Default: 3000. */
  'heartbeat.interval.ms'?: number | `${number}`
  /** Whether records of open and aborted transactions are handed out. Default: read_uncommitted. */
  'isolation.level'?: 'read_uncommitted' | 'read_committed'
  /** Bytes of one partition in a fetch at most; a first batch that is larger is still returned. (Kafka: 1048576.) Default: 4194304. */
  'max.partition.fetch.bytes'?: number | `${number}`
  /** A member that asks for no records for so long loses its partitions. Default: 300000. */
  'max.poll.interval.ms'?: number | `${number}`
  /** Records that one `poll` hands out at most. Default: 500. */
  'max.poll.records'?: number | `${number}`
  /** How often topics are looked up again, for new topics and partitions. Default: 300000. */
  'metadata.max.age.ms'?: number | `${number}`
  /**
   * Assignors in order of preference; all members of a group must share one. Kafka's class names are understood. Default:
   * range,cooperative-sticky.
   */
  'partition.assignment.strategy'?: readonly ('range' | 'roundrobin' | 'sticky' | 'cooperative-sticky')[] | 'range' | 'roundrobin' | 'sticky'
    | 'cooperative-sticky' | `${string},${string}`
  /** How long one request may take. Default: 30000. */
  'request.timeout.ms'?: number | `${number}`
  /** Longest pause between retries. Default: 1000. */
  'retry.backoff.max.ms'?: number | `${number}`
  /** Pause before the first retry; it doubles with each. Default: 100. */
  'retry.backoff.ms'?: number | `${number}`
  /** A member that is not heard of for so long is removed from the group. Default: 45000. */
  'session.timeout.ms'?: number | `${number}`
}

export interface AdminSettings {
  /** Name of this client in logs and metrics. Default: empty. */
  'client.id'?: string
  /** How long one call may take, retries included. Default: 60000. */
  'default.api.timeout.ms'?: number | `${number}`
  /** How long one request may take. Default: 30000. */
  'request.timeout.ms'?: number | `${number}`
  /** How often a failed request is sent again. Default: 2147483647. */
  retries?: number | `${number}`
  /** Longest pause between retries. Default: 1000. */
  'retry.backoff.max.ms'?: number | `${number}`
  /** Pause before the first retry; it doubles with each. Default: 100. */
  'retry.backoff.ms'?: number | `${number}`
}

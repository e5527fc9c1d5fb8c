/** Every setting that Kafka 4.1 has is taken, or refused with what to do instead: none is unknown, and none taken for a misspelt other one. */
import { describe, expect, test } from 'vitest'
import { brokerTable } from './broker-settings.ts'
import { clientExtras, clientTable } from './client-settings.ts'
import { adminTable, consumerExtras, consumerTable } from './consumer-settings.ts'
import { producerExtras, producerTable } from './producer-settings.ts'
import type { SettingScope } from './setting.ts'
import { unknownSetting } from './suggestion.ts'

// The names in Kafka 4.1's ConfigDefs: of brokers and all clients, of all clients, of brokers, and of each kind of client alone.

const shared = `
  connections.max.idle.ms metric.reporters metrics.num.samples metrics.recording.level metrics.sample.window.ms request.timeout.ms sasl.client.callback.handler.class sasl.jaas.config
  sasl.kerberos.kinit.cmd sasl.kerberos.min.time.before.relogin sasl.kerberos.service.name sasl.kerberos.ticket.renew.jitter sasl.kerberos.ticket.renew.window.factor
  sasl.login.callback.handler.class sasl.login.class sasl.login.connect.timeout.ms sasl.login.read.timeout.ms sasl.login.refresh.buffer.seconds sasl.login.refresh.min.period.seconds
  sasl.login.refresh.window.factor sasl.login.refresh.window.jitter sasl.login.retry.backoff.max.ms sasl.login.retry.backoff.ms sasl.oauthbearer.assertion.algorithm
  sasl.oauthbearer.assertion.claim.aud sasl.oauthbearer.assertion.claim.exp.seconds sasl.oauthbearer.assertion.claim.iss sasl.oauthbearer.assertion.claim.jti.include
  sasl.oauthbearer.assertion.claim.nbf.seconds sasl.oauthbearer.assertion.claim.sub sasl.oauthbearer.assertion.file sasl.oauthbearer.assertion.private.key.file
  sasl.oauthbearer.assertion.private.key.passphrase sasl.oauthbearer.assertion.template.file sasl.oauthbearer.client.credentials.client.id sasl.oauthbearer.client.credentials.client.secret
  sasl.oauthbearer.clock.skew.seconds sasl.oauthbearer.expected.audience sasl.oauthbearer.expected.issuer sasl.oauthbearer.jwks.endpoint.refresh.ms
  sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms sasl.oauthbearer.jwks.endpoint.retry.backoff.ms sasl.oauthbearer.jwks.endpoint.url sasl.oauthbearer.jwt.retriever.class
  sasl.oauthbearer.jwt.validator.class sasl.oauthbearer.scope sasl.oauthbearer.scope.claim.name sasl.oauthbearer.sub.claim.name sasl.oauthbearer.token.endpoint.url security.providers
  socket.connection.setup.timeout.max.ms socket.connection.setup.timeout.ms ssl.cipher.suites ssl.enabled.protocols ssl.endpoint.identification.algorithm ssl.engine.factory.class ssl.key.password
  ssl.keymanager.algorithm ssl.keystore.certificate.chain ssl.keystore.key ssl.keystore.location ssl.keystore.password ssl.keystore.type ssl.protocol ssl.provider ssl.secure.random.implementation
  ssl.trustmanager.algorithm ssl.truststore.certificates ssl.truststore.location ssl.truststore.password ssl.truststore.type
`

const clientOnly = `
  bootstrap.servers client.dns.lookup client.id enable.metrics.push metadata.max.age.ms metadata.recovery.rebootstrap.trigger.ms metadata.recovery.strategy receive.buffer.bytes
  reconnect.backoff.max.ms reconnect.backoff.ms retry.backoff.max.ms retry.backoff.ms sasl.mechanism sasl.oauthbearer.header.urlencode security.protocol send.buffer.bytes
`

const broker = `
  add.partitions.to.txn.retry.backoff.max.ms add.partitions.to.txn.retry.backoff.ms advertised.listeners alter.config.policy.class.name alter.log.dirs.replication.quota.window.num
  alter.log.dirs.replication.quota.window.size.seconds authorizer.class.name auto.create.topics.enable auto.leader.rebalance.enable background.threads broker.heartbeat.interval.ms broker.id
  broker.rack broker.session.timeout.ms client.quota.callback.class compression.gzip.level compression.lz4.level compression.type compression.zstd.level connection.failed.authentication.delay.ms
  connections.max.reauth.ms controlled.shutdown.enable controller.listener.names controller.performance.always.log.threshold.ms controller.performance.sample.period.ms
  controller.quorum.append.linger.ms controller.quorum.bootstrap.servers controller.quorum.election.backoff.max.ms controller.quorum.election.timeout.ms controller.quorum.fetch.timeout.ms
  controller.quorum.request.timeout.ms controller.quorum.retry.backoff.ms controller.quorum.voters controller.quota.window.num controller.quota.window.size.seconds controller.socket.timeout.ms
  create.topic.policy.class.name default.replication.factor delegation.token.expiry.check.interval.ms delegation.token.expiry.time.ms delegation.token.max.lifetime.ms delegation.token.secret.key
  delete.records.purgatory.purge.interval.requests delete.topic.enable early.start.listeners fetch.max.bytes fetch.purgatory.purge.interval.requests group.consumer.assignors
  group.consumer.heartbeat.interval.ms group.consumer.max.heartbeat.interval.ms group.consumer.max.session.timeout.ms group.consumer.max.size group.consumer.migration.policy
  group.consumer.min.heartbeat.interval.ms group.consumer.min.session.timeout.ms group.consumer.regex.refresh.interval.ms group.consumer.session.timeout.ms group.coordinator.append.linger.ms
  group.coordinator.rebalance.protocols group.coordinator.threads group.initial.rebalance.delay.ms group.max.session.timeout.ms group.max.size group.min.session.timeout.ms group.share.assignors
  group.share.delivery.count.limit group.share.enable group.share.heartbeat.interval.ms group.share.max.heartbeat.interval.ms group.share.max.record.lock.duration.ms
  group.share.max.session.timeout.ms group.share.max.share.sessions group.share.max.size group.share.min.heartbeat.interval.ms group.share.min.record.lock.duration.ms
  group.share.min.session.timeout.ms group.share.partition.max.record.locks group.share.persister.class.name group.share.record.lock.duration.ms group.share.session.timeout.ms
  group.streams.heartbeat.interval.ms group.streams.max.heartbeat.interval.ms group.streams.max.session.timeout.ms group.streams.max.size group.streams.max.standby.replicas
  group.streams.min.heartbeat.interval.ms group.streams.min.session.timeout.ms group.streams.num.standby.replicas group.streams.session.timeout.ms initial.broker.registration.timeout.ms
  inter.broker.listener.name internal.metadata.delete.delay.millis internal.metadata.log.segment.bytes internal.metadata.max.batch.size.in.bytes internal.metadata.max.fetch.size.in.bytes
  kafka.metrics.polling.interval.secs kafka.metrics.reporters leader.imbalance.check.interval.seconds listener.security.protocol.map listeners log.cleaner.backoff.ms
  log.cleaner.dedupe.buffer.size log.cleaner.delete.retention.ms log.cleaner.enable log.cleaner.io.buffer.load.factor log.cleaner.io.buffer.size log.cleaner.io.max.bytes.per.second
  log.cleaner.max.compaction.lag.ms log.cleaner.min.cleanable.ratio log.cleaner.min.compaction.lag.ms log.cleaner.threads log.cleanup.policy log.dir log.dir.failure.timeout.ms log.dirs
  log.flush.interval.messages log.flush.interval.ms log.flush.offset.checkpoint.interval.ms log.flush.scheduler.interval.ms log.flush.start.offset.checkpoint.interval.ms log.index.interval.bytes
  log.index.size.max.bytes log.initial.task.delay.ms log.local.retention.bytes log.local.retention.ms log.message.timestamp.after.max.ms log.message.timestamp.before.max.ms
  log.message.timestamp.type log.preallocate log.retention.bytes log.retention.check.interval.ms log.retention.hours log.retention.minutes log.retention.ms log.roll.hours log.roll.jitter.hours
  log.roll.jitter.ms log.roll.ms log.segment.bytes log.segment.delete.delay.ms max.connection.creation.rate max.connections max.connections.per.ip max.connections.per.ip.overrides
  max.incremental.fetch.session.cache.slots max.request.partition.size.limit message.max.bytes metadata.log.dir metadata.log.max.record.bytes.between.snapshots
  metadata.log.max.snapshot.interval.ms metadata.log.segment.bytes metadata.log.segment.ms metadata.max.idle.interval.ms metadata.max.retention.bytes metadata.max.retention.ms min.insync.replicas
  node.id num.io.threads num.network.threads num.partitions num.recovery.threads.per.data.dir num.replica.alter.log.dirs.threads num.replica.fetchers offset.metadata.max.bytes
  offsets.commit.timeout.ms offsets.load.buffer.size offsets.retention.check.interval.ms offsets.retention.minutes offsets.topic.compression.codec offsets.topic.num.partitions
  offsets.topic.replication.factor offsets.topic.segment.bytes principal.builder.class process.roles producer.id.expiration.check.interval.ms producer.id.expiration.ms
  producer.purgatory.purge.interval.requests queued.max.request.bytes queued.max.requests quota.window.num quota.window.size.seconds remote.fetch.max.wait.ms
  remote.list.offsets.request.timeout.ms remote.log.index.file.cache.total.size.bytes remote.log.manager.copier.thread.pool.size remote.log.manager.copy.max.bytes.per.second
  remote.log.manager.copy.quota.window.num remote.log.manager.copy.quota.window.size.seconds remote.log.manager.expiration.thread.pool.size remote.log.manager.fetch.max.bytes.per.second
  remote.log.manager.fetch.quota.window.num remote.log.manager.fetch.quota.window.size.seconds remote.log.manager.task.interval.ms remote.log.manager.task.retry.backoff.max.ms
  remote.log.manager.task.retry.backoff.ms remote.log.manager.task.retry.jitter remote.log.manager.thread.pool.size remote.log.metadata.custom.metadata.max.bytes
  remote.log.metadata.manager.class.name remote.log.metadata.manager.class.path remote.log.metadata.manager.impl.prefix remote.log.metadata.manager.listener.name
  remote.log.reader.max.pending.tasks remote.log.reader.threads remote.log.storage.manager.class.name remote.log.storage.manager.class.path remote.log.storage.manager.impl.prefix
  remote.log.storage.system.enable replica.fetch.backoff.ms replica.fetch.max.bytes replica.fetch.min.bytes replica.fetch.response.max.bytes replica.fetch.wait.max.ms
  replica.high.watermark.checkpoint.interval.ms replica.lag.time.max.ms replica.selector.class replica.socket.receive.buffer.bytes replica.socket.timeout.ms replication.quota.window.num
  replication.quota.window.size.seconds sasl.enabled.mechanisms sasl.kerberos.principal.to.local.rules sasl.mechanism.controller.protocol sasl.mechanism.inter.broker.protocol
  sasl.server.callback.handler.class sasl.server.max.receive.size security.inter.broker.protocol server.max.startup.time.ms share.coordinator.append.linger.ms
  share.coordinator.cold.partition.snapshot.interval.ms share.coordinator.load.buffer.size share.coordinator.snapshot.update.records.per.snapshot share.coordinator.state.topic.compression.codec
  share.coordinator.state.topic.min.isr share.coordinator.state.topic.num.partitions share.coordinator.state.topic.prune.interval.ms share.coordinator.state.topic.replication.factor
  share.coordinator.state.topic.segment.bytes share.coordinator.threads share.coordinator.write.timeout.ms share.fetch.purgatory.purge.interval.requests socket.listen.backlog.size
  socket.receive.buffer.bytes socket.request.max.bytes socket.send.buffer.bytes ssl.allow.dn.changes ssl.allow.san.changes ssl.client.auth ssl.principal.mapping.rules telemetry.max.bytes
  transaction.abort.timed.out.transaction.cleanup.interval.ms transaction.max.timeout.ms transaction.partition.verification.enable transaction.remove.expired.transaction.cleanup.interval.ms
  transaction.state.log.load.buffer.size transaction.state.log.min.isr transaction.state.log.num.partitions transaction.state.log.replication.factor transaction.state.log.segment.bytes
  transaction.two.phase.commit.enable transactional.id.expiration.ms unclean.leader.election.enable unclean.leader.election.interval.ms unstable.api.versions.enable
  unstable.feature.versions.enable
`

const producer = `
  acks batch.size buffer.memory compression.gzip.level compression.lz4.level compression.type compression.zstd.level delivery.timeout.ms enable.idempotence interceptor.classes key.serializer
  linger.ms max.block.ms max.in.flight.requests.per.connection max.request.size metadata.max.idle.ms partitioner.adaptive.partitioning.enable partitioner.availability.timeout.ms partitioner.class
  partitioner.ignore.keys retries transaction.timeout.ms transaction.two.phase.commit.enable transactional.id value.serializer
`

const consumer = `
  allow.auto.create.topics auto.commit.interval.ms auto.offset.reset check.crcs client.rack default.api.timeout.ms enable.auto.commit exclude.internal.topics fetch.max.bytes fetch.max.wait.ms
  fetch.min.bytes group.id group.instance.id group.protocol group.remote.assignor heartbeat.interval.ms interceptor.classes internal.leave.group.on.close
  internal.throw.on.fetch.stable.offset.unsupported isolation.level key.deserializer max.partition.fetch.bytes max.poll.interval.ms max.poll.records partition.assignment.strategy
  session.timeout.ms share.acknowledgement.mode value.deserializer
`

const admin = `
  bootstrap.controllers default.api.timeout.ms retries
`

const words = (...lists: string[]): string[] => lists.flatMap((list) => list.trim().split(/\s+/))
const scopes: [SettingScope, ReadonlySet<string>, string[]][] = [
  ['broker', new Set(Object.keys(brokerTable)), words(shared, broker)],
  ['producer', new Set([...Object.keys(producerTable), ...producerExtras]), words(shared, clientOnly, producer)],
  ['consumer', new Set([...Object.keys(consumerTable), ...consumerExtras]), words(shared, clientOnly, consumer)],
  ['admin', new Set(Object.keys(adminTable)), words(shared, clientOnly, admin)],
  ['client', new Set([...Object.keys(clientTable), ...clientExtras]), words(shared, clientOnly)],
]
const answer = (scope: SettingScope, name: string): string => unknownSetting(scope, name).message.replace(/^unknown \w+ setting ".*?": /, '')

describe.each(scopes)('%s settings of Kafka', (scope, known, names) => {
  test('are taken, or refused with a reason', () => {
    const refused = names.filter((name) => !known.has(name))
    const unexplained = refused.map((name) => [name, answer(scope, name)]).filter(([, why]) => /^(did you mean|see docs)/.test(why!))
    expect(refused.length).toBeGreaterThan(50)
    expect(unexplained).toEqual([])
  })

  test('that belong to the connection are sent there by clients', () => {
    const astray = names.filter((name) => scope !== 'broker' && !known.has(name) && Object.hasOwn(clientTable, name) && name !== 'bootstrap.servers')
      .map((name) => [name, answer(scope, name)]).filter(([name, why]) => why !== `${name} is a setting of the connection: give it to connect()`)
    expect(astray).toEqual([])
  })
})

test.each<[SettingScope, string, string]>([
  ['broker', 'listeners', 'ports are opened by listen(), or by `ottla serve`'],
  ['broker', 'listener.name.a.max.connections', 'options of one listener are given to listen(); `ottla serve` takes those of TLS and SASL, of a listener that it has'],
  ['broker', 'ssl.keystore.location', 'certificates and keys are given to listen({ tls }), or to `ottla serve`'],
  ['broker', 'ssl.keystore.password', 'certificates and keys are read as PEM: leave it out'], ['client', 'ssl.truststore.type', 'certificates and keys are read as PEM: leave it out'],
  ['client', 'ssl.enabled.protocols', 'TLS 1.2 and 1.3 are spoken, by the ciphers of Node: leave it out'],
  ['broker', 'sasl.jaas.config', 'users are made by ottla.users, or by `ottla users`'], ['client', 'sasl.kerberos.service.name', 'Kerberos and OAuth are not built: use PLAIN or SCRAM'],
  ['broker', 'max.connection.creation.rate', "connections are limited by address: admin.alterQuotas({ ip: null }, { connection_creation_rate: … })"],
  ['broker', 'queued.max.requests', 'requests and files are the business of one event loop'], ['broker', 'broker.heartbeat.interval.ms', 'there is one broker'],
  ['broker', 'remote.log.storage.system.enable', 'there is no tiered storage'], ['broker', 'transaction.state.log.replication.factor', 'transactions are not built yet'],
  ['broker', 'group.consumer.assignors', 'groups of this protocol are not built yet'], ['broker', 'authorizer.class.name', 'ACLs are an option of listen(), or of `ottla serve`'],
  ['broker', 'create.topic.policy.class.name', 'classes of Java cannot be loaded'], ['broker', 'metric.reporters', 'there is no JMX: see ottla.metrics(), and `ottla serve --metrics-port`'],
  ['broker', 'zookeeper.session.timeout.ms', 'an embedded database needs no ZooKeeper'], ['broker', 'inter.broker.protocol.version', 'removed in Kafka 4.0'],
  ['broker', 'log.message.format.version', 'removed in Kafka 4.0'], ['producer', 'client.dns.lookup', 'every address of a name is tried'],
  ['consumer', 'receive.buffer.bytes', 'buffers of sockets are those of the operating system'], ['consumer', 'group.remote.assignor', 'groups of this protocol are not built yet'],
])('%s setting %s: %s', (scope, name, why) => { expect(answer(scope, name)).toBe(why) })

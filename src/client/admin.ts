/**
 * The admin client. Retriable failures are tried again for up to `default.api.timeout.ms`. Calls about topics and the cluster (topic-admin.ts), settings
 * (config-admin.ts), groups (group-admin.ts) and who may do what (security-admin.ts) are loaded with the first of them.
 */
import type { AclBinding, AclFilter } from '../common/acl.ts'
import { loadPart } from '../common/load-part.ts'
import type { Ports } from '../common/ports.ts'
import type { QuotaChanges, QuotaEntity, QuotaEntry } from '../common/quota.ts'
import type { TopicPartition, TopicPartitionOffset } from '../common/topic-partition.ts'
import type { AdminValues } from '../config/settings.ts'
import type { BrokerApi } from '../protocol/broker-api.ts'
import type { ConfigAdmin } from './config-admin.ts'
import type { GroupAdmin } from './group-admin.ts'
import { RequestCaller } from './request-caller.ts'
import type { SecurityAdmin } from './security-admin.ts'
import type { TopicAdmin } from './topic-admin.ts'
import type {
  AclInput, Admin, ClusterDescription, ConfigEntry, ConfigTarget, CreateTopicOptions, GroupDescription, GroupListing, LogDirDescription, PartitionOffset,
  TopicDescription,
} from './types.ts'

export class KafkaAdmin implements Admin {
  readonly #api: BrokerApi
  readonly #caller: RequestCaller

  constructor(api: BrokerApi, ports: Ports, values: AdminValues) {
    this.#api = api
    this.#caller = new RequestCaller(ports, values)
  }

  // ---- topics, offsets, records, cluster ----

  async #topics<T>(call: (part: TopicAdmin) => Promise<T>): Promise<T> {
    const { TopicAdmin } = await loadPart('the code for the admin of topics', () => import('./topic-admin.ts'))
    return call(new TopicAdmin(this.#api, this.#caller))
  }

  /** Raises TOPIC_ALREADY_EXISTS (unless `ifNotExists`), INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR, INVALID_CONFIG. */
  createTopic(name: string, options?: CreateTopicOptions): Promise<TopicDescription> { return this.#topics((part) => part.create(name, options)) }
  deleteTopic(name: string): Promise<void> { return this.#topics((part) => part.delete(name)) }
  listTopics(options?: { internal?: boolean }): Promise<string[]> { return this.#topics((part) => part.list(options)) }
  describeTopic(name: string): Promise<TopicDescription> { return this.#topics((part) => part.describe(name)) }
  createPartitions(name: string, total: number): Promise<void> { return this.#topics((part) => part.grow(name, total)) }
  listOffsets(topic: string, at: 'earliest' | 'latest' | 'maxTimestamp' | number | Date): Promise<PartitionOffset[]> { return this.#topics((part) => part.listOffsets(topic, at)) }
  deleteRecords(topic: string, before: readonly { partition: number; offset: number }[]): Promise<{ partition: number; lowWatermark: number }[]> {
    return this.#topics((part) => part.deleteRecords(topic, before))
  }
  describeLogDirs(): Promise<LogDirDescription[]> { return this.#topics((part) => part.describeLogDirs()) }
  describeCluster(): Promise<ClusterDescription> { return this.#topics((part) => part.describeCluster()) }

  // ---- configs ----

  async #configs<T>(call: (part: ConfigAdmin) => Promise<T>): Promise<T> {
    const { ConfigAdmin } = await loadPart('the code for the admin of settings', () => import('./config-admin.ts'))
    return call(new ConfigAdmin(this.#api, this.#caller))
  }

  describeConfigs(resource: ConfigTarget): Promise<ConfigEntry[]> { return this.#configs((part) => part.describe(resource)) }
  alterConfigs(resource: ConfigTarget, changes: Readonly<Record<string, string | number | boolean | null>>): Promise<void> { return this.#configs((part) => part.alter(resource, changes)) }

  // ---- who may do what ----

  async #security<T>(call: (part: SecurityAdmin) => Promise<T>): Promise<T> {
    const { SecurityAdmin } = await loadPart('the code for ACLs and quotas', () => import('./security-admin.ts'))
    return call(new SecurityAdmin(this.#api, this.#caller))
  }

  createAcls(acls: readonly AclInput[]): Promise<void> { return this.#security((part) => part.createAcls(acls)) }
  listAcls(filter?: AclFilter): Promise<AclBinding[]> { return this.#security((part) => part.listAcls(filter)) }
  deleteAcls(filter: AclFilter): Promise<AclBinding[]> { return this.#security((part) => part.deleteAcls(filter)) }
  listQuotas(): Promise<QuotaEntry[]> { return this.#security((part) => part.listQuotas()) }
  alterQuotas(entity: QuotaEntity, changes: QuotaChanges): Promise<void> { return this.#security((part) => part.alterQuotas(entity, changes)) }

  // ---- groups ----

  async #groups<T>(call: (part: GroupAdmin) => Promise<T>): Promise<T> {
    const { GroupAdmin } = await loadPart('the code for groups and their offsets', () => import('./group-admin.ts'))
    return call(new GroupAdmin(this.#api, this.#caller))
  }

  listGroups(): Promise<GroupListing[]> { return this.#groups((part) => part.list()) }
  describeGroup(id: string): Promise<GroupDescription> { return this.#groups((part) => part.describe(id)) }
  deleteGroup(id: string): Promise<void> { return this.#groups((part) => part.delete(id)) }
  listGroupOffsets(id: string): Promise<TopicPartitionOffset[]> { return this.#groups((part) => part.listOffsets(id)) }
  alterGroupOffsets(id: string, offsets: readonly TopicPartitionOffset[]): Promise<void> { return this.#groups((part) => part.alterOffsets(id, offsets)) }
  deleteGroupOffsets(id: string, partitions: readonly TopicPartition[]): Promise<void> { return this.#groups((part) => part.deleteOffsets(id, partitions)) }
}

/**
 * The broker as one connection may use it: every call that names topics, groups or settings asks for the right first, and what is refused is answered with
 * Kafka's codes in its place. Whoever serves an API over it cannot forget to ask. Calls about the cluster as a whole answer nothing without their right
 * either; which shape their refusal has on the wire is the business of their APIs.
 *
 * The object is written out call by call, so that a new call of `BrokerApi` cannot be served before somebody has decided who may make it.
 */
import { CLUSTER_NAME } from '../../common/acl.ts'
import type { ServedBroker } from '../wire-api.ts'
import { guardedGroups } from './guarded-groups.ts'
import { guardedRecords } from './guarded-records.ts'
import { guardedTopics } from './guarded-topics.ts'
import { clusterRefused, transactionRefused } from './refusals.ts'
import { demandOfCluster, type Rights } from './rights.ts'

export function guardedBroker(inner: ServedBroker, rights: Rights): ServedBroker {
  return {
    ...guardedRecords(inner, rights), ...guardedTopics(inner, rights), ...guardedGroups(inner, rights),
    describeCluster: () => inner.describeCluster(),
    describeLogDirs: async (request) => rights.may('DESCRIBE', 'CLUSTER', CLUSTER_NAME) ? inner.describeLogDirs(request) : { results: [] },

    async initProducerId(request) {
      const nothing = { producerId: -1, producerEpoch: -1 }
      if (request.transactionalId !== null) {
        return rights.demand('WRITE', 'TRANSACTIONAL_ID', request.transactionalId) ? inner.initProducerId(request) : { ...nothing, ...transactionRefused }
      }
      const isAllowed = rights.may('IDEMPOTENT_WRITE', 'CLUSTER', CLUSTER_NAME) || rights.mayOnAny('WRITE', 'TOPIC')
      return isAllowed ? inner.initProducerId(request) : { ...nothing, ...clusterRefused }
    },

    describeAcls: async (request) => demandOfCluster(rights, 'DESCRIBE') ? inner.describeAcls(request) : { acls: [], ...clusterRefused },
    createAcls: async (request) => demandOfCluster(rights, 'ALTER') ? inner.createAcls(request) : { results: request.acls.map(() => clusterRefused) },
    deleteAcls: async (request) => (
      demandOfCluster(rights, 'ALTER') ? inner.deleteAcls(request) : { results: request.filters.map(() => ({ acls: [], ...clusterRefused })) }),

    describeClientQuotas: async (request) => (
      demandOfCluster(rights, 'DESCRIBE_CONFIGS') ? inner.describeClientQuotas(request) : { entries: [], ...clusterRefused }),
    alterClientQuotas: async (request) => (
      demandOfCluster(rights, 'ALTER_CONFIGS') ? inner.alterClientQuotas(request) : { results: request.entries.map(() => clusterRefused) }),

    topicName: (topicId) => inner.topicName(topicId),
    topicId: (name) => inner.topicId(name),
    autoCreatesTopics: () => inner.autoCreatesTopics(),
    deletesTopics: () => inner.deletesTopics(),
    configured: (kind) => inner.configured(kind),
  }
}

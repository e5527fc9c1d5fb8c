/** What the one at the other end of a connection may do. Where a listener has no ACLs that is everything. */
import { aclOperations, CLUSTER_NAME, operationsOf, type AclOperation, type AclResourceType } from '../../common/acl.ts'
import { canonicalHost, type Authorizer, type Subject } from './authorizer.ts'

export interface Rights {
  /** A question that nobody minds: for lists that leave out what one may not see. */
  may(operation: AclOperation, type: AclResourceType, name: string): boolean
  /** The same for what was asked for by name: that it was denied is logged. */
  demand(operation: AclOperation, type: AclResourceType, name: string): boolean
  /** Whether there can be a resource of the type with which it may. */
  mayOnAny(operation: AclOperation, type: AclResourceType): boolean
}

export const everyRight: Rights = { may: () => true, demand: () => true, mayOnAny: () => true }

/** `denied` is told what was refused to whom. */
export function rightsOf(authorizer: Authorizer, { principal, host }: Subject, denied: (line: string) => void): Rights {
  const subject: Subject = { principal, host: canonicalHost(host) }
  const may: Rights['may'] = (operation, type, name) => authorizer.may(subject, operation, type, name)
  return {
    may,
    demand(operation, type, name) {
      const isAllowed = may(operation, type, name)
      if (!isAllowed) denied(`${principal} from ${host} may not ${operation} ${type} ${JSON.stringify(name.slice(0, 249))}`)
      return isAllowed
    },
    mayOnAny: (operation, type) => authorizer.mayOnAny(subject, operation, type),
  }
}

/** For the whole cluster. */
export function demandOfCluster(rights: Rights, operation: AclOperation): boolean { return rights.demand(operation, 'CLUSTER', CLUSTER_NAME) }

/** What may be done with a resource, as bits of Kafka's operation codes. */
export function operationBits(rights: Rights, type: AclResourceType, name: string): number {
  return operationsOf[type].reduce((bits, operation) => rights.may(operation, type, name) ? bits | (1 << aclOperations[operation]) : bits, 0)
}

/** In the place of bits when the client did not want to know. */
export const OPERATIONS_NOT_ASKED = -2_147_483_648

/** The cluster's bits, which only who may describe it gets to see. */
export function clusterBits(rights: Rights, isAsked: boolean): number {
  if (!isAsked) return OPERATIONS_NOT_ASKED
  return rights.may('DESCRIBE', 'CLUSTER', CLUSTER_NAME) ? operationBits(rights, 'CLUSTER', CLUSTER_NAME) : 0
}

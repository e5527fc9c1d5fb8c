/** The APIs that a listener serves. What is not in this list is not offered to clients (spec/wire-protocol 1). */
import { apiVersionsFor } from './apis/api-versions.ts'
import { fetch } from './apis/fetch.ts'
import { findCoordinator } from './apis/find-coordinator.ts'
import { listOffsets } from './apis/list-offsets.ts'
import { metadata } from './apis/metadata.ts'
import { produce } from './apis/produce.ts'
import type { WireApi } from './wire-api.ts'

const handlers: readonly WireApi[] = [produce, fetch, listOffsets, metadata, findCoordinator]

/** In the order of their keys. */
export const servedList: readonly WireApi[] = [...handlers, apiVersionsFor(handlers)].sort((a, b) => a.api.key - b.api.key)

/** By key. */
export const servedApis: readonly (WireApi | undefined)[] = servedList.reduce<(WireApi | undefined)[]>((table, served) => {
  table[served.api.key] = served
  return table
}, [])

/**
 * ApiVersions: what is served here. A version that is not known is answered in version 0 with the versions of this API alone, so that the client can come
 * down (KIP-511, spec/wire-protocol T4); that answer is `unsupportedApiVersions`.
 */
import { errorTable } from '../../common/errors.ts'
import { apis, type Apis } from '../../protocol/api-registry.ts'
import type { ResponseInput } from '../../protocol/api.ts'
import { FEATURES_EPOCH, finalizedFeatures, supportedFeatures } from '../features.ts'
import { NONE, serve, throttleTimeMs, type WireApi } from '../wire-api.ts'

type Response = ResponseInput<Apis['apiVersions']>
type Range = Response['apiKeys'][number]

const LAST = 4
const FIRST_WITH_SOFTWARE_NAME = 3
const softwareName = /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?$/

/** `served`: every API of the listener, this one left out. */
export function apiVersionsFor(served: readonly WireApi[]): WireApi {
  const ranges: Range[] = served.map(({ api, advertisedFirst, last }) => ({ apiKey: api.key, minVersion: advertisedFirst, maxVersion: last }))
  ranges.push(ownRange)
  ranges.sort((a, b) => a.apiKey - b.apiKey)
  return serve(apis.apiVersions, 0, LAST, async (request, call): Promise<Response> => {
    if (call.gate?.breakOff() === true) return { errorCode: errorTable.ILLEGAL_SASL_STATE.errorCode, apiKeys: [], throttleTimeMs }
    const { clientSoftwareName, clientSoftwareVersion } = request
    const isNamed = call.version < FIRST_WITH_SOFTWARE_NAME || (softwareName.test(clientSoftwareName) && softwareName.test(clientSoftwareVersion))
    const served = { errorCode: NONE, apiKeys: ranges, throttleTimeMs, supportedFeatures, finalizedFeatures, finalizedFeaturesEpoch: FEATURES_EPOCH }
    return isNamed ? served : { errorCode: errorTable.INVALID_REQUEST.errorCode, apiKeys: [], throttleTimeMs }
  })
}

const ownRange: Range = { apiKey: apis.apiVersions.key, minVersion: 0, maxVersion: LAST }

export const unsupportedApiVersions: Response = { errorCode: errorTable.UNSUPPORTED_VERSION.errorCode, apiKeys: [ownRange] }

/** DescribeConfigs: every setting with its value and where that comes from. */
import { apis } from '../../protocol/api-registry.ts'
import type { ConfigResult } from '../../protocol/broker-api.ts'
import { isShown, serve, throttleTimeMs, toldFields, type WireApi } from '../wire-api.ts'

/** Kafka's codes for types of settings. */
const typeCodes: Readonly<Record<string, number>> = { BOOLEAN: 1, STRING: 2, INT: 3, SHORT: 4, LONG: 5, DOUBLE: 6, LIST: 7, CLASS: 8, PASSWORD: 9 }

export const describeConfigs: WireApi = serve(apis.describeConfigs, 1, 4, async (request, call) => {
  const { includeSynonyms, includeDocumentation } = request
  const resources = request.resources.map(({ resourceType, resourceName, configurationKeys }) => (
    { resourceType, resourceName, configurationKeys: configurationKeys?.length === 0 ? null : configurationKeys }))
  const { results } = await call.broker.describeConfigs({ resources })
  const show = ({ name, value, readOnly, configSource, isSensitive, synonyms, type, documentation }: ConfigResult) => ({
    name, value, readOnly, configSource, isSensitive, configType: typeCodes[type] ?? 0,
    synonyms: includeSynonyms ? synonyms : [], documentation: includeDocumentation && documentation !== '' ? documentation : null,
  })
  return {
    throttleTimeMs,
    results: results.map(({ resourceType, resourceName, configs, ...failure }) => (
      { resourceType, resourceName, ...toldFields(failure), configs: configs.filter(isShown).map(show) })),
  }
})

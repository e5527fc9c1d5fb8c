/**
 * The features of a cluster that have levels (KIP-584). There is `metadata.version` alone, at the level of Kafka 4.1 and never at another: it tells clients
 * which Kafka this is like. Those of what is not served (transactions, groups of KIP-848, share groups) are not there.
 */
const METADATA_VERSION = 'metadata.version'
/** 3.3-IV3 and 4.1-IV1. */
const FIRST_LEVEL = 7
const METADATA_LEVEL = 27

export const supportedFeatures: readonly { readonly name: string; readonly minVersion: number; readonly maxVersion: number }[] = [
  { name: METADATA_VERSION, minVersion: FIRST_LEVEL, maxVersion: METADATA_LEVEL },
]
export const finalizedFeatures: readonly { readonly name: string; readonly maxVersionLevel: number; readonly minVersionLevel: number }[] = [
  { name: METADATA_VERSION, maxVersionLevel: METADATA_LEVEL, minVersionLevel: METADATA_LEVEL },
]
/** Nothing ever changes. */
export const FEATURES_EPOCH = 0

/** A feature at a level that is asked for; `upgradeType` 1 is up, 2 and 3 are down. */
interface Asked { readonly feature: string; readonly maxVersionLevel: number; readonly upgradeType: number; readonly allowDowngrade: boolean }

/** Why the feature cannot be at that level; null when it is. */
export function featureProblem({ feature, maxVersionLevel: level, upgradeType, allowDowngrade }: Asked): string | null {
  const asked = `invalid level ${level} for feature ${JSON.stringify(feature.slice(0, 100))}`
  if (feature !== METADATA_VERSION) return `${asked}: there is no such feature here, ${METADATA_VERSION} is the only one`
  if (upgradeType < 1 || upgradeType > 3) return `${asked}: there is no upgrade type ${upgradeType}`
  if (level === METADATA_LEVEL) return null
  if (level > METADATA_LEVEL || level < FIRST_LEVEL) return `${asked}: levels ${FIRST_LEVEL} to ${METADATA_LEVEL} are known`
  if (upgradeType === 1 && !allowDowngrade) return `${asked}: it is at ${METADATA_LEVEL}, and this is no upgrade`
  return `${asked}: what is kept here has one form, which does not go back to that of earlier versions`
}

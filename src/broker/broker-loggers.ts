/**
 * The logger of the broker, as `kafka-configs --entity-type broker-loggers` (KIP-412) tells and turns it: Kafka has one for each of its classes, here is only
 * `root`. A level holds until the database is closed.
 */
import { OttlaError } from '../common/errors.ts'
import { AdjustableLogger, logLevels, type LogLevel } from '../common/logger.ts'
import type { ConfigResource, ConfigResult, IncrementalAlterConfigsRequest } from '../protocol/broker-api.ts'
import type { BrokerContext } from './broker-context.ts'

type Change = IncrementalAlterConfigsRequest['resources'][number]['configs'][number]

const ROOT = 'root'
const DYNAMIC_BROKER_LOGGER = 6
const SET = 0
const DELETE = 1

export function describeLoggers(context: BrokerContext, resource: ConfigResource): ConfigResult[] {
  const logger = loggerOf(context, resource)
  return [{
    name: ROOT, value: logger.level, defaultValue: null, readOnly: false, isSensitive: false, configSource: DYNAMIC_BROKER_LOGGER, type: 'UNKNOWN', documentation: '',
    synonyms: [],
  }]
}

/** All of them or none. */
export function alterLoggers(context: BrokerContext, resource: ConfigResource, changes: readonly Change[], validateOnly: boolean): void {
  const logger = loggerOf(context, resource)
  const levels = changes.map(levelOf)
  if (!validateOnly) for (const level of levels) logger.choose(level)
}

function levelOf({ name, configOperation, value }: Change): LogLevel {
  if (configOperation !== SET && configOperation !== DELETE) throw new OttlaError('INVALID_REQUEST', 'levels of loggers are set, not appended to or subtracted from')
  if (name !== ROOT) throw new OttlaError('INVALID_CONFIG', `there is no logger ${name.slice(0, 100)}: the only one is ${ROOT}`)
  if (configOperation === DELETE) throw new OttlaError('INVALID_REQUEST', `the level of the ${ROOT} logger cannot be removed, only set`)
  const level = logLevels.find((each) => each === value)
  if (level === undefined) throw new OttlaError('INVALID_CONFIG', `${String(value).slice(0, 100)} is no level: give one of ${logLevels.join(', ')}`)
  return level
}

function loggerOf({ nodeId, ports: { logger } }: BrokerContext, { resourceName }: ConfigResource): AdjustableLogger {
  if (resourceName !== String(nodeId)) throw new OttlaError('INVALID_REQUEST', `loggers are those of broker ${nodeId}, not of ${JSON.stringify(resourceName.slice(0, 40))}`)
  if (!(logger instanceof AdjustableLogger)) throw new OttlaError('INVALID_REQUEST', 'the logger of this broker has no level')
  return logger
}

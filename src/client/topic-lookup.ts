/** Asks the broker for topics, and says what a missing one may have been meant to be. */
import { OttlaError } from '../common/errors.ts'
import { nearest } from '../config/suggestion.ts'
import type { BrokerApi, TopicMetadata } from '../protocol/broker-api.ts'
import { errorOf } from './failure.ts'

/** Null: the broker gave no answer for the topic. */
export async function lookUpTopic(api: BrokerApi, topic: string, autoCreate: boolean): Promise<TopicMetadata> {
  const { topics } = await api.metadata({ topics: [topic], allowAutoTopicCreation: autoCreate })
  const found = topics.find((each) => each.name === topic)
  if (found === undefined) throw new OttlaError('UNKNOWN_TOPIC_OR_PARTITION', `the broker does not know topic ${topic}`, { topic })
  const error = errorOf(found, `topic ${topic}`, { topic })
  if (error === null) return found
  throw error.code === 'UNKNOWN_TOPIC_OR_PARTITION' ? await unknownTopic(api, topic, error) : error
}

/** UNKNOWN_TOPIC_OR_PARTITION with the nearest name there is. Never rejects. */
export async function unknownTopic(api: BrokerApi, topic: string, cause: OttlaError): Promise<OttlaError> {
  let names: string[] = []
  try {
    names = (await api.metadata({ topics: null, allowAutoTopicCreation: false })).topics.filter((each) => !each.isInternal).map((each) => each.name)
  } catch {
    // The hint is an extra: without the list the error stands as it is.
  }
  // The topic is there after all: it is the partition that is not.
  if (names.includes(topic)) return cause
  const guess = nearest(topic, names)
  return new OttlaError('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${topic}${guess === null ? '' : `: did you mean ${guess}?`}`, { topic, cause })
}

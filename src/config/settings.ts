/** Settings as users type them: Kafka's dotted names, all optional. Generated from the tables beside this file. */
export interface TopicSettings { 'retention.ms'?: number | string }
export interface AdminSettings { 'request.timeout.ms'?: number }
export interface ProducerSettings { acks?: 0 | 1 | -1 | 'all' }
export interface ConsumerSettings { 'group.id'?: string }

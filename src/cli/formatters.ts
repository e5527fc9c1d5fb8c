/** `--formatter` of kafka-console-consumer: Kafka's own classes, by their names with or without the package; a class of one's own cannot be loaded. */
import { nearest } from '../tools.ts'
import { UsageError } from './command.ts'

/** `types`: of the records that are printed, as JSON. */
export type Formatter =
  | { readonly kind: 'default' | 'logging' | 'nothing' }
  | { readonly kind: 'records'; readonly of: 'offsets' | 'transactions'; readonly types: readonly number[] }

const formatters: Readonly<Record<string, Formatter>> = {
  DefaultMessageFormatter: { kind: 'default' },
  LoggingMessageFormatter: { kind: 'logging' },
  NoOpMessageFormatter: { kind: 'nothing' },
  OffsetsMessageFormatter: { kind: 'records', of: 'offsets', types: [0, 1] },
  GroupMetadataMessageFormatter: { kind: 'records', of: 'offsets', types: [2] },
  TransactionLogMessageFormatter: { kind: 'records', of: 'transactions', types: [0] },
}
export const formatterNames: readonly string[] = Object.keys(formatters)

/** Packages in which Kafka has had them. */
const packages = /^(?:org\.apache\.kafka\.tools\.consumer\.|kafka\.tools\.|kafka\.coordinator\.(?:group|transaction)\.(?:\w+\$)?)?(\w+)$/

/** Raises UsageError. */
export function formatterOf(name: string): Formatter {
  const bare = packages.exec(name)?.[1] ?? ''
  if (Object.hasOwn(formatters, bare)) return formatters[bare]!
  if (/ShareGroup\w*MessageFormatter$/.test(name)) throw new UsageError(`--formatter ${name}: there are no share groups here, whose records it prints`)
  const guess = nearest(name.slice(name.lastIndexOf('.') + 1), formatterNames)
  const advice = guess === null ? '' : `; did you mean ${guess}?`
  throw new UsageError(`--formatter: there is no ${JSON.stringify(name)} here, and classes of Java cannot be loaded${advice}; there are ${formatterNames.join(', ')}`)
}

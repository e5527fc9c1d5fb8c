/**
 * The shape of a row in the settings tables beside this file. The tables are the only source of names, types, defaults and limits: the
 * types in settings.ts and values.ts and the pages docs/configuration.md and docs/errors.md are generated from them
 * (scripts/generate-docs.mjs), and resolve.ts checks what users give against them.
 *
 * Numbers are JavaScript numbers. Kafka's 2^63−1 ("for ever", "no limit") is `FOREVER` in values and "9223372036854775807" in text.
 */

/** Stands for Kafka's 2^63−1, which a number cannot hold. */
export const FOREVER = 9007199254740991
export const FOREVER_TEXT = '9223372036854775807'

export type SettingScope = 'topic' | 'broker' | 'client' | 'producer' | 'consumer' | 'admin'
export type SettingType = 'boolean' | 'int' | 'long' | 'double' | 'string' | 'list' | 'acks'
export type SettingValue = boolean | number | string | readonly string[] | null

/** A broker setting that stands in for a topic setting without override; its value times `factor` is the topic's. */
export interface Synonym {
  readonly name: string
  readonly factor?: number
  /** A number that the topic setting may have and this one not. */
  readonly except?: number
}

export interface Setting {
  readonly type: SettingType
  /** Null: not set. */
  readonly default: SettingValue
  /** Over the wire, where it differs from the embedded one (Kafka's own default then). */
  readonly remoteDefault?: SettingValue
  /** Inclusive limits of numbers. */
  readonly min?: number
  readonly max?: number
  /** A number between the limits that is none. */
  readonly except?: number
  /** The valid words of a string or list. */
  readonly values?: readonly string[]
  /** Words that are valid besides: `isValid` tells them, of the type `type`, shown as `text`. */
  readonly pattern?: { readonly isValid: (word: string) => boolean; readonly type: string; readonly text: string }
  /** They may be written in capitals or not. */
  readonly anyCase?: true
  /** What Kafka tells as its type, where that is another. */
  readonly told?: 'SHORT'
  /** A list of words that may have none of them. */
  readonly mayBeEmpty?: true
  /** Broker settings without a value that stand in for a topic setting: what is in force then, to be shown. */
  readonly inherited?: SettingValue
  /** Topic settings: in order of precedence. */
  readonly synonyms?: readonly Synonym[]
  /** Cannot change while the database is open. Broker settings only. */
  readonly fixed?: true
  /** Accepted because Kafka has it; why it changes nothing here. */
  readonly inert?: string
  readonly doc: string
}

export type SettingTable = Readonly<Record<string, Setting>>

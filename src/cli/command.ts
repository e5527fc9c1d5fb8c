/** What a command of `ottla` is: a name, a table of options with Kafka's own names, and a function from their values to an exit code. */
import type { Terminal } from './terminal.ts'

export interface OptionSpec {
  readonly type: 'flag' | 'text' | 'number'
  /** May be given several times; the value is a list. */
  readonly many?: true
  /** The value may be left out (`--compression-codec`): then it is "". */
  readonly optionalValue?: true
  /** Takes every following word up to the next option (`--producer-props a=b c=d`). */
  readonly greedy?: true
  /** Kafka's tool has it, and here it makes no sense: `help` says why, behind the option's name. It stands in no help. */
  readonly refused?: true
  /** The flags of which one must stand beside it, where one of those that share the command does: what it says would be passed over otherwise. */
  readonly only?: readonly string[]
  /** The smallest number that makes sense. */
  readonly least?: number
  /** What stands for the value in the help. */
  readonly value?: string
  readonly help: string
}
export type OptionTable = Readonly<Record<string, OptionSpec>>

type SingleOf<S extends OptionSpec> = S['type'] extends 'number' ? number : string
type ValueOf<S extends OptionSpec> =
  S['type'] extends 'flag' ? boolean
    : S extends { many: true } | { greedy: true } ? readonly SingleOf<S>[]
      : SingleOf<S> | undefined
/** Flags are always there, lists may be empty, everything else is undefined when it was not given. */
export type Values<T extends OptionTable> = { readonly [K in keyof T]: ValueOf<T[K]> }
export type AnyValues = Readonly<Record<string, boolean | string | number | readonly string[] | readonly number[] | undefined>>

export interface CommandHelp {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** Lines after "Usage: ottla <name>". */
  readonly usage: readonly string[]
  /** What one should know; lines of at most 100 characters. */
  readonly notes?: readonly string[]
  readonly examples: readonly string[]
  /** Exit codes beyond the common ones. */
  readonly exits?: readonly string[]
}
export interface Command extends CommandHelp {
  readonly options: OptionTable
  /** The option for which a bare word stands; default: bare words are errors. */
  readonly operand?: string
  /** Runs until a signal ends it, and then decides on the exit code itself. */
  readonly endsOnSignal?: true
  run(terminal: Terminal, values: AnyValues): Promise<number>
}

interface Definition<T extends OptionTable> extends CommandHelp {
  readonly options: T
  readonly operand?: keyof T & string
  readonly endsOnSignal?: true
  run(terminal: Terminal, values: Values<T>): Promise<number>
}

/** Binds the option table's types to the function that takes their values. */
export function defineCommand<const T extends OptionTable>(definition: Definition<T>): Command {
  return { ...definition, run: (terminal, values) => definition.run(terminal, values as Values<T>) }
}

/** The command line makes no sense: exit code 2, and a pointer to the help. */
export class UsageError extends Error {}

type FlagSpec = OptionSpec & { readonly type: 'flag' }
type TextSpec = Omit<OptionSpec, 'many' | 'greedy'> & { readonly type: 'text' }

/** Options of every command that opens a data directory. */
export const dataOptions: { readonly data: TextSpec; readonly debug: FlagSpec } = {
  data: { type: 'text', value: 'DIR', help: 'the data directory (or the environment variable OTTLA_DATA)' },
  debug: { type: 'flag', help: 'tell on standard error what the database logs' },
}

/** Options of every command that works on a data directory or on a cluster. */
export const sourceOptions: typeof dataOptions & { readonly 'bootstrap-server': TextSpec; readonly 'command-config': TextSpec } = {
  ...dataOptions,
  'bootstrap-server': { type: 'text', value: 'HOST:PORT,…', help: 'a cluster in place of a directory: Apache Kafka, a running "ottla serve"' },
  'command-config': { type: 'text', value: 'FILE', help: 'a properties file as of Kafka\'s clients: how to reach that cluster (security.protocol, sasl.…, ssl.…)' },
}

/** A number that Kafka's tool takes and nothing here depends on: lines written for that tool work as they are. */
export function withoutEffect(value: string): { readonly type: 'number'; readonly value: string; readonly help: string } {
  return { type: 'number', value, help: 'as Kafka\'s tool takes it; without effect' }
}

/** An option of Kafka's tool that cannot be had here: `why` goes on from its name ("--option …"). */
export function refused(why: string): { readonly type: 'flag'; readonly refused: true; readonly help: string } {
  return { type: 'flag', refused: true, help: why }
}

export const jsonOption: { readonly json: FlagSpec } = { json: { type: 'flag', help: 'print JSON' } }
export const jsonLinesOption: { readonly json: FlagSpec } = { json: { type: 'flag', help: 'print JSON, one object a line' } }

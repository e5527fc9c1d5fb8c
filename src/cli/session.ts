/** Opens the data directory, or connects to the cluster, for a command and closes it again, whatever happened. */
import { lstatSync, readlinkSync, statSync } from 'node:fs'
import type { Kafka, Logger, Ottla, Users } from '../index.ts'
import { OttlaError } from '../common/errors.ts'
import { clientProperties } from '../tools.ts'
import { fileBytes } from './arguments.ts'
import { sortClientConfig, type ClientConfig } from './client-config.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './command.ts'

interface DataValues { readonly data: string | undefined; readonly debug: boolean }
export interface SourceValues extends DataValues { readonly 'bootstrap-server': string | undefined; readonly 'command-config': string | undefined }

export function dataDirectory(values: { readonly data: string | undefined }): string {
  const directory = values.data ?? process.env['OTTLA_DATA']
  if (directory === undefined || directory === '') throw new UsageError(`--data DIR is required${'bootstrap-server' in values ? ', or --bootstrap-server HOST:PORT' : ''}`)
  return directory
}

/** Raises DIRECTORY_UNUSABLE where there is nothing, or nothing to be seen. */
export function checkThere(directory: string): void {
  try {
    statSync(directory)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const link = code === 'ENOENT' && lstatSync(directory, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(directory) : null
    const problem = link !== null ? `${directory} is a symbolic link to ${link}, which is not there`
      : code === 'ENOENT' || code === 'ENOTDIR' ? `there is no directory ${directory}` : `${directory.slice(0, 300)} cannot be looked at: ${message.replace(/, stat .*$/s, '')}`
    throw new OttlaError('DIRECTORY_UNUSABLE', problem, { file: directory, cause })
  }
}

/**
 * `read`: changes nothing, takes no lock and so works beside the owner. `change`: the directory must be there. `create`: it may be created.
 */
export type Access = 'read' | 'change' | 'create'

export async function withDatabase<T>(terminal: Terminal, values: DataValues, access: Access, work: (ottla: Ottla) => Promise<T>): Promise<T> {
  const directory = dataDirectory(values)
  if (access !== 'create') checkThere(directory)
  // Loaded here, so that help and usage errors need not wait for it.
  const { open } = await import('../index.ts')
  const ottla = await open(directory, {
    readOnly: access === 'read', logger: loggerOf(terminal, values.debug), signal: terminal.signal,
    onRecovery: ({ topic, partition, scannedBytes, totalBytes }) => {
      terminal.progress(() => `recovering ${topic}-${partition}: ${percent(scannedBytes, totalBytes)}`)
    },
  })
  terminal.endProgress()
  try {
    return await work(ottla)
  } finally {
    await ottla.close()
  }
}

/** What clients of a cluster that failed a command are given to end. */
const FAILED_CLOSE_MS = 2000
const noConfig: ClientConfig = { connection: {}, producer: {}, consumer: {}, unused: [] }

/** The former name of --command-config in Kafka's console and perf tools. */
export function withFormerName<V extends SourceValues>(values: V, former: string | undefined): V {
  return { ...values, 'command-config': values['command-config'] ?? former }
}

/** What `--command-config` says; nothing where there is none. Raises UsageError. */
export async function clientConfig({ 'command-config': file }: SourceValues): Promise<ClientConfig> {
  if (file === undefined) return noConfig
  const { properties, scopesOf } = await clientProperties(fileBytes('command-config', file))
  return sortClientConfig(file, properties, scopesOf)
}

/** Whether the command works on a cluster, not on a directory. Raises UsageError for both. */
export function isRemote(values: SourceValues): boolean {
  const isCluster = values['bootstrap-server'] !== undefined
  if (isCluster && values.data !== undefined) throw new UsageError('--data and --bootstrap-server exclude each other: a directory, or a cluster')
  if (!isCluster && values['command-config'] !== undefined) throw new UsageError('--command-config tells how to reach a cluster: it needs --bootstrap-server HOST:PORT')
  return isCluster
}

/** `--print-metrics` on a cluster. */
export function refuseMetrics(values: { readonly 'print-metrics': boolean }): void {
  if (values['print-metrics']) throw new UsageError('--print-metrics tells what the database of a directory counted: it needs --data')
}

/** What a directory and a cluster both give. */
export type Source = Kafka & { readonly users: Users }

/** Does the work on the directory, or on the cluster, that the command line names. */
export async function withKafka<T>(terminal: Terminal, values: SourceValues, access: Access, work: (kafka: Source) => Promise<T>): Promise<T> {
  if (!isRemote(values)) return withDatabase(terminal, values, access, work)
  const { connection, unused } = await clientConfig(values)
  const logger = loggerOf(terminal, values.debug)
  if (unused.length > 0) logger.info(`settings that mean nothing here: ${unused.join(', ')}`)
  const { connect } = await import('../index.ts')
  const kafka = await connect(values['bootstrap-server']!, { ...connection, logger, signal: terminal.signal })
  let result: T
  try {
    result = await work(kafka)
  } catch (error) {
    await kafka.close({ timeoutMs: FAILED_CLOSE_MS })
    throw error
  }
  await kafka.close()
  return result
}

export function percent(done: number, total: number): string { return `${total === 0 ? 100 : Math.floor(done / total * 100)} %` }

function fieldText(value: unknown): string {
  if (value instanceof Error) return value.message
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

type Fields = Readonly<Record<string, unknown>>

export function loggerOf(terminal: Terminal, debug: boolean): Logger {
  const say = (level: string) => (message: string, fields?: Fields): void => {
    const tail = Object.entries(fields ?? {}).map(([key, value]) => ` ${key}=${fieldText(value)}`)
    terminal.note(`${level}: ${message}${tail.join('')}`)
  }
  const quiet = (): void => {}
  const everything: Logger = { debug: say('debug'), info: say('info'), warn: say('warning'), error: say('error') }
  return { ...everything, debug: quiet, info: debug ? everything.info : quiet, level: debug ? 'INFO' : 'WARN', everything }
}

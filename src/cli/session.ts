/** Opens the data directory for a command and closes it again, whatever happened. */
import { existsSync } from 'node:fs'
import type { Logger, Ottla } from '../index.ts'
import { OttlaError } from '../common/errors.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './command.ts'

interface DataValues { readonly data: string | undefined; readonly debug: boolean }

export function dataDirectory(values: { readonly data: string | undefined }): string {
  const directory = values.data ?? process.env['OTTLA_DATA']
  if (directory === undefined || directory === '') throw new UsageError('--data DIR is required')
  return directory
}

/**
 * `read`: changes nothing, takes no lock and so works beside the owner. `change`: the directory must be there. `create`: it may be created.
 */
export type Access = 'read' | 'change' | 'create'

export async function withDatabase<T>(terminal: Terminal, values: DataValues, access: Access, work: (ottla: Ottla) => Promise<T>): Promise<T> {
  const directory = dataDirectory(values)
  if (access !== 'create' && !existsSync(directory)) {
    throw new OttlaError('DIRECTORY_UNUSABLE', `there is no directory ${directory}`, { file: directory })
  }
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
  return { debug: quiet, info: debug ? say('info') : quiet, warn: say('warning'), error: say('error') }
}

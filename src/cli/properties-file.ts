/** Files of properties, as Java has them, that options name. */
import { readFileSync } from 'node:fs'
import { serverProperties } from '../tools.ts'
import { UsageError } from './command.ts'

/** Nothing where no file is named. Raises UsageError. */
export async function filedProperties(option: string, file: string | undefined): Promise<Record<string, string>> {
  if (file === undefined) return {}
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw new UsageError(`--${option} ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  return Object.fromEntries((await serverProperties(bytes)).properties)
}

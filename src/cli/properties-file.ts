/** Files of properties, as Java has them, that options name. */
import { serverProperties } from '../tools.ts'
import { fileBytes } from './arguments.ts'

/** Nothing where no file is named. Raises UsageError. */
export async function filedProperties(option: string, file: string | undefined): Promise<Record<string, string>> {
  if (file === undefined) return {}
  return Object.fromEntries((await serverProperties(fileBytes(option, file))).properties)
}

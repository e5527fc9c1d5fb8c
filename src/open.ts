/** `open`: the door of the package. */
import type { BrokerSettings } from './config/settings.ts'
import { openDatabase, type OpenOptions } from './open-database.ts'
import { OttlaHandle, type Ottla } from './ottla.ts'

export type { OpenOptions } from './open-database.ts'

/**
 * Opens the database in `directory`, creating or recovering it as needed.
 * Another `open` of it in this process gives the same database, with the settings of the first; it closes with the last of them.
 *
 * Raises INVALID_CONFIG for settings, DIRECTORY_LOCKED when another process owns the directory, DIRECTORY_UNUSABLE when it cannot be read or
 * written or is on a network file system, LOG_CORRUPT when what is in it cannot be a log, ABORTED by the signal.
 */
export function open(directory: string, settings: BrokerSettings & OpenOptions = {}): Promise<Ottla> {
  return openDatabase(directory, settings, (database, release) => new OttlaHandle(database, release))
}

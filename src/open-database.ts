/**
 * What stands behind `open`: checks what it is given, finds or creates the directory, and gives a handle on its database, of the kind that is wanted. Opening
 * a directory that is open in this process already gives another handle on the same database, also over duplicate installs of the package: the registry
 * hangs on a global symbol and knows directories by device and inode.
 *
 * When the process exits, what producers still hold is written and synced in the `exit` handler (no clean-shutdown marker: the next open
 * checks the tail).
 */
import { dirname, resolve } from 'node:path'
import { checkLogger, checkSignal } from './common/call-options.ts'
import { OttlaError } from './common/errors.ts'
import { guardLoads, loadPart } from './common/load-part.ts'
import type { Logger } from './common/logger.ts'
import { systemPorts } from './common/ports.ts'
import { resolveBroker } from './config/resolve.ts'
import type { BrokerSettings } from './config/settings.ts'
import { Database, type DatabaseOptions, type OttlaEvent } from './database.ts'
import type { FileSystem } from './io/file-system.ts'
import { checkFreeHandles } from './io/free-handles.ts'
import { kernelRandom } from './io/kernel-random.ts'
import { nodeFileSystem } from './io/node-file-system.ts'
import type { RecoveryProgress } from './log/log-types.ts'

export interface OpenOptions {
  /**
   * Changes no byte of the directory and takes no lock: the owner may be running. Logs end where they ended at the open (where the owner compacts or deletes what is
   * read: where they end by then). Producing and every change raise READ_ONLY.
   */
  readOnly?: boolean
  /** Files live in this process's memory only; the directory is ignored and may be empty. Nothing survives, nothing is locked. */
  inMemory?: boolean
  /** Default: info and above on standard error. */
  logger?: Logger
  /** Ends the opening with ABORTED. */
  signal?: AbortSignal
  /** Told how the check of an unclean directory goes on. */
  onRecovery?: (progress: RecoveryProgress) => void
  /** Open on NFS, SMB and the like, where neither locks nor syncs can be trusted. */
  allowNetworkFileSystem?: boolean
}

/** What a database asks of those who use it. */
export interface DatabaseHandle {
  emit(...event: OttlaEvent): void
  /** For the exit handler: what is still held is written and synced at once. */
  saveSync(): void
}

/** `release` gives the reference back, once. */
export type MakeHandle<H extends DatabaseHandle> = (database: Database, release: () => Promise<void>) => H

interface Checked {
  readonly options: OpenOptions
  readonly settings: object
}

/** One database of this process and who uses it. */
interface Shared {
  readonly database: Promise<Database>
  readonly handles: Set<DatabaseHandle>
  references: number
  /** Set once the last reference is gone. */
  closing: Promise<void> | null
}

guardLoads(() => { checkFreeHandles(process.execPath) })

const optionTypes = {
  readOnly: 'boolean', inMemory: 'boolean', logger: 'object', signal: 'object', onRecovery: 'function', allowNetworkFileSystem: 'boolean',
} as const

/** As `open`; `make` makes the handle that it gives. */
export async function openDatabase<H extends DatabaseHandle>(directory: string, settings: BrokerSettings & OpenOptions, make: MakeHandle<H>): Promise<H> {
  const checked = split(settings)
  if (checked.options.inMemory === true) return openInMemory(checked, make)
  if (typeof directory !== 'string' || directory === '' || directory.startsWith('file://')) {
    const given: unknown = directory
    const what = given === '' ? 'empty' : typeof given === 'string' || given instanceof URL ? 'a URL: give fileURLToPath(url) of node:url' : describe(given)
    throw new OttlaError('INVALID_ARGUMENT', `open(directory, settings): the directory is a path, not ${what}`)
  }
  if (directory.includes('\0')) throw new OttlaError('INVALID_ARGUMENT', 'the path of the directory holds a null character')
  const path = findDirectory(nodeFileSystem, directory, checked.options.readOnly === true)
  const { device, inode } = nodeFileSystem.stat(path)!
  const key = `${device}:${inode}${checked.options.readOnly === true ? ':read' : ''}`
  for (;;) {
    const existing = registry().get(key)
    if (existing === undefined) return enter(key, path, checked, make)
    if (existing.closing === null) {
      try {
        return await share(key, existing, checked, make)
      } catch (error) {
        // The signal was that of whoever came first.
        if (!OttlaError.is(error, 'ABORTED') || checked.options.signal?.aborted === true) throw error
        continue
      }
    }
    await existing.closing.catch(() => {})
  }
}

/** The open databases of this process. */
function registry(): Map<string, Shared> {
  const global = globalThis as { [key: symbol]: Map<string, Shared> | undefined }
  return global[Symbol.for('ottla.open')] ??= new Map()
}

function split(settings: BrokerSettings & OpenOptions): Checked {
  if (Object.prototype.toString.call(settings) !== '[object Object]') {
    throw new OttlaError('INVALID_CONFIG', `the settings of open() are an object, not ${describe(settings)}`)
  }
  const options: Record<string, unknown> = {}
  const broker: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) continue
    if (!Object.hasOwn(optionTypes, name)) {
      const option = Object.keys(optionTypes).find((each) => each.toLowerCase() === name.toLowerCase().replaceAll(/[._-]/g, ''))
      if (option !== undefined) throw new OttlaError('INVALID_CONFIG', `unknown option ${JSON.stringify(name)} of open(): write it as ${option}`)
      broker[name] = value
      continue
    }
    const type = optionTypes[name as keyof OpenOptions]
    if (typeof value !== type || value === null) throw new OttlaError('INVALID_CONFIG', `option ${name} of open() must be a ${type}, not ${describe(value)}`)
    options[name] = value
  }
  if (options['signal'] !== undefined) checkSignal('open', options['signal'])
  if (options['logger'] !== undefined) checkLogger('open', options['logger'])
  resolveBroker(broker)
  return { options, settings: broker }
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`
}

/** The canonical path of the directory, made durably unless it is there. */
function findDirectory(fs: FileSystem, directory: string, readOnly: boolean): string {
  const path = resolve(directory)
  const stat = fs.stat(path)
  const refuse = (problem: string): never => { throw new OttlaError('DIRECTORY_UNUSABLE', problem, { file: path }) }
  if (stat === null && readOnly) refuse(`there is no directory ${path} to open read only`)
  if (stat !== null && stat.kind !== 'directory') refuse(`${path} is a file: a database lives in a directory`)
  if (stat === null) {
    let parent = dirname(path)
    while (fs.stat(parent) === null && dirname(parent) !== parent) parent = dirname(parent)
    fs.makeDirectory(path)
    for (let each = dirname(path); ; each = dirname(each)) {
      fs.syncDirectorySync(each)
      if (each === parent || dirname(each) === each) break
    }
  }
  return fs.realPath(path)
}

function databaseOptions(checked: Checked, directory: string, fileSystem: FileSystem, emit: DatabaseOptions['emit']): DatabaseOptions {
  const { readOnly = false, inMemory = false, allowNetworkFileSystem = false, logger = systemPorts.logger, signal, onRecovery } = checked.options
  const ports = { ...systemPorts, random: kernelRandom(), logger }
  return { directory, fileSystem, ports, settings: checked.settings, readOnly, inMemory, allowNetworkFileSystem, signal, onRecovery, emit }
}

function emitTo(handles: ReadonlySet<DatabaseHandle>): DatabaseOptions['emit'] {
  return (...event) => {
    for (const handle of handles) handle.emit(...event)
  }
}

async function enter<H extends DatabaseHandle>(key: string, path: string, checked: Checked, make: MakeHandle<H>): Promise<H> {
  const handles = new Set<DatabaseHandle>()
  const shared: Shared = { database: Database.open(databaseOptions(checked, path, nodeFileSystem, emitTo(handles))), handles, references: 0, closing: null }
  registry().set(key, shared)
  watchExit()
  return share(key, shared, null, make)
}

/** `asked`: the settings of a later open, which the running database does not take on. */
async function share<H extends DatabaseHandle>(key: string, shared: Shared, asked: Checked | null, make: MakeHandle<H>): Promise<H> {
  shared.references += 1
  let database: Database
  try {
    database = await shared.database
  } catch (error) {
    shared.references -= 1
    if (registry().get(key) === shared) registry().delete(key)
    throw error
  }
  if (asked !== null && Object.keys(asked.settings).length > 0) {
    database.ports.logger.warn('the directory is open in this process already: the settings of this open() are not used', { directory: database.directory })
  }
  const handle = make(database, () => leave(key, shared, database, handle))
  shared.handles.add(handle)
  return handle
}

/** Gives one reference back; the last one closes the database. */
function leave(key: string, shared: Shared, database: Database, handle: DatabaseHandle): Promise<void> {
  shared.handles.delete(handle)
  shared.references -= 1
  if (shared.references > 0) return Promise.resolve()
  shared.closing = database.close().finally(() => {
    if (registry().get(key) === shared) registry().delete(key)
  })
  return shared.closing
}

async function openInMemory<H extends DatabaseHandle>(checked: Checked, make: MakeHandle<H>): Promise<H> {
  if (checked.options.readOnly === true) throw new OttlaError('INVALID_CONFIG', 'a database in memory begins empty: readOnly makes no sense with inMemory')
  const { SimulatedFileSystem } = await loadPart('the code for databases in memory', () => import('./testing/simulated-file-system.ts'))
  const fileSystem = new SimulatedFileSystem({ clock: systemPorts.clock, recordOperations: false })
  const handles = new Set<DatabaseHandle>()
  const database = await Database.open(databaseOptions(checked, '/', fileSystem, emitTo(handles)))
  const handle = make(database, () => database.close())
  handles.add(handle)
  return handle
}

let isWatching = false

/** Registers the exit handler of this copy of the package, once. No promise runs in it any more: only what is synchronous counts. */
function watchExit(): void {
  if (isWatching) return
  isWatching = true
  process.on('exit', () => {
    for (const shared of registry().values()) for (const handle of shared.handles) handle.saveSync()
  })
}

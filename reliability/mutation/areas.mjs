/** What can be measured, and with which tests: by folder, those beside it and those above it that reach it, in this process. */
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const LOG = ['src/log', 'src/broker', 'test/regressions', 'test/crash']
const CLIENTS = ['src/client', 'src/database.test.ts', 'test/consumer-memory.test.ts']
const WIRE = ['src/server', 'test/wire']

/** Tests of a folder, or of one file. The first are the folder's own. */
const AREAS = {
  'src/record': ['src/record', ...LOG],
  'src/log': LOG,
  'src/coordinator': ['src/coordinator', 'src/broker', ...CLIENTS],
  'src/client': [...CLIENTS, 'src/broker'],
  'src/broker': ['src/broker', ...CLIENTS, ...WIRE, 'src/served-database.test.ts', 'src/users.test.ts', 'test/regressions'],
  'src/server': [...WIRE, 'src/served-database.test.ts', 'src/users.test.ts'],
  'src/metadata': ['src/metadata', 'src/broker', 'src/database.test.ts', 'src/users.test.ts', 'test/regressions'],
  'src/config': ['src/config', 'src/broker', 'src/client', 'src/cli', 'src/database.test.ts'],
  'src/common': ['src/common', 'src/log', 'src/broker', 'src/client', 'src/cli'],
  'src/cli': ['src/cli'],
}

/** Tests whose subject runs in a process of its own, where no mutant is on; that put something in the place of a module, which is one bundle here; that need another program. */
const OTHERS = /regressions\/(node|metadata|groups)\.test\.ts$|types\.test\.ts$|msgpack-missing|produce-refusal|log-appender|wire\/(confluent|kcat|kafkajs|platformatic|serve|security|long-requests|memory|quotas)\.test/

function filesOf(place, isTest) {
  if (place.endsWith('.ts')) return [place]
  const names = readdirSync(join(root, place), { recursive: true })
  return names.filter((name) => name.endsWith('.ts') && name.endsWith('.test.ts') === isTest).map((name) => `${place}/${name}`).toSorted()
}

/** Folders, their modules and their tests: `only` names a folder, or how the paths of some of its modules begin. Undefined: what is held to a score. */
export function areasOf(only) {
  const folders = only === undefined ? ['src/record', 'src/log'] : Object.keys(AREAS).filter((folder) => `${only}/`.startsWith(`${folder}/`))
  if (folders.length === 0) throw new Error(`--only ${only}: there is ${Object.keys(AREAS).join(', ')}`)
  const modules = folders.flatMap((folder) => filesOf(folder, false)).filter((module) => only === undefined || folders.includes(only) || module.startsWith(only))
  const suites = new Set(folders.flatMap((folder) => AREAS[folder]).flatMap((place) => filesOf(place, true)))
  return { folders, modules, suites: [...suites].filter((file) => !OTHERS.test(file)) }
}

/** The tools behind `ottla dump-log` and `ottla verify`, on plain files: no lock is taken and nothing is written. Not part of the package's exports. */
import { jsonFormat } from './inspect/dump-json.ts'
import { dumpLog as dumpItems } from './inspect/dump-log.ts'
import { DumpFailure, type DumpLogOptions } from './inspect/dump-items.ts'
import { textFormat, type DumpLine } from './inspect/dump-text.ts'
import { nodeFileSystem } from './io/node-file-system.ts'
import { checkLog, type CheckOptions, type Finding } from './log/log-check.ts'
import { loadAllCodecs } from './record/compression.ts'

export type { BytesDecoderName, DumpLogOptions, RecordDecoderName } from './inspect/dump-items.ts'
export type { DumpLine } from './inspect/dump-text.ts'
export { nearest } from './config/suggestion.ts'
export { VERSION } from './version.ts'
export type { CheckProgress, Finding, FindingSeverity } from './log/log-check.ts'

/** Lines as `kafka-dump-log` prints them, or objects of JSON. `failed` is true once the tool had to give up on a file. */
export async function* dumpLog(options: DumpLogOptions, format: 'text' | 'json'): AsyncGenerator<DumpLine, { readonly failed: boolean }, void> {
  await loadAllCodecs()
  const lines = format === 'json' ? jsonFormat(options) : textFormat(options)
  let failed = false
  try {
    for (const item of dumpItems(nodeFileSystem, options)) {
      if (item.type === 'failure') failed = true
      yield lines.line(item)
    }
  } catch (error) {
    if (!(error instanceof DumpFailure)) throw error
    failed = true
    yield lines.line({ type: 'failure', kind: error.kind, message: error.message })
  }
  return { failed }
}

/** The full consistency check of a data directory or a partition folder. */
export async function* verifyDirectory(directory: string, options: CheckOptions): AsyncGenerator<Finding, void, void> {
  await loadAllCodecs()
  yield* checkLog(nodeFileSystem, directory, options)
}

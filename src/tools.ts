/**
 * The tools behind `ottla dump-log` and `ottla verify`, on plain files: no lock is taken and nothing is written. Not part of the package's
 * exports. What a tool needs is loaded when it runs, so that `ottla --help` need not wait for it.
 */
import type { DumpLogOptions } from './inspect/dump-items.ts'
import type { DumpLine } from './inspect/dump-text.ts'
import type { CheckOptions, Finding } from './log/log-check.ts'

export { nearest } from './config/suggestion.ts'
export { VERSION } from './version.ts'
export type { BytesDecoderName, DumpLogOptions, RecordDecoderName } from './inspect/dump-items.ts'
export type { DumpLine } from './inspect/dump-text.ts'
export type { CheckProgress, Finding, FindingSeverity } from './log/log-check.ts'

/** Lines as `kafka-dump-log` prints them, or objects of JSON. `failed` is true once the tool had to give up on a file. */
export async function* dumpLog(options: DumpLogOptions, format: 'text' | 'json'): AsyncGenerator<DumpLine, { readonly failed: boolean }, void> {
  const [{ nodeFileSystem }, { loadAllCodecs }, items, { DumpFailure }, { textFormat }, { jsonFormat }] = await Promise.all([
    import('./io/node-file-system.ts'), import('./record/compression.ts'), import('./inspect/dump-log.ts'), import('./inspect/dump-items.ts'),
    import('./inspect/dump-text.ts'), import('./inspect/dump-json.ts'),
  ])
  await loadAllCodecs()
  const lines = format === 'json' ? jsonFormat(options) : textFormat(options)
  let failed = false
  try {
    for (const item of items.dumpLog(nodeFileSystem, options)) {
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
  const [{ nodeFileSystem }, { loadAllCodecs }, { checkLog }] = await Promise.all([
    import('./io/node-file-system.ts'), import('./record/compression.ts'), import('./log/log-check.ts'),
  ])
  await loadAllCodecs()
  yield* checkLog(nodeFileSystem, directory, options)
}

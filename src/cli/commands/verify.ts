/** `ottla verify`: the full consistency check of a directory; reads only, and works beside the owner. */
import { existsSync } from 'node:fs'
import { OttlaError } from '../../common/errors.ts'
import { verifyDirectory, type FindingSeverity } from '../../tools.ts'
import { dataOptions, defineCommand, jsonLinesOption, type Command } from '../command.ts'
import { dataDirectory, percent } from '../session.ts'
import { bytesText } from '../table.ts'

const FINDINGS = 1
const styles = { error: 'red', warning: 'yellow', info: 'dim' } as const
const BAR = 30

function bar(done: number, total: number): string {
  const filled = total === 0 ? BAR : Math.floor(done / total * BAR)
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR - filled)}] ${percent(done, total)} of ${bytesText(total)}`
}

export const verify: Command = defineCommand({
  name: 'verify',
  summary: 'check every file of a directory, reading only',
  usage: ['--data DIR [--topic NAME]… [--shallow] [--json]'],
  options: {
    data: dataOptions.data,
    ...jsonLinesOption,
    topic: { type: 'text', many: true, value: 'NAME', help: 'only this topic' },
    shallow: { type: 'flag', help: 'checksums and headers only, without decoding each record' },
  },
  notes: [
    'Checks: batches (checksum, structure, offsets, timestamps, epochs), indexes against their log, producer snapshots,',
    'transaction indexes, epoch and offset checkpoints, names of files and folders. Nothing is changed.',
  ],
  exits: ['1 means at least one error; warnings alone end with 0'],
  examples: ['ottla verify --data ./data', 'ottla verify --data ./data --topic orders --json'],
  async run(terminal, values) {
    const directory = dataDirectory(values)
    if (!existsSync(directory)) throw new OttlaError('DIRECTORY_UNUSABLE', `there is no directory ${directory}`, { file: directory })
    const counts: Record<FindingSeverity, number> = { error: 0, warning: 0, info: 0 }
    let checked = 0
    const findings = verifyDirectory(directory, {
      deep: !values.shallow, signal: terminal.signal, ...(values.topic.length === 0 ? {} : { topics: values.topic }),
      onProgress: (progress) => {
        checked = Math.max(checked, progress.doneBytes)
        terminal.progress(() => `${bar(progress.doneBytes, progress.totalBytes)} ${progress.file}`)
      },
    })
    for await (const finding of findings) {
      counts[finding.severity]++
      if (values.json) {
        await terminal.json(finding)
        continue
      }
      const place = [finding.position === null ? '' : ` position ${finding.position}`, finding.offset === null ? '' : ` offset ${finding.offset}`].join('')
      terminal.endProgress()
      await terminal.line(`${finding.severity}: ${finding.file}${place}: ${finding.message} [${finding.code}]`)
    }
    terminal.endProgress()
    const worst = counts.error > 0 ? 'error' : counts.warning > 0 ? 'warning' : null
    const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
    const summary = `${plural(counts.error, 'error')}, ${plural(counts.warning, 'warning')}; ${bytesText(checked)} checked`
    if (values.json) terminal.note(summary)
    else {
      await terminal.flush()
      terminal.note(terminal.style(worst === null ? 'green' : styles[worst], summary))
    }
    return counts.error > 0 ? FINDINGS : 0
  },
})

/** `ottla verify`: the full consistency check of a directory, reading only and beside the owner; with `--repair`, what is damaged is taken out before. */
import { repairDirectory, verifyDirectory, type FindingSeverity, type RecoveryReport, type RepairStep } from '../../tools.ts'
import { dataOptions, defineCommand, jsonLinesOption, UsageError, type Command } from '../command.ts'
import { checkThere, dataDirectory, percent } from '../session.ts'
import { bytesText } from '../table.ts'
import type { Terminal } from '../terminal.ts'

const FINDINGS = 1
const styles = { error: 'red', warning: 'yellow', info: 'dim' } as const
const BAR = 30

function bar(done: number, total: number): string {
  const filled = total === 0 ? BAR : Math.floor(done / total * BAR)
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR - filled)}] ${percent(done, total)} of ${bytesText(total)}`
}

const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`

export const verify: Command = defineCommand({
  name: 'verify',
  summary: 'check every file of a directory, and repair what is damaged',
  usage: ['--data DIR [--topic NAME]… [--shallow] [--json]', '--data DIR --repair [--dry-run] [--topic NAME]… [--json]'],
  options: {
    data: dataOptions.data,
    ...jsonLinesOption,
    topic: { type: 'text', many: true, value: 'NAME', help: 'only this topic' },
    shallow: { type: 'flag', help: 'checksums and headers only, without decoding each record' },
    repair: { type: 'flag', help: 'take what cannot be read out of the logs, keeping a copy, and make indexes and the like anew' },
    'dry-run': { type: 'flag', help: 'with --repair: only tell what would be done' },
  },
  notes: [
    'Checks: batches (checksum, structure, offsets, timestamps, epochs), indexes against their log, producer snapshots,',
    'transaction indexes, epoch and offset checkpoints, names of files and folders, the metadata file.',
    'Without --repair nothing is changed.',
    '',
    '--repair needs the directory for itself: close it everywhere else. Damaged bytes are copied to',
    '<segment>.log.damaged-<position> beside the log before they are taken out of it; neither Ottla nor Kafka looks at',
    'those files, and nothing deletes them. All other records keep their offsets. Then everything is checked again.',
  ],
  exits: ['1 means at least one error (after --repair: still); warnings alone end with 0. --dry-run: 1 when there is something to do'],
  examples: ['ottla verify --data ./data', 'ottla verify --data ./data --topic orders --json', 'ottla verify --data ./data --repair --dry-run'],
  async run(terminal, values) {
    const directory = dataDirectory(values)
    checkThere(directory)
    const dryRun = values['dry-run']
    if (dryRun && !values.repair) throw new UsageError('--dry-run tells what --repair would do: give both')
    const question: Question = { directory, topics: values.topic, deep: !values.shallow, json: values.json }
    if (!values.repair) return check(terminal, question)
    const steps = await repair(terminal, question, dryRun)
    if (dryRun) return steps > 0 ? FINDINGS : 0
    return check(terminal, question)
  },
})

interface Question { readonly directory: string; readonly topics: readonly string[]; readonly deep: boolean; readonly json: boolean }

async function check(terminal: Terminal, { directory, topics, deep, json }: Question): Promise<number> {
  const counts: Record<FindingSeverity, number> = { error: 0, warning: 0, info: 0 }
  let checked = 0
  const findings = verifyDirectory(directory, {
    deep, signal: terminal.signal, ...(topics.length === 0 ? {} : { topics }),
    onProgress: (progress) => {
      checked = Math.max(checked, progress.doneBytes)
      terminal.progress(() => `${bar(progress.doneBytes, progress.totalBytes)} ${progress.file}`)
    },
  })
  for await (const finding of findings) {
    counts[finding.severity]++
    if (json) {
      await terminal.json(finding)
      continue
    }
    const place = [finding.position === null ? '' : ` position ${finding.position}`, finding.offset === null ? '' : ` offset ${finding.offset}`].join('')
    terminal.endProgress()
    await terminal.line(`${finding.severity}: ${finding.file}${place}: ${finding.message} [${finding.code}]`)
  }
  terminal.endProgress()
  const worst = counts.error > 0 ? 'error' : counts.warning > 0 ? 'warning' : null
  const summary = `${plural(counts.error, 'error')}, ${plural(counts.warning, 'warning')}; ${bytesText(checked)} checked`
  if (json) terminal.note(summary)
  else {
    await terminal.flush()
    terminal.note(terminal.style(worst === null ? 'green' : styles[worst], summary))
  }
  return counts.error > 0 ? FINDINGS : 0
}

// ---- --repair ----

const verbs: Readonly<Record<RepairStep['kind'], readonly [done: string, planned: string]>> = {
  'taken-out': ['taken out', 'would be taken out'],
  mended: ['mended', 'would be mended'],
  rebuilt: ['made anew', 'would be made anew'],
  'end-kept': ['end kept', 'end would be kept'],
  checkpoint: ['checkpoint entry dropped', 'checkpoint entry would be dropped'],
}

/** Offsets that a step gave up. */
function lostBy({ kind, firstOffset, lastOffset }: RepairStep): number {
  return kind !== 'taken-out' || firstOffset === null || lastOffset === null ? 0 : Math.max(0, lastOffset - firstOffset + 1)
}

function offsetsText(step: RepairStep): string {
  const { kind, firstOffset, lastOffset } = step
  if (kind === 'checkpoint' || firstOffset === null) return ''
  if (kind !== 'taken-out') return lastOffset === null ? '' : `, offsets ${firstOffset}–${lastOffset}`
  if (lastOffset === null) return `, offsets from ${firstOffset} on lost`
  return lostBy(step) === 0 ? ', no offset lost' : `, offsets ${firstOffset}–${lastOffset} lost`
}

function stepText(step: RepairStep, dryRun: boolean): string {
  const place = step.position === null ? '' : ` bytes ${step.position}–${step.position + step.bytes - 1}`
  const kept = step.keptAs === null ? '' : `; kept as ${step.keptAs}`
  return `${verbs[step.kind][dryRun ? 1 : 0]}: ${step.file}${place}${offsetsText(step)}: ${step.reason}${kept}`
}

/** Returns how many steps there were. */
async function repair(terminal: Terminal, { directory, topics, json }: Question, dryRun: boolean): Promise<number> {
  const steps = repairDirectory(directory, { dryRun, signal: terminal.signal, ...(topics.length === 0 ? {} : { topics }) })
  let count = 0
  let lost = 0
  let copies = 0
  for (;;) {
    const next = await steps.next()
    if (next.done === true) {
      await tellRecovery(terminal, next.value, json)
      break
    }
    const step = next.value
    count += 1
    lost += lostBy(step)
    if (step.keptAs !== null) copies += 1
    await (json ? terminal.json(step) : terminal.line(stepText(step, dryRun)))
  }
  await terminal.flush()
  terminal.note((count === 0 ? 'nothing to repair' : plural(count, 'step') + (dryRun ? ' to do' : ''))
    + (lost === 0 ? '' : `, ${plural(lost, 'offset')} ${dryRun ? 'cannot be read' : 'lost'}`))
  if (copies > 0) terminal.note(bringBack)
  return count
}

const bringBack = 'The copies hold the bytes as they were found, and nothing deletes them. To look into one, copy it as 00000000000000000000.log to an empty folder\n'
  + 'and run `ottla dump-log --print-data-log --files` on that. To undo a repair, see "Repair" in docs/durability.md.'

/** What the open that ends the repair did on its own. */
async function tellRecovery(terminal: Terminal, reports: readonly RecoveryReport[], json: boolean): Promise<void> {
  for (const { topic, partition, notes } of reports) {
    for (const { code, message, file } of notes) {
      await (json ? terminal.json({ kind: 'opened', topic, partition, code, file: file ?? null, reason: message })
        : terminal.line(`opened: ${topic}-${partition}: ${message} [${code}]`))
    }
  }
}

/**
 * The plans that `ottla groups --reset-offsets` writes (`--export`) and reads (`--from-file`), as kafka-consumer-groups has them. Pure.
 *
 *   topic,partition,offset          of one group
 *   group,topic,partition,offset    of several
 *
 * A line each, without a head. A field is quoted where Kafka's writer quotes it; a quote within is doubled. Empty lines count for nothing: Kafka's tool ends with one.
 */
import { UsageError } from './command.ts'

export interface CsvOffset {
  /** Where it stands in the file, from 1. */
  readonly line: number
  /** Null in a plan of one group. */
  readonly group: string | null
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

const ONE_GROUP_FIELDS = 3
/** From which length on Kafka's writer quotes without looking. */
const UNQUOTED_LENGTH = 24
/** How many bad lines are told of one by one. */
const MOST_TOLD = 20
const MAX_PARTITION = 0x7fffffff

/** A line of the plan, without its line end. */
export function csvLine(fields: readonly (string | number)[]): string {
  return fields.map((field) => typeof field === 'number' ? String(field) : quoted(field)).join(',')
}

function quoted(text: string): string {
  const isPlain = text.length <= UNQUOTED_LENGTH && !/[\0-,\\]/.test(text)
  return isPlain ? text : `"${text.replaceAll('"', '""')}"`
}

/** Raises UsageError, which names every bad line. `file` is for messages. */
export function parsePlan(file: string, text: string): CsvOffset[] {
  const bad: string[] = []
  const offsets: CsvOffset[] = []
  let width = 0
  for (const { line, fields, error } of recordsOf(text.replace(/^\uFEFF/, ''))) {
    if (width === 0 && error === null) width = fields.length
    const found = error ?? offsetOf(line, fields, width)
    if (typeof found === 'string') bad.push(`line ${line}: ${found}`)
    else offsets.push(found)
  }
  if (bad.length > 0) throw badLines(file, bad)
  if (offsets.length === 0) throw new UsageError(`--from-file ${file} holds no offsets: write topic,partition,offset on each line, or group,topic,partition,offset`)
  return offsets
}

/** What is wrong with lines, all in one. */
export function badLines(file: string, bad: readonly string[]): UsageError {
  const more = bad.length > MOST_TOLD ? [`and ${bad.length - MOST_TOLD} more`] : []
  return new UsageError(`--from-file ${file}: nothing was changed\n${[...bad.slice(0, MOST_TOLD), ...more].map((each) => `  ${each}`).join('\n')}`)
}

interface CsvRecord { readonly line: number; readonly fields: readonly string[]; readonly error: string | null }

/** Records and where they begin; a quoted field may hold commas, quotes and line ends. */
function* recordsOf(text: string): Generator<CsvRecord, void, void> {
  const field = /[ \t]*"((?:[^"]|"")*)"[ \t]*(?=,|\r?\n|$)|([^,\n]*)/y
  let line = 1
  for (let at = 0; at < text.length;) {
    const start = at
    const fields: string[] = []
    let error: string | null = null
    do {
      if (fields.length > 0) at++
      field.lastIndex = at
      const [whole, inner, plain = ''] = field.exec(text)!
      if (inner === undefined && plain.includes('"')) error = `a quote in ${shown(plain)} is not closed, or stands within a field that is not quoted`
      fields.push(inner?.replaceAll('""', '"') ?? plain.trim())
      at += whole.length
    } while (text[at] === ',')
    if (text[at] === '\r') at++
    at++
    if (fields.length > 1 || fields[0] !== '') yield { line, fields, error }
    line += text.slice(start, at).split('\n').length - 1
  }
}

/** The offset, or why it is none. */
function offsetOf(line: number, fields: readonly string[], width: number): CsvOffset | string {
  if (fields.length !== width || (width !== ONE_GROUP_FIELDS && width !== ONE_GROUP_FIELDS + 1)) {
    const wanted = width === ONE_GROUP_FIELDS ? 'topic,partition,offset' : width === ONE_GROUP_FIELDS + 1 ? 'group,topic,partition,offset' : 'topic,partition,offset or group,topic,partition,offset'
    return `${fields.length === 1 ? 'one field' : `${fields.length} fields`} in place of ${wanted}`
  }
  const [offset, partition, topic, group = null] = fields.toReversed() as [string, string, string, string | undefined]
  if (group === '') return 'the group is empty'
  if (topic === '') return 'the topic is empty'
  if (!isNumber(partition, MAX_PARTITION)) return `the partition is a whole number from 0, not ${shown(partition)}`
  if (!isNumber(offset, Number.MAX_SAFE_INTEGER)) return `the offset is a whole number from 0, not ${shown(offset)}`
  return { line, group, topic, partition: Number(partition), offset: Number(offset) }
}

function shown(text: string): string { return JSON.stringify(text.slice(0, 60)) }

function isNumber(text: string, most: number): boolean { return /^\d+$/.test(text) && Number(text) <= most }

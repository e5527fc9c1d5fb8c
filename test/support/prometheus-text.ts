/**
 * A strict reader of Prometheus' text format 0.0.4, written from its specification (prometheus.io/docs/instrumenting/exposition_formats) and knowing nothing of
 * who wrote the page: families in one piece, HELP and TYPE before the samples, no series twice, counters that end in _total and are not negative.
 */
export interface Sample { readonly name: string; readonly labels: ReadonlyMap<string, string>; readonly value: number }
export interface Family { readonly name: string; readonly type: string; readonly help: string; readonly samples: readonly Sample[] }

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"/y
const VALUE = /^[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf|NaN)$/

/** Throws at the first line that is not as the format has it. */
export function readPrometheusText(page: string): Map<string, Family> {
  if (!page.endsWith('\n')) throw new Error('the last line does not end')
  const families = new Map<string, Family & { samples: Sample[] }>()
  const series = new Set<string>()
  let helped: { name: string; help: string } | null = null
  let current: (Family & { samples: Sample[] }) | null = null
  for (const line of page.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line)
    if (comment?.[1] === 'HELP') {
      if (families.has(comment[2]!)) throw new Error(`family ${comment[2]} comes twice`)
      if (/\\(?![\\n])/.test(comment[3]!)) throw new Error(`a help that is not escaped: ${line}`)
      helped = { name: comment[2]!, help: comment[3]! }
    } else if (comment !== null) {
      if (helped === null || helped.name !== comment[2]) throw new Error(`TYPE without its HELP: ${line}`)
      if (!['counter', 'gauge', 'histogram', 'summary', 'untyped'].includes(comment[3]!)) throw new Error(`no such type: ${line}`)
      if (comment[3] === 'counter' && !helped.name.endsWith('_total')) throw new Error(`a counter without _total: ${line}`)
      current = { name: helped.name, type: comment[3]!, help: helped.help, samples: [] }
      families.set(current.name, current)
      helped = null
    } else {
      const sample = readSample(line)
      if (helped !== null || current?.name !== sample.name) throw new Error(`a sample outside its family: ${line}`)
      const key = JSON.stringify([sample.name, [...sample.labels].sort()])
      if (series.has(key)) throw new Error(`a series that comes twice: ${line}`)
      if (current.type === 'counter' && !(sample.value >= 0)) throw new Error(`a counter below 0: ${line}`)
      series.add(key)
      current.samples.push(sample)
    }
  }
  return families
}

function readSample(line: string): Sample {
  NAME.lastIndex = 0
  const name = NAME.exec(line)?.[0]
  if (name === undefined) throw new Error(`no name: ${line}`)
  let at = name.length
  const labels = new Map<string, string>()
  if (line[at] === '{') {
    for (at += 1; line[at] !== '}'; at += line[at] === ',' ? 1 : 0) {
      LABEL.lastIndex = at
      const label = LABEL.exec(line)
      if (label === null || label[1]!.startsWith('__') || labels.has(label[1]!)) throw new Error(`a label that cannot be at character ${at}: ${line}`)
      labels.set(label[1]!, label[2]!.replaceAll(/\\(.)/g, (_, char: string) => char === 'n' ? '\n' : char))
      at = LABEL.lastIndex
      if (line[at] !== ',' && line[at] !== '}') throw new Error(`labels that do not end: ${line}`)
    }
    at += 1
  }
  const value = line.slice(at + 1)
  if (line[at] !== ' ' || !VALUE.test(value)) throw new Error(`no value: ${line}`)
  return { name, labels, value: Number(value.replace('Inf', 'Infinity')) }
}

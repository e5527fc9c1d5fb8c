/** ISO 8601 durations as java.time.Duration has them: days, hours, minutes, seconds. Signs are not taken, so that none is negative. */

/** In ms; NaN where `text` is none: `P1DT2H3M4.5S`, in capitals or not. */
export function durationMs(text: string): number {
  const parts = /^P(?=.)(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:[.,]\d*)?)S)?)?$/i.exec(text)
  if (parts === null) return Number.NaN
  const [days, hours, minutes, seconds] = parts.slice(1).map((part) => Number(part?.replace(',', '.') ?? 0)) as [number, number, number, number]
  return Math.round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000)
}

const BY_DURATION = 'by_duration:'

/** Of `by_duration:P1D` (KIP-1106) the ms; null where `word` is no such. */
export function resetDurationMs(word: string): number | null {
  const ms = word.startsWith(BY_DURATION) ? durationMs(word.slice(BY_DURATION.length)) : Number.NaN
  return Number.isNaN(ms) ? null : ms
}

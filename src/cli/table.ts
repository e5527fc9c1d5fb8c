/** Columns of text as Kafka's tools print them: left-aligned, one blank between, as wide as the widest cell or as `least` says; the last is filled up where `least` names it. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], least: readonly number[] = []): string {
  const widths = head.map((title, column) => Math.max(title.length, least[column] ?? 0, ...rows.map((row) => row[column]!.length)))
  const isFilled = least.length >= head.length
  return [head, ...rows].map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join(' ')).map((line) => isFilled ? line : line.trimEnd()).join('\n')
}

/** 1536 → "1.5 KiB". */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

/** 12345678 → "12,345,678". */
export function countText(count: number): string { return Math.round(count).toLocaleString('en-US') }

/** The text form of Java's Properties, as far as `meta.properties` needs it: comments, three separators, escapes, continued lines, ISO 8859-1. */

const escapes: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' }

function unescape(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g, (_, hex: string | undefined, char: string | undefined) =>
    hex === undefined ? escapes[char!] ?? char! : String.fromCharCode(Number.parseInt(hex, 16)))
}

/** Lines with continuations joined; comments and blank lines left out. */
function logicalLines(text: string): string[] {
  const lines: string[] = []
  let open: string | null = null
  for (const natural of text.split(/\r\n|\n|\r/)) {
    const line: string = natural.replace(/^[ \t\f]+/, '')
    if (open === null && (line === '' || line.startsWith('#') || line.startsWith('!'))) continue
    const whole: string = (open ?? '') + line
    const slashes = /\\*$/.exec(whole)![0].length
    if (slashes % 2 === 1) {
      open = whole.slice(0, -1)
    } else {
      lines.push(whole)
      open = null
    }
  }
  if (open !== null) lines.push(open)
  return lines
}

/** Later keys win. Never raises: every text is some set of properties. */
export function parseProperties(bytes: Uint8Array): Map<string, string> {
  const properties = new Map<string, string>()
  for (const line of logicalLines(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'))) {
    const match = /^((?:\\.|[^=:\s\\])*)[ \t\f]*[=:]?[ \t\f]*([\s\S]*)$/.exec(line)!
    properties.set(unescape(match[1]!), unescape(match[2]!))
  }
  return properties
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** "Tue Nov 14 22:13:20 UTC 2023", the date line that Java writes. Field by field: the first `toISOString` of a process looks for its time zone, up to 4 ms. */
function javaDate(nowMs: number): string {
  const date = new Date(nowMs)
  const [day, hours, minutes, seconds] = [date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map((field) => String(field).padStart(2, '0'))
  return `${days[date.getUTCDay()]} ${months[date.getUTCMonth()]} ${day} ${hours}:${minutes}:${seconds} UTC ${date.getUTCFullYear()}`
}

function escape(text: string): string {
  return text.replace(/[\\=:#! \t\n\r\f]|[^\x20-\x7e]/g, (char) => {
    const code = char.charCodeAt(0)
    const named = Object.entries(escapes).find(([, value]) => value === char)
    if (named !== undefined) return `\\${named[0]}`
    return code >= 0x20 && code < 0x7f ? `\\${char}` : `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`
  })
}

export function formatProperties(rows: readonly (readonly [string, string])[], nowMs: number): Uint8Array {
  return new TextEncoder().encode(['#', `#${javaDate(nowMs)}`, ...rows.map(([key, value]) => `${escape(key)}=${escape(value)}`), ''].join('\n'))
}

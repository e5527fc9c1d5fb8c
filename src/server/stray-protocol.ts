/** Says what a peer speaks that does not speak Kafka's protocol, from the first bytes it sent: the log line then names the mistake. */

const httpMethods = ['GET ', 'PUT ', 'HEAD ', 'POST ', 'PATCH ', 'DELETE ', 'OPTIONS ', 'CONNECT ', 'TRACE ', 'PRI ']
const LINE_LENGTH = 60
const TLS_HANDSHAKE = 0x16
const TLS_MAJOR = 0x03

/** Null: nothing that is known. `first`: the first bytes of the connection. */
export function strayProtocol(first: Uint8Array): string | null {
  if (first[0] === TLS_HANDSHAKE && first[1] === TLS_MAJOR) return 'a TLS handshake, but this listener is PLAINTEXT (security.protocol of the client)'
  const line = firstLine(first)
  if (httpMethods.some((method) => line.startsWith(method))) return `an HTTP request (${JSON.stringify(line)})`
  if (line.startsWith('SSH-')) return `an SSH greeting (${JSON.stringify(line)})`
  return null
}

function firstLine(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, LINE_LENGTH)).toString('latin1')
  return text.split(/[\r\n]/, 1)[0]!
}

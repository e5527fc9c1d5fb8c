/**
 * Requests of Kafka's protocol as bytes, written by hand from the protocol guide, so that the rows that attack the port need nothing of `src/`:
 * i32 length, i16 API, i16 version, i32 correlation, i16 length and text of the client id, body.
 */
const i16 = (n) => { const b = Buffer.alloc(2); b.writeInt16BE(n); return b }
export const i32 = (n) => { const b = Buffer.alloc(4); b.writeInt32BE(n); return b }
const i64 = (n) => { const b = Buffer.alloc(8); b.writeBigInt64BE(BigInt(n)); return b }
const text = (s) => Buffer.concat([i16(Buffer.byteLength(s)), Buffer.from(s)])

/** A frame with its length. */
export function request(api, version, body = Buffer.alloc(0), correlation = 1) {
  const bytes = Buffer.concat([i16(api), i16(version), i32(correlation), text('attacker'), body])
  return Buffer.concat([i32(bytes.length), bytes])
}

export const apiVersions = (correlation = 1) => request(18, 0, undefined, correlation)

/** Fetch version 4 of one partition. */
export function fetch(topic, partition, offset, { maxBytes = 2 ** 31 - 1, maxWaitMs = 0, minBytes = 1, correlation = 1 } = {}) {
  return request(1, 4, Buffer.concat([
    i32(-1), i32(maxWaitMs), i32(minBytes), i32(maxBytes), Buffer.from([0]), i32(1), text(topic), i32(1), i32(partition), i64(offset), i32(maxBytes),
  ]), correlation)
}

/**
 * What is fuzzed: each target makes bytes, and judges what a decoder of the product makes of them. A target is
 *
 *   { name, weight, make(random) → input, bytesOf(input), decode(input) → value, judge(input, value) → problem or null }
 *
 * `decode` may throw OttlaErrors only. `judge` holds an accepted value against the bytes: written again, they are the same, or, where the bytes were not
 * canonical, they are bytes that read and write as themselves. Not canonical are: varints longer than need be, unknown, repeated or unordered tags and tags
 * at their default, surplus bytes, booleans above 1, nulls other than −1, text that is no UTF-8, NaNs.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { messageMaker } from './messages.mjs'
import { copyOf, mutate, splice } from './mutate.mjs'

const equal = (a, b) => Buffer.compare(a, b) === 0
const hex = (bytes) => Buffer.from(bytes.subarray(0, 400)).toString('hex')

export async function loadTargets(dist, random) {
  const load = (file) => import(pathToFileURL(join(dist, file)).href)
  const [errors, registry, frames, codec, plans, reader, writer, consumer, sticky, records, cursor, builder, format, crc, compression, group, snapshot, checkpoint, properties, scram] = await Promise.all([
    'common/errors.js', 'protocol/api-registry.js', 'protocol/frames.js', 'protocol/message-codec.js', 'protocol/plan.js', 'protocol/byte-reader.js', 'protocol/byte-writer.js',
    'protocol/consumer-protocol.js', 'client/assignors/sticky-user-data.js', 'coordinator/record-codec.js', 'record/record-cursor.js', 'record/record-batch-builder.js',
    'record/batch-format.js', 'record/crc32c.js', 'record/compression.js', 'coordinator/record-tables.js', 'log/producer-snapshot.js', 'log/checkpoint-file.js', 'log/java-properties.js',
    'common/scram.js',
  ].map(load))
  await compression.loadAllCodecs()
  const kit = { ...errors, ...registry, ...frames, ...codec, ...plans, ...reader, ...writer, ...consumer, ...sticky, ...records, ...cursor, ...builder, ...format, ...crc, ...compression, ...group, ...snapshot, ...checkpoint, ...properties, ...scram }
  return { OttlaError: kit.OttlaError, targets: [...messageTargets(kit, random), ...batchTargets(kit), ...codecTargets(kit), ...smallTargets(kit)] }
}

// ---- messages ---------------------------------------------------------------------------------------------------------------------------------
function messageTargets(kit, random) {
  const make = messageMaker(random, kit.fieldsOf, kit.versionsOf)
  const writer = new kit.ByteWriter(4096)
  const encode = (schema, version, value) => {
    writer.reset()
    kit.encodeBody(schema, version, value, writer)
    return writer.view()
  }
  const headers = (api, version, isRequest) => {
    if (!isRequest) return 4 + (version >= api.flexibleSince && api.key !== 18 ? 1 : 0)
    return 10 + (version >= api.flexibleSince ? 1 : 0)
  }

  function frame(api, isRequest) {
    const version = api.minVersion + random.int(api.maxVersion - api.minVersion + 1)
    const schema = isRequest ? api.request : api.response
    const style = random.float()
    const made = make(schema, version, style < 0.25 ? 0 : 0.05, headers(api, version, isRequest))
    let { bytes } = made
    if (isRequest) {
      bytes.writeInt16BE(api.key, 0)
      bytes.writeInt16BE(version, 2)
      bytes.writeInt16BE(-1, 8)
    }
    const isMutated = style > 0.6
    if (isMutated) bytes = style > 0.97 ? splice(bytes, make(schema, version, 0.02, 0).bytes, random) : mutate(bytes, random)
    return { api, version, schema, isRequest, bytes, isCanonical: !made.lied && !isMutated }
  }

  function decode(input) {
    if (!input.isRequest) {
      const reader = new kit.ByteReader(input.bytes, 0)
      reader.int32()
      if (headers(input.api, input.version, false) === 5) reader.skipTags()
      const start = reader.position
      const value = kit.readMessage(input.schema, input.version, reader)
      return { schema: input.schema, version: input.version, value, start, end: reader.position }
    }
    const header = kit.decodeRequestHeader(input.bytes)
    const api = kit.apiOf(header.apiKey)
    if (api === undefined) throw new kit.OttlaError('UNSUPPORTED_VERSION', 'no such API')
    const reader = new kit.ByteReader(input.bytes, header.bodyStart)
    const value = kit.readMessage(api.request, header.apiVersion, reader)
    return { schema: api.request, version: header.apiVersion, value, start: header.bodyStart, end: reader.position }
  }

  function judge(input, { schema, version, value, start, end }) {
    let again
    try {
      again = copyOf(encode(schema, version, value))
    } catch (error) {
      // Text that was no UTF-8 may be too long for its type once it is.
      if (input.bytes.length > 10_000 && kit.OttlaError.is(error, 'INVALID_REQUEST')) return null
      return `cannot be written again: ${error.message}`
    }
    const given = input.bytes.subarray(start, end)
    if (equal(again, given)) return null
    if (input.isCanonical) return `is written again as ${hex(again)}`
    const reader = new kit.ByteReader(again)
    const second = kit.readMessage(schema, version, reader)
    if (reader.remaining > 0) return `is written again with ${reader.remaining} bytes too many`
    return equal(encode(schema, version, second), again) ? null : `is not read as it was written: ${hex(again)}`
  }

  function refused(input, error) { return input.isCanonical ? `refused although it is sound: ${error.message}` : null }

  return kit.apiList.flatMap((api) => [true, false].map((isRequest) => ({
    name: `${api.name}${isRequest ? 'Request' : 'Response'}`, weight: [0, 1, 3].includes(api.key) ? 3 : 1,
    make: () => frame(api, isRequest), bytesOf: (input) => input.bytes, decode, judge, refused,
  })))
}

// ---- record batches ---------------------------------------------------------------------------------------------------------------------------
const codecNames = ['none', 'none', 'none', 'gzip', 'snappy', 'lz4', 'zstd']
/** What a batch may unfold to here: part of the bound on memory. */
const MAX_UNFOLDED = 1 << 19

function randomRecords(random) {
  return Array.from({ length: random.int(6) }, () => ({
    timestamp: 1_700_000_000_000 + random.int(1000), key: random.chance(0.2) ? null : random.bytes(random.int(10)), value: random.chance(0.2) ? null : random.bytes(random.int(40)),
    headers: Array.from({ length: random.int(3) }, () => ({ key: 'h', value: random.chance(0.3) ? null : random.bytes(random.int(5)) })),
  }))
}

function batchTargets(kit) {
  const v2 = {
    name: 'record batch v2', weight: 14,
    make(random) {
      const records = randomRecords(random)
      const fields = { baseOffset: random.int(1000), producerId: random.chance(0.5) ? -1 : 5, producerEpoch: 1, baseSequence: 3, compression: random.pick(codecNames), isTransactional: random.chance(0.2) }
      const sound = kit.buildBatch(records, records.length === 0 ? { baseOffset: 7, lastOffsetDelta: random.int(4) } : fields)
      const isSound = random.chance(0.1)
      let bytes = isSound ? sound : mutate(sound, random)
      if (!isSound && bytes.length >= 61 && random.chance(0.85)) mend(bytes)
      return { bytes, isSound }
    },
    decode: ({ bytes }) => ({ summary: kit.validateBatch(bytes, 0, bytes.length, { maxDecompressedBytes: MAX_UNFOLDED }), batch: kit.readBatch(bytes, 0, bytes.length, { maxDecompressedBytes: MAX_UNFOLDED }) }),
    judge({ bytes }, { summary, batch }) {
      if (summary.count !== batch.records.length) return `counts ${summary.count} records, has ${batch.records.length}`
      const { header } = batch
      if (header.magic !== 2 || header.isControl || header.compression !== 'none' || header.count === 0 || header.deleteHorizonMs !== null) return null
      if (batch.records.some((each) => each.timestamp < -1)) return null
      const again = kit.buildBatch(batch.records.map((each) => ({ ...each, offsetDelta: each.offset - header.baseOffset })), {
        baseOffset: header.baseOffset, leaderEpoch: header.leaderEpoch, producerId: header.producerId, producerEpoch: header.producerEpoch, baseSequence: header.baseSequence,
        isTransactional: header.isTransactional, timestampType: header.timestampType, logAppendTime: header.maxTimestamp, lastOffsetDelta: header.lastOffsetDelta, maxTimestamp: header.maxTimestamp,
      })
      const second = kit.readBatch(again)
      const same = JSON.stringify(second.records) === JSON.stringify(batch.records)
      return same || bytes.length === 0 ? null : 'is not read again as it was written'
    },
    refused: ({ isSound }, error) => (isSound ? `refused although it is sound: ${error.message}` : null),
  }
  const mend = (bytes) => {
    const view = kit.viewOf(bytes)
    view.setInt32(8, bytes.length - 12)
    view.setUint32(17, kit.crc32c(bytes, 21, bytes.length))
  }
  const legacy = {
    name: 'messages v0 and v1', weight: 6,
    make(random) {
      const inner = Array.from({ length: random.int(3) }, (_, i) => message(random, i, random.int(2), 0, random.bytes(random.int(20))))
      const bytes = random.chance(0.4) ? message(random, 9, random.int(2), random.int(5), kit.compress(random.pick(['gzip', 'snappy', 'lz4']), Buffer.concat(inner))) : Buffer.concat(inner)
      return { bytes: mutate(bytes, random) }
    },
    decode({ bytes }) {
      const found = []
      for (let at = 0; at < bytes.length;) {
        const { header } = kit.validateBatch(bytes, at, bytes.length, { maxDecompressedBytes: MAX_UNFOLDED, checkCrc: false })
        found.push(header)
        at += header.size
      }
      return found
    },
    judge: ({ bytes }, headers) => (headers.reduce((sum, header) => sum + header.size, 0) === bytes.length ? null : 'sizes do not add up'),
  }
  return [v2, legacy]
}

/** An entry of magic 0 or 1. */
function message(random, offset, magic, attributes, value) {
  const key = random.chance(0.3) ? null : random.bytes(random.int(6))
  const bytes = Buffer.alloc(12 + 6 + (magic === 1 ? 8 : 0) + 8 + (key?.length ?? 0) + value.length)
  bytes.writeInt32BE(offset, 4)
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes[16] = magic
  bytes[17] = attributes
  const at = magic === 1 ? 26 : 18
  bytes.writeInt32BE(key === null ? -1 : key.length, at)
  if (key !== null) bytes.set(key, at + 4)
  bytes.writeInt32BE(value.length, at + 4 + (key?.length ?? 0))
  bytes.set(value, at + 8 + (key?.length ?? 0))
  return bytes
}

// ---- codecs -----------------------------------------------------------------------------------------------------------------------------------
function codecTargets(kit) {
  return ['gzip', 'snappy', 'lz4', 'zstd'].map((codec) => {
    const pool = []
    return {
      name: `${codec} frame`, weight: codec === 'gzip' ? 1 : 3,
      make(random) {
        if (pool.length < 40) pool.push(kit.compress(codec, random.chance(0.5) ? random.bytes(random.int(300)) : new Uint8Array(random.int(3000)).fill(random.int(4))).slice())
        const bytes = random.chance(0.1) ? splice(random.pick(pool), random.pick(pool), random) : mutate(random.pick(pool), random)
        return { bytes }
      },
      decode: ({ bytes }) => kit.decompress(codec, bytes, MAX_UNFOLDED),
      judge: (_, value) => (value.length <= MAX_UNFOLDED ? null : `unfolds to ${value.length} bytes, beyond the limit`),
    }
  })
}

// ---- files, records of the offsets topic, what clients exchange ---------------------------------------------------------------------------------
function smallTargets(kit) {
  const encoder = new TextEncoder()
  const name = (random) => random.pick(['t', 'truck_gps', 'a.b', ''])
  const target = (name, weight, make, decode, again) => ({
    name, weight,
    make: (random) => ({ bytes: random.chance(0.95) ? mutate(make(random), random) : make(random) }),
    decode: ({ bytes }) => decode(bytes),
    judge({ bytes }, value) {
      if (again === undefined) return null
      const written = again(value)
      return written === null || equal(written, bytes) || equal(again(decode(written)), written) ? null : `is not read again as it was written: ${hex(written)}`
    },
  })
  const snapshotEntry = (random) => ({
    producerId: random.int(1000), producerEpoch: random.int(9), lastSequence: random.int(99), lastOffset: random.int(9999), offsetDelta: random.int(9), timestamp: 1_700_000_000_000,
    coordinatorEpoch: random.int(3) - 1, currentTxnFirstOffset: random.chance(0.5) ? -1 : random.int(50),
  })
  const rowsOf = (random, fields) => Array.from({ length: random.int(4) }, () => Array.from({ length: fields }, (_, i) => (i === 0 && fields === 3 ? name(random) || 'x' : String(random.int(100)))).join(' '))
  const subscription = (random) => kit.encodeSubscription({
    topics: [name(random)], userData: random.chance(0.5) ? null : random.bytes(4), ownedPartitions: [{ topic: name(random), partitions: [random.int(9)] }], generationId: random.int(5), rackId: random.chance(0.5) ? null : 'r',
  }, random.int(4))
  return [
    target('producer snapshot', 3, (random) => kit.encodeSnapshot(Array.from({ length: random.int(4) }, () => snapshotEntry(random))), (bytes) => kit.decodeSnapshot(bytes, 'f'), kit.encodeSnapshot),
    target('offset checkpoint', 2, (random) => kit.formatCheckpoint(rowsOf(random, 3)), (bytes) => kit.parseCheckpoint(bytes, 'f', 3), (rows) => kit.formatCheckpoint(rows.map((row) => row.join(' ')))),
    target('leader epoch checkpoint', 2, (random) => kit.formatCheckpoint(rowsOf(random, 2)), (bytes) => kit.parseCheckpoint(bytes, 'f', 2), (rows) => kit.formatCheckpoint(rows.map((row) => row.join(' ')))),
    target('properties', 2, (random) => kit.formatProperties([['version', '0'], ['topic.id', name(random)], ['k\u00e9y', 'a\\=b']], 0), (bytes) => kit.parseProperties(bytes),
      (rows) => kit.formatProperties([...rows], 0)),
    target('subscription', 2, subscription, kit.decodeSubscription, (value) => kit.encodeSubscription(value)),
    target('assignment', 2, (random) => kit.encodeAssignment({ assignedPartitions: [{ topic: name(random), partitions: [random.int(9), 2] }], userData: null }), kit.decodeAssignment, (value) => kit.encodeAssignment(value)),
    target('sticky user data', 1, (random) => kit.encodeStickyUserData([{ topic: name(random), partition: random.int(9) }], random.int(9)), kit.decodeStickyUserData),
    target('scram message', 1, (random) => encoder.encode(`n,,n=${name(random)},r=${random.int(1e9)},s=QSXCR+Q6sek8bf92,i=4096`),
      (bytes) => kit.scramAttributes(Buffer.from(bytes).toString('utf8'))),
    ...recordTargets(kit),
  ]
}

/** Key and value of a coordinator record, told apart by a length in front. */
function recordTargets(kit) {
  const split = (bytes) => {
    const length = bytes.length === 0 ? 0 : Math.min(bytes[0], bytes.length - 1)
    return { key: bytes.subarray(1, 1 + length), value: bytes.subarray(1 + length) }
  }
  const joined = (key, value) => new Uint8Array([key.length, ...key, ...value])
  const samples = [
    joined(kit.encodeGroupKey(1, { group: 'g', topic: 't', partition: 1 }), kit.encodeGroupValue(1, 3, { offset: 5, leaderEpoch: 0, metadata: '', commitTimestamp: 7 })),
    joined(kit.encodeGroupKey(2, { group: 'g' }), kit.encodeGroupValue(2, 3, {
      protocolType: 'consumer', generation: 1, protocol: 'range', leader: 'm', currentStateTimestamp: 1,
      members: [{ memberId: 'm', groupInstanceId: null, clientId: 'c', clientHost: '/h', rebalanceTimeout: 1, sessionTimeout: 2, subscription: new Uint8Array(3), assignment: new Uint8Array(2) }],
    })),
    joined(kit.encodeTransactionKey({ transactionalId: 'x' }), kit.encodeTransactionValue(0, {
      producerId: 1, producerEpoch: 2, transactionTimeoutMs: 3, transactionStatus: 4, transactionPartitions: [{ topic: 't', partitionIds: [1] }], transactionLastUpdateTimestampMs: 5, transactionStartTimestampMs: 6,
    })),
    // The other record types: a prefix, and bytes to be read as they come.
    ...Array.from({ length: 18 }, (_, type) => joined(Uint8Array.of(0, type, 0, 1, 0x67, 0, 1, 0x74), Uint8Array.of(0, 0, 2, 0x61, 2, 1, 2, 3, 4, 0, 1, 1, 2, 0x62, 0, 0))),
  ]
  const target = (name, decode) => ({
    name, weight: 4,
    make: (random) => ({ bytes: mutate(random.pick(samples), random) }),
    decode: ({ bytes }) => decode(split(bytes).key, split(bytes).value),
    judge: () => null,
  })
  return [target('record of __consumer_offsets', kit.decodeGroupRecord), target('record of __transaction_state', kit.decodeTransactionRecord)]
}

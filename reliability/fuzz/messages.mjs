/**
 * Messages as bytes, from their field tables, by an emitter that shares nothing with the product's writer. With `lies`, some of what it emits is wrong or
 * odd in ways that only somebody who knows the layout comes upon: counts and lengths that are not so, nulls where none may be, varints longer than
 * they need be, tags that are unknown, repeated, out of order, at their default or of a wrong size, integers beyond ±(2^53−1), text that is no UTF-8.
 */
import { copyOf } from './mutate.mjs'

const LARGE = [0x7fffffff, 0x80000000, 0xffffffff, 0x10000000, 65_536, 32_768, 32_767, 1000, 127, 128]
const NO_TEXT = Uint8Array.of(0x61, 0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80)
const texts = ['', 'a', 'truck_gps', '__consumer_offsets', 'über', '🚀 rocket', 'a\0b', 'x'.repeat(130)].map((text) => new TextEncoder().encode(text))
const MAX_BYTES = 1 << 16

class Emitter {
  constructor(random, capacity = 4096) {
    this.random = random
    this.buffer = new Uint8Array(capacity)
    this.view = new DataView(this.buffer.buffer)
    this.length = 0
    this.lies = 0
    this.lied = false
    /** Elements that may still be emitted. */
    this.fuel = 0
  }

  begin(lies, fuel, room) {
    this.length = room
    this.buffer.fill(0, 0, room)
    this.lies = lies * 2 ** 32
    this.lied = false
    this.fuel = fuel
  }

  claim(length) {
    const start = this.length
    this.length += length
    if (this.length > this.buffer.length) {
      const grown = new Uint8Array(Math.max(this.length, this.buffer.length * 2))
      grown.set(this.buffer.subarray(0, start))
      this.buffer = grown
      this.view = new DataView(grown.buffer)
    }
    return start
  }

  lie() {
    if (this.random.uint32() >= this.lies) return false
    this.lied = true
    return true
  }

  byte(value) {
    const at = this.claim(1)
    this.buffer[at] = value
  }

  int16(value) {
    const at = this.claim(2)
    this.view.setInt16(at, value)
  }

  int32(value) {
    const at = this.claim(4)
    this.view.setInt32(at, value)
  }

  random32() { this.int32(this.random.chance(0.5) ? this.random.int(100) - 2 : this.random.uint32()) }

  int64() {
    const { random } = this
    const isLarge = this.lie()
    this.int32(isLarge ? random.uint32() : random.chance(0.5) ? 0 : random.chance(0.3) ? -1 : random.int(0x100000))
    this.int32(random.chance(0.5) ? -1 : random.uint32())
  }

  uvarint(value) {
    let left = value >>> 0
    while (left >= 0x80) {
      this.byte((left & 0x7f) | 0x80)
      left >>>= 7
    }
    if (left < 0x40 && this.lie()) {
      this.byte(left | 0x80)
      this.byte(0)
    } else this.byte(left)
  }

  raw(bytes) {
    const at = this.claim(bytes.length)
    this.buffer.set(bytes, at)
  }

  /** `isNull` null, else a length (or count), said truly or not. */
  size(length, isNull, isFlexible, isShort) {
    let said = isNull ? -1 : length
    if (this.lie()) said = this.random.chance(0.3) ? -1 : this.random.chance(0.5) ? this.random.pick(LARGE) : length + this.random.int(3) - 1
    if (isFlexible) this.uvarint(said + 1)
    else if (isShort) this.int16(said)
    else this.int32(said)
  }

  finish(length) { return copyOf(this.buffer.subarray(0, length)) }
}

const isIn = (range, version) => range !== null && version >= range.first && version <= range.last

/** Gives `{ bytes, lied }` with `room` zeros in front: what a correct reader must accept and write again byte for byte unless `lied`. */
export function messageMaker(random, fieldsOf, versionsOf) {
  const out = new Emitter(random)

  function struct(fields, version, isFlexible) {
    const tagged = []
    for (const field of fields) {
      if (!isIn(field.versions, version)) continue
      if (field.tag >= 0) tagged.push(field)
      else value(field, version, isFlexible)
    }
    if (isFlexible) tags(tagged, version)
  }

  function tags(tagged, version) {
    const present = tagged.filter(() => random.chance(0.4)).sort((a, b) => a.tag - b.tag)
    const extra = []
    if (out.lie()) extra.push(...Array.from({ length: random.int(4) }, () => null))
    if (present.length > 0 && out.lie()) extra.push(present[0])
    const all = [...present, ...extra]
    out.uvarint(out.lie() ? all.length + random.int(4) : all.length)
    for (const field of all) {
      out.uvarint(field === null ? random.int(300) : field.tag)
      const inner = new Emitter(random, 64)
      payload(inner, field, version)
      out.uvarint(out.lie() ? inner.length + random.int(5) - 2 : inner.length)
      out.raw(inner.buffer.subarray(0, inner.length))
    }
  }

  /** A tagged value that is not its default, by emitting into `inner` with the same rules. */
  function payload(inner, field, version) {
    if (field === null) return inner.raw(random.bytes(random.int(6)))
    const saved = { buffer: out.buffer, view: out.view, length: out.length }
    out.buffer = inner.buffer
    out.view = inner.view
    out.length = 0
    if (field.isArray) {
      out.size(1, false, true, false)
      element(field, version, true)
    } else if (field.type === 'struct') {
      if (isIn(field.nullable, version)) out.uvarint(1)
      nonDefaultStruct(field, version)
    } else scalarThatIsNot(field, version)
    Object.assign(inner, { buffer: out.buffer, view: out.view, length: out.length })
    Object.assign(out, saved)
  }

  /** All fields 7 or "a": no default of Kafka's. */
  function nonDefaultStruct(field, version) {
    for (const each of field.fields) if (isIn(each.versions, version) && each.tag < 0) scalarThatIsNot(each, version)
    out.uvarint(0)
  }

  function scalarThatIsNot(field, version) {
    switch (field.type) {
      case 'int8': return out.byte(7)
      case 'boolean': return out.byte(field.defaultValue === true ? 0 : 1)
      case 'int16': case 'uint16': return out.int16(7)
      case 'int32': return out.int32(7)
      case 'int64': case 'clamped64': out.int32(0); return out.int32(7)
      case 'float64': out.int32(0x40000000); return out.int32(0)
      case 'uuid': return out.raw(Uint8Array.from({ length: 16 }, (_, i) => i + 1))
      default: return field.isArray || field.type === 'struct' ? value(field, version, true) : (out.uvarint(2), out.byte(0x61))
    }
  }

  function value(field, version, isFlexible) {
    const isNullable = isIn(field.nullable, version)
    const isNull = isNullable && random.chance(0.25)
    if (field.isArray) {
      const most = random.chance(0.95) ? 3 : random.chance(0.95) ? 20 : 400
      const count = isNull ? 0 : Math.min(random.int(most + 1), out.fuel)
      out.fuel -= count
      out.size(count, isNull, isFlexible, false)
      for (let i = 0; i < count; i++) element(field, version, isFlexible)
      return
    }
    if (field.type === 'struct' && isNullable) {
      out.byte(isNull ? 0xff : 1)
      if (isNull) return
    }
    element(field, version, isFlexible, isNull)
  }

  function element(field, version, isFlexible, isNull = false) {
    switch (field.type) {
      case 'struct': return struct(field.fields, version, isFlexible)
      case 'int8': return out.byte(random.int(256))
      case 'boolean': return out.byte(out.lie() ? random.int(256) : random.int(2))
      case 'int16': case 'uint16': return out.int16(random.uint32())
      case 'int32': return out.random32()
      case 'int64': case 'clamped64': return out.int64()
      case 'float64': out.int32(out.lie() ? 0x7ff80001 : random.int(0x40000000)); return out.random32()
      case 'uuid': return out.raw(random.bytes(16))
      default: return sized(field, isFlexible, isNull)
    }
  }

  function sized(field, isFlexible, isNull) {
    const isText = field.type === 'string'
    const content = isNull ? texts[0] : isText ? (out.lie() ? NO_TEXT : random.pick(texts)) : random.bytes(random.int(random.chance(0.9) ? 12 : 300))
    out.size(content.length, isNull, isFlexible, isText)
    out.raw(content)
  }

  return function make(schema, version, lies, room) {
    out.begin(lies, 2000, room)
    struct(fieldsOf(schema), version, version >= versionsOf(schema).flexibleSince)
    if (out.length > MAX_BYTES) out.lied = true
    return { bytes: out.finish(Math.min(out.length, MAX_BYTES)), lied: out.lied }
  }
}

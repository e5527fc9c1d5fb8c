/** Changes to bytes that know nothing of their meaning. Each gives fresh bytes. */
const INTERESTING = [0, 1, 2, 0x7e, 0x7f, 0x80, 0x81, 0xfe, 0xff]
const LARGEST = 1 << 20

/** From the pool: memory of one's own costs more than the rest of an input. */
export function copyOf(bytes) {
  const copy = Buffer.allocUnsafe(bytes.length)
  copy.set(bytes)
  return copy
}

const kinds = [
  (bytes, random) => { bytes[random.int(bytes.length)] ^= 1 << random.int(8) },
  (bytes, random) => { bytes[random.int(bytes.length)] = random.pick(INTERESTING) },
  (bytes, random) => { bytes[random.int(bytes.length)] = random.int(256) },
  (bytes, random) => { for (let i = 0, at = random.int(bytes.length); i < 4 && at < bytes.length; i++, at++) bytes[at] = i === 0 ? random.pick([0, 0x7f, 0xff]) : 0xff },
  (bytes, random) => bytes.subarray(0, random.int(bytes.length)),
  (bytes, random) => cut(bytes, random.int(bytes.length), random.int(9)),
  (bytes, random) => insert(bytes, random.int(bytes.length + 1), random.bytes(random.int(9))),
  (bytes, random) => {
    const start = random.int(bytes.length)
    return insert(bytes, random.int(bytes.length + 1), bytes.subarray(start, start + random.int(40)))
  },
]

function cut(bytes, at, length) {
  const left = Buffer.allocUnsafe(bytes.length - Math.min(length, bytes.length - at))
  left.set(bytes.subarray(0, at))
  left.set(bytes.subarray(at + length), at)
  return left
}

function insert(bytes, at, more) {
  const grown = Buffer.allocUnsafe(bytes.length + more.length)
  grown.set(bytes.subarray(0, at))
  grown.set(more, at)
  grown.set(bytes.subarray(at), at + more.length)
  return grown
}

/** `bytes` with one to three changes; its own memory. */
export function mutate(original, random) {
  let bytes = copyOf(original)
  for (let left = 1 + random.int(3); left > 0 && bytes.length > 0; left--) bytes = random.pick(kinds)(bytes, random) ?? bytes
  return bytes.length > LARGEST ? bytes.subarray(0, LARGEST) : bytes
}

/** The first part of one and the last of the other. */
export function splice(a, b, random) {
  const head = a.subarray(0, random.int(a.length + 1))
  return insert(head, head.length, b.subarray(random.int(b.length + 1)))
}

/** A 53-bit hash of contents, to tell crash states apart. Quick, not cryptographic. */
export class StateHash {
  #a = 0x811c9dc5
  #b = 0x9e3779b9

  /** Adds a non-negative safe integer. */
  add(value: number): void {
    this.#addWord(value >>> 0)
    this.#addWord(Math.floor(value / 2 ** 32) >>> 0)
  }

  addString(text: string): void {
    this.#addWord(text.length)
    for (let i = 0; i < text.length; i++) this.#addWord(text.charCodeAt(i))
  }

  addBytes(bytes: Uint8Array): void {
    this.#addWord(bytes.length)
    let i = 0
    for (; i + 4 <= bytes.length; i += 4) {
      this.#addWord((bytes[i] as number) | ((bytes[i + 1] as number) << 8) | ((bytes[i + 2] as number) << 16) | ((bytes[i + 3] as number) << 24))
    }
    for (; i < bytes.length; i++) this.#addWord(bytes[i] as number)
  }

  digest(): number {
    const a = finish(this.#a ^ Math.imul(this.#b, 0x27d4eb2f))
    const b = finish(this.#b ^ Math.imul(this.#a, 0x165667b1))
    return (a & 0x1fffff) * 2 ** 32 + b
  }

  #addWord(word: number): void {
    const a = Math.imul(this.#a ^ word, 0x85ebca6b)
    const b = Math.imul(this.#b + word, 0xc2b2ae35)
    this.#a = (a << 13) | (a >>> 19)
    this.#b = (b << 17) | (b >>> 15)
  }
}

function finish(word: number): number {
  let h = word
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

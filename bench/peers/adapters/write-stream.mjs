/** `createWriteStream` with newline-separated values, as one would write a log by hand: 1 MiB high-water mark, read back by lines. */
import { createReadStream, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export function open(directory) {
  const path = join(directory, 'log.txt')
  const stream = createWriteStream(path, { highWaterMark: 1 << 20 })
  const line = (value) => Buffer.concat([value, Buffer.from('\n')])
  return {
    send: (value) => new Promise((resolve) => { stream.write(line(value), resolve) }),
    async bulk(count, value) {
      for (let i = 0; i < count; i += 1) if (!stream.write(line(value))) await new Promise((resolve) => { stream.once('drain', resolve) })
      await new Promise((resolve) => { stream.write('', resolve) })
    },
    async scan() {
      let seen = 0
      let bytes = 0
      for await (const text of createInterface({ input: createReadStream(path, { highWaterMark: 1 << 20 }), crlfDelay: Infinity })) { seen += 1; bytes += text.length }
      return { seen, bytes }
    },
    close: () => new Promise((resolve) => { stream.end(resolve) }),
  }
}

import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { systemScheduler } from '../common/scheduler.ts'
import { receive } from './static-receive.ts'

const turn = (): Promise<void> => new Promise((resolve) => { systemScheduler.soon(resolve) })
const opened: { close(): void }[] = []
afterEach(() => { for (const each of opened.splice(0)) each.close() })

/** A server that hands over each socket that it accepts, and a client of it. */
async function accepted(join: (socket: Socket) => void, prepare: (socket: Socket) => void = () => {}): Promise<Socket> {
  const server: Server = createServer({ noDelay: true }, (socket) => {
    prepare(socket)
    join(socket)
    opened.push({ close: () => socket.destroy() })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  opened.push({ close: () => { client.destroy(); server.close() } })
  await new Promise<void>((resolve) => { client.once('connect', resolve) })
  return client
}

test('this Node reads what comes in into one buffer, whichever socket it comes on', async () => {
  const buffers = new Set<ArrayBufferLike>()
  const got: string[] = []
  for (const name of ['a', 'b']) {
    const client = await accepted((socket) => {
      expect(receive(socket, (chunk) => {
        buffers.add(chunk.buffer)
        got.push(Buffer.from(chunk).toString())
      })).toBe(true)
    })
    for (const part of [1, 2]) {
      const before = got.length
      client.write(`${name}${part}`)
      while (got.length === before) await turn()
    }
  }
  expect([got, buffers.size]).toEqual([['a1', 'a2', 'b1', 'b2'], 1])
})

test.each([['into one buffer', true], ['by data events where Node does not offer it', false]])('every byte comes, in order, pauses or not, and the end: %s', async (_, isStatic) => {
  const hash: number[] = []
  let count = 0
  let ended = false
  let server: Socket | null = null
  const client = await accepted((socket) => {
    server = socket
    expect(receive(socket, (chunk) => {
      for (let i = 0; i < chunk.length; i += 4093) hash.push(chunk[i]! ^ ((count + i) * 7 & 255))
      count += chunk.length
      socket.pause()
      systemScheduler.soon(() => socket.resume())
    })).toBe(isStatic)
    socket.once('end', () => { ended = true })
  }, (socket) => { if (!isStatic) Object.assign((socket as unknown as { _handle: object })._handle, { useUserBuffer: null }) })
  const bytes = Buffer.from(Uint8Array.from({ length: 3_000_000 }, (_, i) => i * 7 & 255))
  client.end(bytes)
  while (!ended) await turn()
  expect([count, hash.every((each) => each === 0), server!.readableEnded]).toEqual([bytes.length, true, true])
})

test('nothing is read while the socket is paused', async () => {
  let count = 0
  let socket: Socket | null = null
  const client = await accepted((each) => {
    socket = each
    receive(each, (chunk) => { count += chunk.length })
    each.pause()
  })
  let written = 0
  const chunk = Buffer.alloc(1_000_000)
  while (client.write(chunk) || written < 20) written += 1
  for (let i = 0; i < 50; i++) await turn()
  expect(count).toBe(0)
  expect(client.writableLength).toBeGreaterThan(0)
  socket!.resume()
  while (client.writableLength > 0) await turn()
  expect(count).toBeGreaterThan(10_000_000)
})

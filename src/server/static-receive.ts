/**
 * What comes in on sockets, read into one buffer for all of them, as each chunk is done with before the next is read: fresh memory for every read cost a
 * quarter of the CPU time of producing (docs/adr/0021).
 *
 * Node has this for sockets that one connects (`onread`), but not for those that a server accepts. What that option sets is set here on the accepted socket,
 * where it was not read from yet; where it is not found (TLS, a Node that has changed), `data` events bring the same chunks in fresh memory.
 */
import type { Socket } from 'node:net'

const BUFFER_BYTES = 262_144
let buffer: Uint8Array | null = null

/** What Node keeps on a socket for `onread`. */
interface Slots { readonly buffer: symbol; readonly callback: symbol }
let slots: Slots | null | undefined

function findSlots(socket: object): Slots | null {
  const symbols = Object.getOwnPropertySymbols(socket)
  const [buffer, callback] = ['kBuffer', 'kBufferCb'].map((name) => symbols.find(({ description }) => description === name))
  return buffer === undefined || callback === undefined ? null : { buffer, callback }
}

/** `take` gets every chunk, in memory that is its own only until it returns. True: in the one buffer. To be called when the socket was just accepted. */
export function receive(socket: Socket, take: (chunk: Uint8Array) => void): boolean {
  const { _handle: handle } = socket as { _handle?: { useUserBuffer?: (buffer: Uint8Array) => void } | null }
  if (slots === undefined) slots = findSlots(socket)
  if (slots === null || 'encrypted' in socket || typeof handle?.useUserBuffer !== 'function') {
    socket.on('data', take)
    return false
  }
  buffer ??= Buffer.allocUnsafeSlow(BUFFER_BYTES)
  Object.assign(socket, {
    [slots.buffer]: buffer,
    [slots.callback]: (count: number, bytes: Uint8Array): boolean => {
      take(bytes.subarray(0, count))
      return true
    },
  })
  handle.useUserBuffer(buffer)
  socket.resume()
  return true
}

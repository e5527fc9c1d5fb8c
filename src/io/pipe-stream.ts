/** Reads a named pipe without a thread: read as a file, it would hold one until somebody writes, and with it the end of the process. */
import { constants, openSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'

/** Waits for a writer on Linux only: elsewhere a pipe that nobody has opened yet looks like one that has ended. */
export function openPipe(path: string): Readable {
  return new Socket({ fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK), readable: true, writable: false })
}

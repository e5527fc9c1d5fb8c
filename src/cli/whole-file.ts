/** Reads files that options name. */
import { createReadStream, readFileSync, statSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { openPipe } from '../tools.ts'
import { UsageError } from './command.ts'

const signals = ['SIGINT', 'SIGTERM'] as const

/** A pipe may have to be waited for, which nothing could end as long as signals are for this program to answer: there is nothing yet that they would have to spare. */
export function wholeFile(file: string): Buffer {
  const listeners = signals.map((signal) => process.listeners(signal))
  try {
    for (const signal of signals) process.removeAllListeners(signal)
    return readFileSync(file)
  } finally {
    signals.forEach((signal, i) => { for (const listener of listeners[i]!) process.on(signal, listener) })
  }
}

/** Raises UsageError. */
export async function fileStream(file: string): Promise<Readable> {
  try {
    const stat = statSync(file)
    if (stat.isDirectory()) throw new UsageError(`--file ${file} is a directory: give a file, or pipe "tar c ${file}" in with --raw`)
    return stat.isFIFO() && process.platform === 'linux' ? await openPipe(file) : createReadStream(file)
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(`--file: ${error instanceof Error ? error.message : String(error)}`)
  }
}

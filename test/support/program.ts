/** Programs of the system that tests drive, and whether they are there. */
import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

export function isInstalled(program: string): boolean { return spawnSync(program, ['-V'], { stdio: 'ignore' }).error === undefined }

export interface Ran { readonly code: number | null; readonly out: string; readonly error: string }

/** The lines of a stream, growing as they come, `onLine` after each; a line counts when its end has come: programs write in pieces. */
export function growingLines(stream: Readable, onLine = (): void => {}): readonly string[] {
  const lines: string[] = []
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => { lines.push(line); onLine() })
  return lines
}

/** Runs a program to its end, fed with `input`. */
export function run(program: string, args: readonly string[], input: string | Uint8Array = ''): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args)
    const out: Buffer[] = []
    const error: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => error.push(chunk))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, out: Buffer.concat(out).toString(), error: Buffer.concat(error).toString() }))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

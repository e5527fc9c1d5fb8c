/**
 * kill -9 with the oracle in another process: whatever a killed writer had reported as acknowledged is in the files, once, at its offset,
 * read by a reader that shares no code with the product; what else is there is a gapless run of what was attempted, in order.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { readPartition } from '../../reliability/lib/raw-reader.mjs'

const CYCLES = Number(process.env['OTTLA_KILL_CYCLES'] ?? 25)
const SEED = Number(process.env['OTTLA_SEED'] ?? 20261121)
const scratch: string[] = []
afterEach(() => { for (const directory of scratch.splice(0)) rmSync(directory, { recursive: true, force: true }) })

interface Ack { readonly producer: number; readonly sequence: number; readonly partition: number; readonly offset: number }

function parseAck(line: string): Ack {
  const [, producer, sequence, partition, offset] = line.split(' ').map(Number)
  return { producer: producer!, sequence: sequence!, partition: partition!, offset: offset! }
}

/** Starts the writer, kills it `delay` turns of its output after the first ack, and returns what it acknowledged. */
function runAndKill(directory: string, first: number, seed: number, acksBeforeKill: number): Promise<Ack[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'writer.mjs'), directory, String(first), String(seed)], { stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''
    let errors = ''
    let killed = false
    child.stderr.on('data', (chunk: Buffer) => { errors += chunk.toString() })
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (!killed && (text.match(/\n/g) ?? []).length > acksBeforeKill) { killed = true; child.kill('SIGKILL') }
    })
    child.on('close', () => {
      if (!killed) { reject(new Error(`the writer ended by itself: ${errors}`)); return }
      const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n').filter((l) => l.startsWith('ack '))
      resolve(lines.map(parseAck))
    })
  })
}

function verify(directory: string, acked: ReadonlyMap<string, Ack>): string[] {
  const problems: string[] = []
  const found = new Map<string, { partition: number; offset: number }>()
  for (const partition of [0, 1]) {
    const raw = readPartition(join(directory, `k-${partition}`))
    problems.push(...raw.problems.filter((p) => !p.includes('torn')))
    const lastSequence = new Map<number, number>()
    for (const record of raw.batches.flatMap((b) => b.records)) {
      const [producer, sequence] = String(record.value).split(':').map(Number) as [number, number]
      const id = `${producer}:${sequence}`
      if (String(record.value) !== `${producer}:${sequence}:${'x'.repeat(sequence % 300)}`) problems.push(`offset ${record.offset} holds ${String(record.value).slice(0, 40)}`)
      if (found.has(id)) problems.push(`${id} is there twice`)
      const before = lastSequence.get(producer)
      if (before !== undefined && sequence !== before + 1 && sequence % 1_000_000 !== 0) problems.push(`producer ${producer}: ${sequence} follows ${before}`)
      lastSequence.set(producer, sequence)
      found.set(id, { partition, offset: record.offset })
    }
  }
  for (const [id, ack] of acked) {
    const at = found.get(id)
    if (at === undefined) problems.push(`acknowledged ${id} at ${ack.partition}/${ack.offset} is lost`)
    else if (at.partition !== ack.partition || at.offset !== ack.offset) problems.push(`acknowledged ${id} moved from ${ack.offset} to ${at.offset}`)
  }
  return problems
}

test(`no acknowledged record is lost, doubled or moved by kill -9 (${CYCLES} cycles)`, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ottla-kill-'))
  scratch.push(directory)
  const acked = new Map<string, Ack>()
  let seed = SEED
  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    const acks = await runAndKill(directory, cycle * 1_000_000, seed, seed % 400)
    for (const ack of acks) acked.set(`${ack.producer}:${ack.sequence}`, ack)
    expect(verify(directory, acked), `SEED=${SEED} cycle ${cycle}`).toEqual([])
  }
  expect(acked.size).toBeGreaterThan(CYCLES * 20)
}, 600_000)

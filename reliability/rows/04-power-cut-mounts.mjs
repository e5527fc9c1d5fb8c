/**
 * Row 4: power cuts on real file systems (spec 4c). The writer of row 1, LMDB included, on an ext4 or XFS image behind a loop device. A cut: SIGSTOP until every
 * thread stands, the pipe of acknowledgements drained, in half of the cases some random pages of random files written back, and then FS_IOC_SHUTDOWN without
 * a flush of the journal: everything that is not on the device is gone. In a fifth of the cases the process goes on afterwards on the dead disk: what it
 * acknowledges then must be there too. After unmount and mount the directory is opened twice and judged from its raw bytes; `acks=all` must be there,
 * committed offsets, made and deleted topics too, a segment must have no holes, and the second open changes no byte.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { KernelCalls, missing, mount, must, scratchFolder, unmount } from '../lib/mounts.mjs'
import { addCounts, differences, hashOf, Oracle } from '../lib/oracle.mjs'
import { Random } from '../lib/random.mjs'
import { randomProfile } from '../lib/swarm.mjs'
import { WriterPool } from '../lib/writer-process.mjs'

export const row = { id: 4, name: 'power cut on ext4 and XFS', lane: 1, floor: { count: 60, unit: 'power cuts' }, seconds: 40 }

const MAX_VIOLATIONS = 5
const CYCLES_PER_DATABASE = 4
const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })

/** Weights: ext4 as people have it comes twice as often. */
const profiles = [
  { name: 'ext4', make: 'mkfs.ext4', size: '64M', options: 'loop' }, { name: 'ext4', make: 'mkfs.ext4', size: '64M', options: 'loop' },
  { name: 'ext4 data=writeback', make: 'mkfs.ext4', size: '64M', options: 'loop,data=writeback' },
  { name: 'ext4 data=journal', make: 'mkfs.ext4', size: '64M', options: 'loop,data=journal' },
  { name: 'ext4 nodelalloc', make: 'mkfs.ext4', size: '64M', options: 'loop,nodelalloc' },
  { name: 'ext4 data=writeback,nodelalloc', make: 'mkfs.ext4', size: '64M', options: 'loop,data=writeback,nodelalloc' },
  { name: 'xfs', make: 'mkfs.xfs', size: '320M', options: 'loop' },
]

class PowerCuts {
  count = 0
  acked = 0
  faults = { 'pages written back': 0, 'went on afterwards': 0 }
  perFileSystem = {}
  /** Directories with a hole of records that nobody was promised. */
  holes = 0
  databases = 0
  violations = []
  codecs = {}
  unavailable = new Set()

  constructor(dist) {
    this.pool = new WriterPool(dist)
    this.kernel = new KernelCalls()
    this.folder = scratchFolder('row4')
    this.mountPoint = join(this.folder, 'mnt')
    mkdirSync(this.mountPoint)
  }

  note(seed, profile, problems) { this.violations.push(...problems.slice(0, MAX_VIOLATIONS).map((each) => `seed ${seed} on ${profile.name}: ${each}`)) }

  image(profile) {
    const template = join(this.folder, `${profile.make}.template`)
    if (!existsSync(template)) {
      must('truncate', '-s', profile.size, template)
      must(profile.make, '-q', template)
    }
    const image = join(this.folder, 'image')
    rmSync(image, { force: true })
    must('cp', '--sparse=always', template, image)
    return image
  }

  async database(seed, isOver) {
    const random = new Random(seed)
    const profile = random.pick(profiles)
    if (this.unavailable.has(profile.make)) return
    const image = this.image(profile)
    const settings = randomProfile(random, { power: true })
    const oracle = new Oracle(settings, 'power')
    const directory = join(this.mountPoint, 'db')
    this.databases += 1
    mount(image, this.mountPoint, '-o', profile.options)
    try {
      for (let cycle = 0; cycle < CYCLES_PER_DATABASE && !isOver(); cycle++) {
        const before = this.violations.length
        await this.cycle({ seed, random, profile, image, settings, oracle, directory, cycle })
        if (this.violations.length > before) break
      }
    } finally {
      this.acked += oracle.acks
      addCounts(this.codecs, oracle.codecs)
      await this.writer?.kill()
      unmount(this.mountPoint)
    }
  }

  async cycle({ seed, random, profile, image, settings, oracle, directory, cycle }) {
    const writer = this.writer = await this.pool.take()
    writer.onLine = (line) => oracle.take(line)
    writer.send({ type: 'write', directory, seed: seed * 100 + cycle, first: cycle * 1_000_000, check: 0, ...settings })
    // Some cuts come while it opens or makes its topics.
    if (random.chance(0.1)) await writer.line('opening')
    else await writer.line('writing')
    const enough = random.int(200)
    const end = performance.now() + (random.chance(0.4) ? random.int(60) : 600)
    for (const before = oracle.acks; oracle.acks - before < enough && performance.now() < end && !writer.isEnded;) await wait(1)
    if (writer.isEnded) {
      this.note(seed, profile, [`cycle ${cycle}: the writer ended: ${(await writer.ended).errors}`])
      return
    }
    await writer.freeze()
    await writer.drain()
    if (random.chance(0.5)) await this.writeBack(directory, random)
    const answer = await this.kernel.cut(this.mountPoint, 2)
    if (answer !== 'ok') throw new Error(`the cut did not happen: ${answer}`)
    if (random.chance(0.2)) {
      writer.child.kill('SIGCONT')
      await wait(60)
      this.faults['went on afterwards'] += 1
    }
    await writer.kill()
    this.count += 1
    this.perFileSystem[profile.name] = (this.perFileSystem[profile.name] ?? 0) + 1
    unmount(this.mountPoint)
    const evidence = process.env.OTTLA_KEEP_IMAGE
    if (evidence !== undefined) cpSync(image, evidence)
    mount(image, this.mountPoint, '-o', profile.options)
    await this.judge(seed, profile, oracle, directory)
  }

  /** Any page may have reached the disk: that the kernel had not been told to write them says nothing. */
  async writeBack(directory, random) {
    if (!existsSync(directory)) return
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).sort()
    for (const file of files.filter(() => random.chance(0.4))) {
      const pages = Array.from({ length: Math.ceil(statSync(file).size / 4096) }, (_, i) => i).filter(() => random.chance(0.5))
      if (pages.length > 0 && await this.kernel.writeBack(file, pages) === 'ok') this.faults['pages written back'] += pages.length
    }
  }

  async judge(seed, profile, oracle, directory) {
    const writer = this.writer = await this.pool.take()
    writer.onLine = (line) => oracle.take(line)
    writer.send({ type: 'check', directory, times: 2 })
    let first
    for (const round of [1, 2]) {
      const line = await writer.line('closed')
      if (line !== 'closed') {
        this.note(seed, profile, [`it does not open again: ${line ?? (await writer.ended).errors}`])
        break
      }
      const state = hashOf(directory)
      if (round === 1) {
        first = state
        const { violations, holes } = oracle.judge(directory, { recovered: true })
        if (holes > 0) this.holes += 1
        this.note(seed, profile, violations)
      } else if (state.hash !== first.hash) this.note(seed, profile, [`the second open changed ${differences(first, state).join(', ')}`])
      writer.send('go')
    }
    await writer.kill()
  }

  async close() {
    await this.pool.close()
    this.kernel.close()
  }
}

export async function run({ slice, seed, deadline, report, dist }) {
  const lacking = missing(['mkfs.ext4', 'python3'])
  if (lacking !== null) return { count: 0, unit: row.floor.unit, acked: 0, faults: {}, violations: [], skipped: lacking, details: {} }
  const cuts = new PowerCuts(dist)
  if (missing(['mkfs.xfs']) !== null) cuts.unavailable.add('mkfs.xfs')
  // A slow machine gets more time, not fewer cuts.
  const isOver = () => cuts.violations.length >= MAX_VIOLATIONS || (slice === 'ci' ? cuts.count >= row.floor.count || deadline() < -3 * row.seconds * 1000 : deadline() <= 0)
  let next = seed
  let told = 0
  try {
    while (!isOver()) {
      await cuts.database(next++, isOver)
      if (cuts.count - told >= 50) report(`${told = cuts.count} cuts, ${cuts.acked} acknowledged, ${JSON.stringify(cuts.faults)}, ${cuts.violations.length} violations`)
    }
  } finally {
    await cuts.close()
  }
  const { count, acked, faults, violations, databases, perFileSystem } = cuts
  if (cuts.unavailable.size > 0) report('SKIPPED: XFS (no mkfs.xfs)')
  const details = { seedTo: next - 1, databases, perFileSystem, holes: cuts.holes, left: [...cuts.unavailable], batchesByCodec: cuts.codecs }
  return { count, unit: row.floor.unit, acked, faults: { 'power cut': count, ...faults }, violations, details }
}

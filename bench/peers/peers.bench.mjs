/**
 * Ottla beside what a Node engineer would take instead, at the same promise, each in a process of its own (targets 7–9, 12–15 and 18). Rows without
 * a goal tell what there is. Redis and NATS are servers behind a socket: compared where their programs are found.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { interleave, row } from '../lib/measure.mjs'
import { missing, missingDurable } from './servers/server.mjs'

function measure(job) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, 'peer.mjs'), JSON.stringify(job)], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${job.peer} ${job.workload}: ${stderr.trim().split('\n').slice(-3).join(' ')}`)
  return Number(stdout)
}

const sizes = [['100 B', 100], ['1 KB', 1000]]
const servers = ['redis', 'nats']
/** Records of one bulk measurement. Those that goals compare write equally much: fresh memory for the files costs more than they do, and more of it costs more. */
const bulk = {
  ottla: 1_000_000, sqlite: 1_000_000, lmdb: 1_000_000, 'classic-level': 150_000, 'append-only-log': 200_000, 'write-stream': 300_000, hypercore: 15_000, redis: 60_000, nats: 30_000,
}
/** Of one scan, where half of the above is read in no time. */
const scan = { nats: 60_000 }
/** Records of a durable one by one. */
const durableBulk = { ottla: 500_000, sqlite: 500_000, lmdb: 500_000, 'classic-level': 150_000, redis: 60_000, nats: 1500 }

/** `syncing`: those of the peers that can have an acknowledgement wait for the disk. */
function jobsOf(peers, syncing) {
  const jobs = {}
  const add = (name, job) => { if ((job.durable ? syncing : peers).includes(job.peer)) jobs[name] = () => measure(job) }
  for (const [label, size] of sizes) {
    const scale = size === 100 ? 1 : 0.3
    for (const [peer, count] of Object.entries(bulk)) {
      add(`bulk ${label} ${peer}`, { peer, workload: 'bulk', durable: false, size, count: count * scale })
      add(`scan ${label} ${peer}`, { peer, workload: 'scan', durable: false, size, count: scan[peer] === undefined ? count * scale / 2 : scan[peer] * scale })
    }
    for (const [peer, count] of Object.entries(durableBulk)) add(`durable bulk ${label} ${peer}`, { peer, workload: 'bulk', durable: true, size, count: count * scale })
    for (const [senders, count] of [[1, 2000], [64, 50_000], [1024, 250_000]]) {
      const job = { workload: 'loop', durable: true, size, count: count * (senders === 1 ? 1 : scale), senders }
      const inProcess = { ...job, warmUp: senders === 1 ? 0 : 100_000 }
      for (const peer of ['ottla', 'lmdb']) add(`durable ${senders} ${label} ${peer}`, { peer, ...inProcess })
      add(`durable ${senders} ${label} redis`, { peer: 'redis', ...job, count: Math.min(job.count, 30_000) })
      if (senders > 1) add(`durable ${senders} ${label} nats`, { peer: 'nats', ...job, count: 3000 })
      if (senders > 1) add(`durable ${senders} ${label} sqlite grouped`, { peer: 'sqlite', ...inProcess, workload: 'group' })
    }
    add(`durable 1 ${label} sqlite`, { peer: 'sqlite', workload: 'loop', durable: true, size, count: 3000, senders: 1 })
    add(`durable 1 ${label} classic-level`, { peer: 'classic-level', workload: 'loop', durable: true, size, count: 2000, senders: 1 })
    add(`durable 1 ${label} nats`, { peer: 'nats', workload: 'loop', durable: true, size, count: 500, senders: 1 })
  }
  return jobs
}

/** By size: must and stretch of ours divided by the peer's. */
const goals = {
  'bulk sqlite': { '100 B': [3.5, 5], '1 KB': [4, 7] },
  'bulk lmdb': { '100 B': [3, 5], '1 KB': [2, 3] },
  'durable bulk sqlite': { '100 B': [3, 5], '1 KB': [3, 5] },
  'durable bulk lmdb': { '100 B': [1.5, 2.5], '1 KB': [1.5, 2.5] },
  'durable 64 sqlite grouped': { '100 B': [0.6, 1], '1 KB': [0.6, 1] },
  'durable 1024 sqlite grouped': { '100 B': [1.3, 2], '1 KB': [1.3, 2] },
  'durable 64 lmdb': { '100 B': [1.3, 2], '1 KB': [1.3, 2] },
  'durable 1024 lmdb': { '100 B': [1.8, 3], '1 KB': [1.8, 3] },
  'scan sqlite': { '100 B': [5, 9] },
  'scan lmdb': { '100 B': [3, 5] },
}
/** Against one transaction per record; only where the disk's sync is as slow as it was where the goals were set. */
const perTransaction = { 64: { '100 B': [18, 30], '1 KB': [18, 30] }, 1024: { '100 B': [100, 180], '1 KB': [50, 80] } }
const SLOW_SYNC = 9000

export async function run({ rounds }) {
  const absent = servers.filter((server) => missing(server) !== null)
  for (const server of absent) console.error(`SKIPPED rows against ${server}: ${missing(server)}`)
  const peers = Object.keys(bulk).filter((peer) => !absent.includes(peer))
  const reasons = new Map(peers.map((peer) => [peer, missingDurable(peer)]))
  for (const [peer, reason] of reasons) if (reason !== null) console.error(`SKIPPED durable rows against ${peer}: ${reason}`)
  // Each has a process of its own, and warms up there.
  const figures = await interleave(jobsOf(peers, peers.filter((peer) => reasons.get(peer) === null)), rounds, { warmUp: false })
  const rows = []
  for (const [label] of sizes) {
    for (const workload of ['bulk', 'durable bulk', 'durable 1', 'durable 64', 'durable 1024', 'scan']) {
      const ours = figures[`${workload} ${label} ottla`]
      for (const peer of Object.keys(figures).filter((name) => name.startsWith(`${workload} ${label} `)).map((name) => name.slice(workload.length + label.length + 2)).filter((peer) => peer !== 'ottla')) {
        const [must, stretch] = goals[`${workload} ${peer}`]?.[label] ?? []
        rows.push(row({ name: `${workload} ${label}, against ${peer}`, unit: 'rec/s', figures: ours, yardsticks: figures[`${workload} ${label} ${peer}`], yardstickName: peer, must, stretch }))
      }
    }
    const single = figures[`durable 1 ${label} sqlite`]
    for (const senders of [64, 1024]) {
      const slow = single.every((rate) => rate <= SLOW_SYNC)
      const [must, stretch] = slow ? perTransaction[senders][label] : []
      rows.push(row({ name: `durable ${senders} ${label}, against sqlite, a commit each`, unit: 'rec/s', figures: figures[`durable ${senders} ${label} ottla`], yardsticks: single, yardstickName: 'sqlite', must, stretch }))
    }
  }
  return rows
}

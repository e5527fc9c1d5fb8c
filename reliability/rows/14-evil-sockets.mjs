/**
 * Row 14: sockets that mean harm, beside a client that does not (spec/reliability 3.1, 3.4). A real `ottla serve` is attacked from many addresses of loopback:
 *
 *   slow       connections that say nothing, a half length, a byte of a request now and then, or begin a second request and let it lie
 *   heads      lengths of 2 GiB and below zero (refused at once), of 100 MiB with little behind them (no memory for what has not come)
 *   flood      connections that come and go without a word; a reconnect storm: connect, ask, go; TLS handshakes begun and dropped
 *   unread     fetches of everything, over and over, whose answers nobody reads
 *   strays     HTTP, TLS on a plain port, noise
 *
 * Judged: every operation of the good client succeeds, what was acknowledged is there once, its group is never disturbed, its connections never drop; its
 * latency is a small multiple of its own in calm (before and after); the server's memory stays within its bounds; sockets that do not keep the deadlines
 * are closed by the server.
 *
 * CI: 1,000 slow sockets. Long: 10,000, rounds until the time is over.
 */
import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { connect as connectTls } from 'node:tls'
import { apiVersions, fetch, i32, request } from '../lib/frames.mjs'
import { Random } from '../lib/random.mjs'
import { startServer } from '../lib/served.mjs'

export const row = { id: 14, name: 'slow sockets, floods, readers that do not read', lane: 1, floor: { count: 2_000, unit: 'evil sockets' }, seconds: 25 }

const root = resolve(import.meta.dirname, '../..')
const FIRST_FRAME_MS = 10_000
const FRAME_MS = 30_000
/** Sweeps come once a second; a loaded machine is given as much again. */
const SLACK_MS = 4_000
/** What answers that nobody reads may take at the very most (docs/serve.md: twice 128 MiB), and what anything else may. */
const ANSWERS_MIB = 256
const MORE_MIB = 64
/** What a slow socket may take, beside what the server grows by when it has work for the first time. */
const SOCKET_KIB = 8
const WARM_MIB = 32
const UNREAD = 60
/** A turn of the scheduler on a machine that has other work. */
const NOISE_MS = 50
/** How much slower a flood may make the good client, whose processors it shares. */
const FLOOD_TIMES = 5
const PER_SECOND = 400

const sleep = (ms) => new Promise((done) => { setTimeout(done, ms) })

/** One connection that means harm: knows whether it is open, and how it ended. */
class Evil {
  openedAt = performance.now()
  closedAt = Infinity

  constructor(socket, kind) {
    this.socket = socket
    this.kind = kind
    socket.on('error', () => {})
    socket.once('close', () => { this.closedAt = performance.now() })
  }

  get isClosed() { return this.closedAt !== Infinity }
  get livedMs() { return this.closedAt - this.openedAt }
}

class Attack {
  count = 0
  #address = 0
  #open = new Set()

  constructor(server, random) {
    this.server = server
    this.random = random
  }

  /** From the next address of 127.0.1.0/24. */
  connect(kind, port = this.server.ports[0]) {
    this.count += 1
    this.#address = (this.#address + 1) % 250
    const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.1.${this.#address + 1}`, noDelay: true })
    const evil = new Evil(socket, kind)
    this.#open.add(evil)
    socket.once('close', () => this.#open.delete(evil))
    return evil
  }

  /** `count` connections, a hundred at once, each with what `begin` makes of it. */
  async open(count, kind, begin) {
    const all = []
    for (let at = 0; at < count; at += 100) {
      const some = Array.from({ length: Math.min(100, count - at) }, () => this.connect(kind))
      await Promise.all(some.map(({ socket }) => new Promise((done) => { socket.once('connect', done); socket.once('close', done) })))
      for (const evil of some) {
        evil.openedAt = performance.now()
        begin(evil)
      }
      all.push(...some)
    }
    return all
  }

  /** Something at an even rate while `work` lasts. */
  async during(work, perSecond, act) {
    let isOver = false
    let done = 0
    const began = performance.now()
    const timer = setInterval(() => {
      // Catches up by at most a tenth of a second.
      const due = Math.min((performance.now() - began) / 1000 * perSecond, done + perSecond / 10)
      for (; !isOver && done < due; done++) act()
    }, 10)
    try {
      return await work()
    } finally {
      isOver = true
      clearInterval(timer)
    }
  }

  end() { for (const { socket } of this.#open) socket.destroy() }
}

/** The good client, in its own process. */
class Good {
  constructor(broker, topic) {
    this.child = fork(join(root, 'reliability/lib/good-client.mjs'), [broker, topic], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  }

  /** The next word of it; null when it ended, or had nothing to say for a minute. */
  hear() {
    return new Promise((done) => {
      const timer = setTimeout(() => end(null), 60_000)
      const gone = () => end(null)
      const end = (word) => {
        clearTimeout(timer)
        this.child.off('message', end).off('exit', gone)
        done(word)
      }
      this.child.once('message', end).once('exit', gone)
    })
  }

  ask(message) {
    const answer = this.hear()
    this.child.send(message)
    return answer
  }
}

const firstRequest = apiVersions()
const longRequest = request(18, 0, Buffer.alloc(4000))

const slowKinds = {
  silent: () => {},
  'half a length': ({ socket }) => { socket.write(Buffer.from([0, 0])) },
  'a byte at a time': (evil) => { drip(evil, longRequest, 0) },
  'a second request a byte at a time': (evil) => {
    evil.socket.write(firstRequest)
    drip(evil, longRequest, 0)
  },
  'a head of 100 MiB': ({ socket }) => { socket.write(Buffer.concat([i32(104_857_600), firstRequest.subarray(4), Buffer.alloc(2000)])) },
}

/** A byte each second. */
function drip(evil, bytes, at) {
  if (evil.isClosed) return
  evil.socket.write(bytes.subarray(at, at + 1))
  setTimeout(() => drip(evil, bytes, at + 1), 1000).unref()
}

const strays = (random) => random.pick([
  i32(2 ** 31 - 1), i32(-1), i32(104_857_601), Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]),
  Buffer.concat([i32(12), Buffer.alloc(12, 0xff)]), Buffer.concat([i32(4), Buffer.alloc(4)]), request(77, 0), request(3, 99),
])

/** The windows of one round, each with the good client at work; what they did to it is judged by the calm ones. */
const windows = {
  'connection flood': ({ attack, measure }) => attack.during(measure, PER_SECOND, () => {
    const { socket } = attack.connect('flood')
    socket.once('connect', () => socket.resetAndDestroy())
  }),
  'reconnect storm': ({ attack, measure }) => attack.during(measure, PER_SECOND, () => {
    const { socket } = attack.connect('reconnect')
    socket.write(firstRequest)
    socket.once('data', () => socket.resetAndDestroy())
  }),
  'TLS handshake flood': ({ attack, measure, server }) => attack.during(measure, PER_SECOND / 2, () => {
    const { socket } = attack.connect('handshake', server.ports[1])
    socket.once('connect', () => {
      const tls = connectTls({ socket, rejectUnauthorized: false })
      tls.on('error', () => {})
      if (attack.random.chance(0.5)) socket.once('data', () => socket.resetAndDestroy())
      else tls.once('secureConnect', () => socket.resetAndDestroy())
    })
  }),
  strays: ({ attack, measure, state }) => attack.during(measure, PER_SECOND, () => {
    const evil = attack.connect('stray')
    evil.socket.on('data', () => {})
    evil.socket.write(strays(attack.random))
    state.strays.push(evil)
  }),
  'readers that do not read': async ({ attack, measure, state, server }) => {
    if (state.unread.length === 0) {
      state.unread.push(...await attack.open(UNREAD, 'unread', ({ socket }) => {
        socket.pause()
        for (let i = 0; i < 20; i++) socket.write(fetch('big', 0, 0, { correlation: i }))
      }))
    }
    // Until the buffers of the system are full, the server is busy filling them.
    const result = await measure(3)
    state.mostMiB = Math.max(state.mostMiB, server.memory().rss)
    return result
  },
}

/** A topic with much in it. */
async function fill(broker) {
  process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
  const { Kafka, logLevel } = await import('kafkajs')
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  const producer = kafka.producer()
  await Promise.all([admin.connect(), producer.connect()])
  await admin.createTopics({ topics: ['big', 'good'].map((topic) => ({ topic, numPartitions: 1 })) })
  const value = Buffer.alloc(900_000, 'y')
  for (let i = 0; i < 24; i++) await producer.send({ topic: 'big', messages: [{ value }] })
  await Promise.all([admin.disconnect(), producer.disconnect()])
}

/** A round: slow sockets all the while, the other attacks one after another beside them, until the deadlines have passed. */
async function round({ server, good, random, slow, windowMs, waitForAll, violations, report }) {
  const attack = new Attack(server, random)
  const state = { strays: [], unread: [], mostMiB: 0 }
  const figures = {}
  const measure = async (times = 1) => await good.ask({ do: 'measure', ms: times * windowMs }) ?? violations.push('the good client has ended')
  try {
    figures.calm = await measure()
    const base = server.memory().rss
    const kinds = Object.entries(slowKinds)
    const sockets = []
    for (const [kind, begin] of kinds) sockets.push(...await attack.open(slow / kinds.length, kind, begin))
    const openedAt = performance.now()
    figures.slow = await measure()
    const idle = server.memory().rss
    report(`${slow} slow sockets: ${(idle - base).toFixed(0)} MiB more`)
    if (idle - base > WARM_MIB + slow * SOCKET_KIB / 1024) violations.push(`${slow} slow sockets took ${(idle - base).toFixed(0)} MiB`)
    for (const [name, act] of Object.entries(windows)) {
      // The processors may have been somebody else's meanwhile: what is too slow is done again, twice at most.
      for (let attempt = 0; attempt < 3 && !(figures[name]?.medianMs <= FLOOD_TIMES * figures.calm.medianMs); attempt++) {
        if (attempt > 0) report(`${name}: ${describe(figures[name])}, again`)
        figures[name] = await act({ attack, measure, state, server })
      }
      const { rss } = server.memory()
      state.mostMiB = Math.max(state.mostMiB, rss)
      report(`${name}: ${describe(figures[name])}, ${rss.toFixed(0)} MiB`)
      if (rss - base > ANSWERS_MIB + MORE_MIB) violations.push(`${name}: the server grew from ${base.toFixed(0)} to ${rss.toFixed(0)} MiB`)
    }
    const deadlineOf = (evil) => evil.kind === 'a second request a byte at a time' ? FRAME_MS : FIRST_FRAME_MS
    const judged = sockets.filter((evil) => waitForAll || deadlineOf(evil) === FIRST_FRAME_MS)
    const last = openedAt + (waitForAll ? FRAME_MS : FIRST_FRAME_MS) + SLACK_MS
    while (performance.now() < last && judged.some((evil) => !evil.isClosed)) await sleep(100)
    judgeSlow(judged, deadlineOf, violations)
    const open = state.strays.filter((evil) => !evil.isClosed)
    if (open.length > 0) violations.push(`${open.length} of ${state.strays.length} connections that do not speak the protocol were left open`)
    figures['calm after'] = await measure()
    const heapMiB = Math.round(await server.metric('nodejs_heap_size_used_bytes') / 2 ** 20)
    if (heapMiB > 2 * MORE_MIB) violations.push(`the heap of the server holds ${heapMiB} MiB when the attackers have gone`)
    judgeGood(figures, violations)
    const closed = judged.length + state.strays.length + state.unread.filter((evil) => evil.isClosed).length
    return { count: attack.count, closed, figures, grewMiB: Math.round(state.mostMiB - base), slowMiB: Math.round(idle - base), heapMiB }
  } finally {
    attack.end()
  }
}

function judgeSlow(sockets, deadlineOf, violations) {
  const byKind = new Map()
  for (const evil of sockets) {
    const sum = byKind.get(evil.kind) ?? { count: 0, open: 0, early: 0 }
    byKind.set(evil.kind, sum)
    sum.count += 1
    if (!evil.isClosed) sum.open += 1
    else if (evil.livedMs < deadlineOf(evil) - 1500) sum.early += 1
  }
  for (const [kind, { count, open, early }] of byKind) {
    if (open > 0) violations.push(`${open} of ${count} slow sockets (${kind}) were left open beyond the deadline`)
    if (early > 0) violations.push(`${early} of ${count} slow sockets (${kind}) were closed before their time`)
  }
}

/**
 * What attackers that only wait do to the good client is next to nothing; floods take their share of two processors, which attackers and client use as well. The
 * middle of the latencies is judged, not the worst: that is the machine's.
 */
function judgeGood(figures, violations) {
  const calm = Math.max(figures.calm.medianMs, figures['calm after'].medianMs)
  const calmP99 = Math.max(figures.calm.p99Ms, figures['calm after'].p99Ms)
  for (const [name, { count, medianMs, p99Ms }] of Object.entries(figures)) {
    const times = name === 'slow' ? 2 : FLOOD_TIMES
    if (!(count >= 10)) violations.push(`${name}: the good client made ${count} operations`)
    if (medianMs > times * calm) violations.push(`${name}: the median of the good client was ${medianMs.toFixed(1)} ms, ${calm.toFixed(1)} in calm`)
    if (name === 'slow' && p99Ms > 2 * calmP99 + NOISE_MS) violations.push(`${name}: p99 of the good client was ${p99Ms.toFixed(1)} ms, ${calmP99.toFixed(1)} in calm`)
  }
}

const describe = ({ count, medianMs, p99Ms }) => `${count} operations, median ${medianMs?.toFixed(1)} ms, p99 ${p99Ms?.toFixed(1)} ms`

async function judgeEnd(good, violations) {
  const end = await good.ask({ do: 'end' })
  if (end === null) {
    violations.push('the good client did not come to its end')
    return { acked: 0 }
  }
  const { lost, doubled, crashes, joins, disconnects } = end
  if (lost > 0) violations.push(`${lost} acknowledged records are lost`)
  if (doubled > 0) violations.push(`${doubled} records are there twice`)
  if (crashes + disconnects > 0 || joins > 1) violations.push(`the good client was disturbed: ${crashes} crashes, ${joins} joins, ${disconnects} disconnects`)
  return end
}

export async function run({ slice, seed, deadline, report = () => {}, dist, slow = slice === 'long' ? 10_000 : 1000 }) {
  const random = new Random(seed)
  const violations = []
  const scratch = mkdtempSync(join(tmpdir(), 'ottla-row14-'))
  const pem = join(scratch, 'server.pem')
  const tls = (name) => readFileSync(join(root, 'test/data/tls', name), 'utf8')
  writeFileSync(pem, tls('first.cert.pem') + tls('first.key.pem'))
  const server = await startServer(dist, [
    '--data', join(scratch, 'data'), '--listeners', 'PLAINTEXT://127.0.0.1:0,SSL://127.0.0.1:0', '--metrics-port', '0', '--override', `ssl.keystore.location=${pem}`,
  ])
  const broker = `127.0.0.1:${server.ports[0]}`
  const rounds = []
  let good
  let end = { acked: 0 }
  try {
    await fill(broker)
    good = new Good(broker, 'good')
    if (await good.hear() !== 'ready') violations.push('the good client could not begin')
    do {
      rounds.push(await round({
        server, good, random, slow, windowMs: slice === 'long' ? 3000 : 1000, waitForAll: slice === 'long', violations, report,
      }))
    } while (slice === 'long' && violations.length === 0 && deadline() > 60_000)
    if (!server.isRunning) violations.push(`the server has ended: ${server.log.slice(-500)}`)
    else end = await judgeEnd(good, violations)
    const code = server.isRunning ? await server.kill('SIGTERM') : null
    if (code !== 0) violations.push(`the server did not end cleanly: ${code} ${server.log.slice(-500)}`)
  } finally {
    good?.child.kill('SIGKILL')
    if (server.isRunning) await server.kill()
    rmSync(scratch, { recursive: true, force: true })
  }
  const sum = (key) => rounds.reduce((total, each) => total + each[key], 0)
  return {
    count: sum('count'), unit: row.floor.unit, acked: end.acked, faults: { 'sockets that the server closed': sum('closed') }, violations,
    details: { seedTo: seed, slow, rounds: rounds.length, good: end, grewMiB: rounds.map((each) => each.grewMiB), slowMiB: rounds.map((each) => each.slowMiB), heapMiB: rounds.map((each) => each.heapMiB), figures: rounds.at(-1)?.figures },
  }
}

/**
 * What a fresh process loads to open a directory and send, which is most of the time that takes (docs/adr/0017): the guard that needs no clock. A static
 * import of something that could wait makes it red; what is new on the way to a send may be added here.
 */
import { mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { open, silentLogger } from '../src/index.ts'
import { compilePackage, runModule } from './support/child-process.ts'

const root = mkdtempSync(join(realpathSync(tmpdir()), 'ottla-start-up-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Node's own modules that take milliseconds: ciphers, compression, TLS, HTTP, clocks … `net` comes with the lock. */
const heavyBuiltin = /^(?:NativeModule |Internal Binding )(?:internal\/)?(?:crypto|zlib|tls|_tls|https?|_http|http2|inspector|module|os|perf_hooks|worker_threads)(?:\/|$)/
/** Parts of ours that wait for their first use. */
const waiting = [
  /^(?:cli|client\/assignors|client\/wire|coordinator|inspect|server|testing)\//, /^log\/(?:check-|log-check\.|log-compaction|log-re(?:covery|pair)|segment-recovery|following-batch|interrupted-swap)/,
  /^remote-kafka/, /^metadata\/lmdb-library/,
  /^broker\/(?:alter-configs|describe-configs|broker-facts|storage-handlers|topic-change)/,
  /^protocol\/(?:messages\/|byte-|consumer-protocol|message-codec|schema)/,
]
/** Bytes of source, comments included, as tsc writes it: raise it only for what a send needs. */
const MOST_BYTES = 980_000

/** Of a server that nobody has connected to, besides. */
const waitingForClients = [
  /^(?:client|coordinator|inspect|testing|protocol\/messages)\//,
  /^server\/(?:apis|wire-session|served-apis|fetch-sessions|sasl\/(?:plain|scram|sasl-gate)|access\/(?:authorizer|guarded))/,
]
/** Prints what was loaded since `before`, as one line of JSON. */
const printLoaded = `
  const { Session } = process.getBuiltinModule('node:inspector')
  const session = new Session()
  const scripts = []
  session.connect()
  session.on('Debugger.scriptParsed', ({ params }) => { if (/[.]c?js$/.test(params.url)) scripts.push(params.url) })
  session.post('Debugger.enable')
  session.disconnect()
  console.log(JSON.stringify({ builtins, scripts }))
`

interface Loaded { readonly builtins: string[]; readonly scripts: string[] }

describe('a process that opens a directory and sends', () => {
  let loaded: Loaded
  let packageRoot: string

  beforeAll(async () => {
    const directory = join(root, 'data')
    const ottla = await open(directory, { logger: silentLogger })
    await ottla.admin.createTopic('t')
    await ottla.producer().send({ topic: 't', value: 'x' })
    const consumer = ottla.consumer({ 'group.id': 'g' })
    await consumer.commit([{ topic: 't', partition: 0, offset: 1 }])
    await consumer.close()
    await ottla.close()
    const entry = pathToFileURL(realpathSync(fileURLToPath(compilePackage(`start-up-${process.pid}`)))).href
    packageRoot = new URL('.', entry).href
    // An import of node:fs asks for all its names, behind which newer Nodes load more; the package takes it otherwise (scripts/build.mjs).
    const { lines, status } = await runModule(`
      await import('node:fs')
      const before = new Set(process.moduleLoadList)
      const { open, silentLogger } = await import(${JSON.stringify(entry)})
      const ottla = await open(${JSON.stringify(directory)}, { logger: silentLogger })
      await ottla.producer().send({ topic: 't', value: 'y' })
      const builtins = process.moduleLoadList.filter((each) => !before.has(each))
      ${printLoaded}
      await ottla.close()
    `)
    expect(status).toBe(0)
    loaded = JSON.parse(lines[0]!) as Loaded
  }, 60_000)
  afterAll(() => { if (packageRoot !== undefined) rmSync(fileURLToPath(packageRoot), { recursive: true, force: true }) })

  test('loads none of the heavy modules of Node', () => {
    expect(loaded.builtins).toContain('NativeModule net')
    expect(loaded.builtins.filter((each) => heavyBuiltin.test(each))).toEqual([])
  })

  test('loads nothing of other packages', () => {
    expect(loaded.scripts.filter((each) => !each.startsWith(packageRoot))).toEqual([])
  })

  test('loads none of the parts that wait for their first use, also where groups have offsets', () => {
    const own = loaded.scripts.map((each) => each.slice(packageRoot.length))
    expect(own).toContain('client/producer.js')
    expect(own.filter((each) => waiting.some((part) => part.test(each)))).toEqual([])
  })

  test('that listens for others alone loads neither clients nor what is said on connections, until somebody comes', async () => {
    const { lines, status } = await runModule(`
      const { openServed } = await import(${JSON.stringify(new URL('tools.js', packageRoot).href)})
      const ottla = await openServed(${JSON.stringify(join(root, 'served'))}, {})
      await ottla.listen({ port: 0 })
      const builtins = []
      ${printLoaded}
      await ottla.close()
    `)
    expect(status).toBe(0)
    const own = (JSON.parse(lines.find((each) => each.startsWith('{'))!) as Loaded).scripts.map((each) => each.slice(packageRoot.length))
    expect(own).toContain('server/wire-listener.js')
    expect(own.filter((each) => waitingForClients.some((part) => part.test(each)))).toEqual([])
  })

  test('of `ottla serve` loads what is said on connections once it has told that it is ready, and does not wait for somebody to come', async () => {
    const watching = `import { Session } from 'node:inspector'
      const session = new Session()
      session.connect()
      session.on('Debugger.scriptParsed', ({ params: { url } }) => { if (url.startsWith(${JSON.stringify(packageRoot)})) console.log('loaded ' + url.slice(${packageRoot.length})) })
      session.post('Debugger.enable')`
    const { lines } = await runModule(`
      process.argv.splice(1, Infinity, 'ottla', 'serve', '--data', ${JSON.stringify(join(root, 'command'))}, '--port', '0')
      await import(${JSON.stringify(`data:text/javascript,${encodeURIComponent(watching)}`)})
      await import(${JSON.stringify(new URL('cli/main.js', packageRoot).href)})
    `, { onLine: (line, kill) => { if (line === 'loaded server/wire-sessions.js') kill() } })
    const ready = lines.findIndex((line) => line.startsWith('listening on '))
    expect(ready).toBeGreaterThan(0)
    expect(lines.indexOf('loaded server/wire-sessions.js')).toBeGreaterThan(ready)
  })

  test('makes a topic without the library of ciphers, and without msgpackr, which LMDB requires for values that are not bytes, and leaves LMDB whole for whoever shares it', async () => {
    const { lines, status } = await runModule(`
      const { createRequire } = await import('node:module')
      const { open, silentLogger } = await import(${JSON.stringify(new URL('index.js', packageRoot).href)})
      const ottla = await open(${JSON.stringify(join(root, 'made'))}, { logger: silentLogger })
      await ottla.admin.createTopic('t')
      const require = createRequire(${JSON.stringify(new URL('index.js', packageRoot).href)})
      const requireThere = createRequire(require.resolve('lmdb'))
      const builtins = process.moduleLoadList
      ${printLoaded}
      const store = require('lmdb').open({ path: ${JSON.stringify(join(root, 'shared.mdb'))} })
      await store.put('key', { some: ['value', 1.5, null] })
      const { Encoder } = requireThere('msgpackr')
      const { constructor } = store.encoder
      console.log(JSON.stringify({ value: store.get('key'), isTheirs: store.encoder instanceof Encoder, isLoadedLater: constructor === Encoder }))
      await store.close()
      await ottla.close()
    `)
    expect(status).toBe(0)
    const [loadedThen, shared] = lines.filter((each) => each.startsWith('{')).map((each) => JSON.parse(each) as unknown)
    const { builtins, scripts } = loadedThen as Loaded
    expect(builtins).toContain('NativeModule net')
    expect(builtins).not.toContain('NativeModule crypto')
    expect(scripts.filter((each) => each.includes('/lmdb/dist/'))).toHaveLength(1)
    expect(scripts.filter((each) => each.includes('/msgpackr'))).toEqual([])
    expect(shared).toEqual({ value: { some: ['value', 1.5, null] }, isTheirs: true, isLoadedLater: true })
  })

  test('loads no more source than it did', () => {
    const bytes = loaded.scripts.reduce((sum, each) => sum + statSync(fileURLToPath(each)).size, 0)
    expect(bytes).toBeGreaterThan(MOST_BYTES / 2)
    expect(bytes).toBeLessThan(MOST_BYTES)
  })
})

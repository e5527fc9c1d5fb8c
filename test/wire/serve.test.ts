/** `ottla serve` as a process: its ready line, its settings, its pages, its end. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Kafka, logLevel, type SASLOptions } from 'kafkajs'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { build, ottla, root } from '../support/cli.ts'
import { growingLines } from '../support/program.ts'

interface Served {
  readonly child: ChildProcess; readonly lines: readonly string[]; readonly errors: readonly string[]
  readonly port: number; readonly ports: readonly number[]
  ended(): Promise<number | null>
}

let directory: string
const children: ChildProcess[] = []
beforeAll(() => build())
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'ottla-serve-')) })
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

function serve(...args: string[]): Promise<Served> {
  const child = spawn(process.execPath, [join(root, '.tmp/package/dist/cli/main.js'), 'serve', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  const exit = new Promise<number | null>((resolve) => { child.once('close', resolve) })
  const errors = growingLines(child.stderr)
  return new Promise((resolve, reject) => {
    const lines = growingLines(child.stdout, () => {
      if (!/^listening on 127\.0\.0\.1:\d+(, 127\.0\.0\.1:\d+)*$/.test(lines.at(-1)!)) return
      const ports = Array.from(lines.at(-1)!.matchAll(/:(\d+)/g), ([, port]) => Number(port))
      resolve({ child, lines, errors, port: ports[0]!, ports, ended: () => exit })
    })
    void exit.then((code) => reject(new Error(`it ended with ${code}: ${errors.join('; ')}`)))
  })
}

const kafkaAt = ({ port }: Served): Kafka => new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING })

describe('ottla serve', () => {
  test('tells one line when clients can connect, ends with 0 on SIGTERM, and has kept what was acknowledged', async () => {
    const first = await serve('--data', join(directory, 'data'), '--port', '0')
    expect(first.lines).toHaveLength(1)
    const producer = kafkaAt(first).producer()
    await producer.connect()
    await producer.send({ topic: 'kept', messages: [{ value: 'x' }] })
    first.child.kill('SIGTERM')
    expect(await first.ended()).toBe(0)
    await producer.disconnect()
    const second = await serve('--data', join(directory, 'data'), '--listeners', 'PLAINTEXT://127.0.0.1:0')
    const admin = kafkaAt(second).admin()
    await admin.connect()
    expect(await admin.fetchTopicOffsets('kept')).toEqual([{ partition: 0, offset: '1', high: '1', low: '0' }])
    await admin.disconnect()
    second.child.kill('SIGINT')
    expect(await second.ended()).toBe(0)
    expect((await ottla(['verify', '--data', join(directory, 'data')])).code).toBe(0)
  })

  test('takes a server.properties, overrides, and has metrics and health on a port of their own', async () => {
    const file = join(directory, 'server.properties')
    writeFileSync(file, `# as of Kafka\nprocess.roles=broker\nlisteners=PLAINTEXT://127.0.0.1:0\nlog.dirs=${join(directory, 'logs')}\nnum.partitions=2\nnode.id=5\n`
      + 'listener.name.plaintext.max.connections=5\nmax.connection.creation.rate=5\nqueued.max.requests=7\nlog.retention.hour=1\nconfluent.balancer.enable=true\n')
    const served = await serve(file, '--override', 'num.partitions=3', '--metrics-port', '0')
    const admin = kafkaAt(served).admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: 'counted' }] })
    expect((await admin.fetchTopicMetadata({ topics: ['counted'] })).topics[0]!.partitions).toHaveLength(3)
    expect((await admin.describeCluster()).brokers).toMatchObject([{ nodeId: 5 }])
    const [, address] = /^metrics on (.+)$/.exec(served.lines[0]!)!
    const page = await fetch(`http://${address}/metrics`)
    expect(page.headers.get('content-type')).toContain('version=0.0.4')
    expect(await page.text()).toMatch(/^kafka_server_replicamanager_partitioncount 3$/m)
    const producer = kafkaAt(served).producer()
    await producer.connect()
    await producer.send({ topic: 'counted', messages: [{ partition: 1, value: 'a' }, { partition: 1, value: 'b' }] })
    await producer.disconnect()
    await admin.setOffsets({ groupId: 'readers', topic: 'counted', partitions: [{ partition: 1, offset: '1' }] })
    const lag = 'kafka_consumergroup_lag{consumergroup="readers",topic="counted",partition="1"} 1\n'
    expect(await (await fetch(`http://${address}/metrics`)).text()).toContain(lag)
    expect(await (await fetch(`http://${address}/health`)).text()).toBe('ok\n')
    expect((await fetch(`http://${address}/`)).status).toBe(404)
    await admin.disconnect()
    served.child.kill('SIGTERM')
    expect(await served.ended()).toBe(0)
    const warned = 'these keep nobody and nothing out here: listener.name.plaintext.max.connections, max.connection.creation.rate'
    expect(served.errors.filter((line) => line.includes('warn'))).toEqual([
      expect.stringContaining(warned), expect.stringContaining('unknown broker setting "log.retention.hour": did you mean "log.retention.hours"?'),
    ])
  })

  test.runIf(process.platform !== 'win32')('has a certificate and logins for each of its listeners, and reads certificates anew on SIGHUP', async () => {
    const pem = (name: string): string => readFileSync(join(root, `test/data/tls/${name}.pem`), 'utf8')
    const both = (name: string): string => `${pem(`${name}.cert`)}${pem(`${name}.key`)}`
    const [inside, outside] = [join(directory, 'inside.pem'), join(directory, 'outside.pem')] as const
    writeFileSync(inside, both('first'))
    writeFileSync(outside, both('second'))
    const file = join(directory, 'server.properties')
    writeFileSync(file, `listeners=INSIDE://127.0.0.1:0,OUTSIDE://127.0.0.1:0\nlistener.security.protocol.map=INSIDE:SSL,OUTSIDE:SASL_SSL\nssl.keystore.location=${inside}
listener.name.inside.ssl.client.auth=required\nlistener.name.inside.ssl.truststore.location=${join(root, 'test/data/tls/second.cert.pem')}
listener.name.outside.ssl.keystore.location=${outside}\nlistener.name.outside.sasl.enabled.mechanisms=SCRAM-SHA-512\nsasl.enabled.mechanisms=PLAIN\n`)
    const data = join(directory, 'data')
    expect((await ottla(['users', '--data', data, '--set', 'ann'], { input: 'secret\n' })).code).toBe(0)
    const served = await serve('--data', data, file)
    const [first, second] = [{ cert: pem('first.cert'), key: pem('first.key') }, { cert: pem('second.cert'), key: pem('second.key') }] as const
    const topicsAt = async (place: number, ca: string, certificate: object, mechanism?: string): Promise<unknown> => {
      const sasl = mechanism === undefined ? {} : { sasl: { mechanism, username: 'ann', password: 'secret' } as SASLOptions }
      const admin = new Kafka({ brokers: [`127.0.0.1:${served.ports[place]!}`], logLevel: logLevel.NOTHING, retry: { retries: 0 }, ssl: { ca: [ca], ...certificate }, ...sasl }).admin()
      try {
        await admin.connect()
        return await admin.listTopics()
      } catch {
        return 'turned away'
      } finally {
        await admin.disconnect()
      }
    }
    const all = async (insideTrust: string): Promise<unknown[]> => [
      await topicsAt(0, insideTrust, second), await topicsAt(0, insideTrust, {}),
      await topicsAt(1, second.cert, {}, 'scram-sha-512'), await topicsAt(1, second.cert, {}, 'plain'), await topicsAt(1, second.cert, {}),
    ]
    expect(await all(first.cert)).toEqual([[], 'turned away', [], 'turned away', 'turned away'])
    writeFileSync(inside, both('second'))
    served.child.kill('SIGHUP')
    await expect.poll(() => served.errors.filter((line) => line.includes('read anew')), { timeout: 30_000 }).toHaveLength(2)
    expect(await all(second.cert)).toEqual([[], 'turned away', [], 'turned away', 'turned away'])
    expect(await topicsAt(0, first.cert, second)).toBe('turned away')
    // What stands in the way of one does not keep the other's from being renewed.
    writeFileSync(inside, 'nothing')
    writeFileSync(outside, both('first'))
    served.child.kill('SIGHUP')
    await expect.poll(() => served.errors.filter((line) => /the (old )?certificate of/.test(line)).slice(2), { timeout: 30_000 }).toEqual([
      expect.stringContaining('the old certificate of INSIDE stays: ssl.keystore.location'), expect.stringContaining('the certificate of OUTSIDE was read anew'),
    ])
    expect([await topicsAt(0, second.cert, second), await topicsAt(1, first.cert, {}, 'scram-sha-512')]).toEqual([[], []])
  })

  test.runIf(process.platform !== 'win32')('ends with the npx that started it, which passes no signal on', async () => {
    // As npx does it: a shell between.
    const line = `"${process.execPath}" "${join(root, '.tmp/package/dist/cli/main.js')}" serve --data "${join(directory, 'data')}" --port 0; true`
    const shell = spawn('sh', ['-c', line], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, npm_command: 'exec' } })
    children.push(shell)
    const ended = new Promise<void>((resolve) => { shell.stdout.once('end', () => resolve()) })
    const ready = await new Promise<string>((resolve) => { createInterface({ input: shell.stdout }).once('line', resolve) })
    shell.kill('SIGTERM')
    // The end of its output is the end of the last process that holds it: the server.
    await ended
    const admin = new Kafka({ brokers: [ready.trim().replace('listening on ', '')], logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin()
    await expect(admin.connect()).rejects.toThrow('ECONNREFUSED')
    expect((await ottla(['verify', '--data', join(directory, 'data')])).code).toBe(0)
  })

  test('in memory needs no directory', async () => {
    const served = await serve('--in-memory', '--port', '0')
    const admin = kafkaAt(served).admin()
    await admin.connect()
    expect(await admin.listTopics()).toEqual([])
    await admin.disconnect()
  })

  test.each([
    [[], 2, '--data DIR is required'],
    [['--in-memory', '--data', 'd'], 2, '--in-memory keeps nothing: leave --data out'],
    [['--in-memory', '--override', 'log.dirs=d'], 2, '--in-memory keeps nothing: leave log.dirs out'],
    [['--in-memory', '--listeners', 'SSL://127.0.0.1:0'], 2, 'needs ssl.keystore.location'],
    [['--in-memory', '--listeners', 'SSL://127.0.0.1:0', '--override', 'ssl.keystore.location=package.json'], 2, 'is not PEM. A store of PKCS12 becomes PEM by "openssl pkcs12'],
    [['--in-memory', '--listeners', 'SSL://127.0.0.1:0', '--override', 'ssl.keystore.key=x', '--override', 'listener.name.ssl.ssl.keystore.location=package.json'], 2, 'are both given'],
    [['--in-memory', '--listeners', 'SSL://127.0.0.1:0', '--override', 'ssl.truststore.certificates=x', '--override', 'ssl.truststore.location=package.json'], 2, 'are both given'],
    [['--in-memory', '--override', 'listener.name.insid.ssl.client.auth=required'], 1, 'of a listener that it has'],
    [['--in-memory', '--listeners', 'PLAINTEXT://0.0.0.0:0'], 1, 'give --allow-insecure'],
    [['--in-memory', '--override', 'num.partition=2'], 1, 'did you mean "num.partitions"'],
    [['nowhere.properties'], 2, 'nowhere.properties cannot be read'],
  ])('refuses %j', async (args, code, text) => {
    const outcome = await ottla(['serve', ...args])
    expect([outcome.code, outcome.error]).toEqual([code, expect.stringContaining(text)])
  })
})

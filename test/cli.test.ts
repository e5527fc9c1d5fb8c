import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { build, jsonLines, ottla, ottlaCommand, root, type Outcome } from './support/cli.ts'

const fixtures = join(root, 'fixtures')
let scratch: string
let data: string

beforeAll(async () => {
  await build()
  scratch = mkdtempSync(join(tmpdir(), 'ottla-cli-'))
}, 60_000)
afterAll(() => { rmSync(scratch, { recursive: true, force: true }) })
beforeEach(() => { data = join(mkdtempSync(join(scratch, 'test-')), 'data') })

const on = (command: string, ...args: string[]): Promise<Outcome> => ottla([...command.split(' '), '--data', data, ...args])
const fed = (input: string | Uint8Array, command: string, ...args: string[]): Promise<Outcome> => (
  ottla([...command.split(' '), '--data', data, ...args], { input })
)

async function succeeds(outcome: Promise<Outcome>): Promise<Outcome> {
  const result = await outcome
  expect(result.error).toBe('')
  expect(result.code).toBe(0)
  return result
}

/** Every file under a folder with its hash. */
function hashes(directory: string): Record<string, string> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const files = entries.map((entry) => join(entry.parentPath, entry.name))
  return Object.fromEntries(files.sort().map((path) => [path, createHash('sha256').update(readFileSync(path)).digest('hex')]))
}

describe('the program', () => {
  test('tells its version and its commands, and explains each', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
    expect((await succeeds(ottla(['--version']))).text).toBe(`${version}\n`)
    const overview = (await succeeds(ottla(['--help']))).text
    expect((await succeeds(ottla(['help']))).text).toBe(overview)
    for (const command of ['topics', 'consume', 'perf produce']) {
      const help = (await succeeds(ottla([...command.split(' '), '--help']))).text
      expect(help).toMatch(new RegExp(`^ottla ${command}: `))
      expect((await succeeds(ottla(['help', ...command.split(' ')]))).text).toBe(help)
      expect(overview).toContain(`  ${command} `)
    }
    expect((await succeeds(ottla(['perf', '--help']))).text).toMatch(/^ottla perf produce: [^]*^ottla perf consume: /m)
  })

  test.each([
    [[], 'Usage: ottla <command>'],
    [['topisc'], 'unknown command "topisc"; did you mean "topics"?'],
    [['perf'], 'say which: ottla perf produce or ottla perf consume'],
    [['topics', '--list'], '--data DIR is required'],
    [['topics', '--data', 'x'], 'give one of --create, --list'],
    [['topics', '--data', 'x', '--lst'], 'unknown option --lst; did you mean --list?'],
    [['produce', '--data', 'x', '--topic', 't', '--property', 'parse.kye=true'], 'unknown name parse.kye; did you mean parse.key?'],
    [['consume', '--data', 'x', '--topic', 't', '--offset', '3'], '--offset needs --partition'],
  ])('%j makes no sense: exit code 2 and advice', async (args, message) => {
    const { code, error, text } = await ottla(args)
    expect([code, text]).toEqual([2, ''])
    expect(error).toContain(message)
  })

  test('takes the directory from the environment too', async () => {
    await succeeds(on('topics', '--create', '--topic', 'a'))
    expect((await succeeds(ottla(['topics', '--list'], { env: { OTTLA_DATA: data } }))).text).toBe('a\n')
  })

  test.each([['topics', '--list'], ['consume', '--topic', 'a'], ['groups', '--list'], ['verify'], ['topics', '--delete', '--topic', 'a']])(
    'a directory that is not there is an error for %s, and is not created', async (...args) => {
      const { code, error } = await on(...args as [string])
      expect(code).toBe(1)
      expect(error).toContain(`there is no directory ${data} [DIRECTORY_UNUSABLE]`)
      expect(existsSync(data)).toBe(false)
    })
})

describe('topics and configs', () => {
  test('a topic is created, described, altered and deleted', async () => {
    const settings = ['--partitions', '2', '--config', 'retention.ms=1000', '--config', 'cleanup.policy=compact,delete']
    expect((await succeeds(on('topics', '--create', '--topic', 'orders', ...settings))).text).toBe('Created topic orders.\n')
    const again = await on('topics', '--create', '--topic', 'orders')
    expect([again.code, again.error.includes('[TOPIC_ALREADY_EXISTS]')]).toEqual([1, true])
    await succeeds(on('topics', '--create', '--topic', 'orders', '--if-not-exists'))
    await succeeds(on('topics', '--alter', '--topic', 'orders', '--partitions', '3'))
    const described = (await succeeds(on('topics', '--describe', '--topic', 'orders'))).text.split('\n')
    expect(described[0]).toMatch(/^Topic: orders\tTopicId: [\w-]{22}\tPartitionCount: 3\tReplicationFactor: 1\tConfigs: .*\bretention.ms=1000\b/)
    expect(described[0]).toContain('cleanup.policy=compact,delete')
    expect(described[3]).toMatch(/^\tTopic: orders\tPartition: 2\tLeader: (\d+)\tReplicas: \1\tIsr: \1\tElr: \tLastKnownElr: $/)
    expect(jsonLines(await succeeds(on('topics', '--describe', '--json'))))
      .toMatchObject([{ name: 'orders', config: { 'retention.ms': '1000' }, partitions: [{ partition: 0 }, {}, {}] }])
    expect((await succeeds(on('topics', '--list', '--topic', 'ord.*'))).text).toBe('orders\n')
    expect((await succeeds(on('topics', '--delete', '--topic', 'orders'))).text).toBe('Deleted topic orders.\n')
    const gone = await on('topics', '--describe', '--topic', 'orders')
    expect([gone.code, gone.error.includes('there is no topic "orders" [UNKNOWN_TOPIC_OR_PARTITION]')]).toEqual([1, true])
    await succeeds(on('topics', '--delete', '--topic', 'orders', '--if-exists'))
  })

  test('settings are set, shown as Kafka shows them, and put back', async () => {
    await succeeds(on('topics', '--create', '--topic', 't'))
    const altered = await succeeds(on('configs', '--alter', '--topic', 't', '--add-config', 'retention.ms=1000,cleanup.policy=[compact,delete]'))
    expect(altered.text).toBe('Completed updating config for topic t.\n')
    const shown = (await succeeds(on('configs', '--describe', '--entity-type', 'topics', '--entity-name', 't'))).text
    expect(shown).toContain('Dynamic configs for topic t are:\n')
    expect(shown).toContain('  retention.ms=1000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=1000}\n')
    const synonyms = 'DYNAMIC_TOPIC_CONFIG:cleanup.policy=compact,delete, DEFAULT_CONFIG:log.cleanup.policy=delete'
    expect(shown).toContain(`  cleanup.policy=compact,delete sensitive=false synonyms={${synonyms}}\n`)
    await succeeds(on('configs', '--alter', '--topic', 't', '--delete-config', 'retention.ms,cleanup.policy'))
    expect((await succeeds(on('configs', '--describe', '--topic', 't'))).text).toBe('Dynamic configs for topic t are:\n')
    expect((await succeeds(on('configs', '--describe', '--topic', 't', '--all'))).text)
      .toContain('  max.message.bytes=1048588 sensitive=false synonyms={DEFAULT_CONFIG:message.max.bytes=1048588}')
    const wrong = await on('configs', '--alter', '--topic', 't', '--add-config', 'retentionMs=5')
    expect(wrong.code).toBe(1)
    expect(wrong.error).toContain('write it as "retention.ms"')
  })
})

describe('any file comes back byte for byte', () => {
  /** Bytes of a generator of its own, so that the files are the same in every run. */
  function noise(length: number, seed: number): Buffer {
    let state = seed
    return Buffer.from(Uint8Array.from({ length }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24))
  }
  const files: [string, Buffer][] = [
    ['text', Buffer.from('one\ntwo\n\nfour\n')],
    ['text without a last line feed', Buffer.from('one\ntwo')],
    ['carriage returns, blanks and umlauts', Buffer.from('eins \r\n\tzwei\r\r\n\nfünf\n\n')],
    ['one line feed', Buffer.from('\n')],
    ['nothing', Buffer.alloc(0)],
    ['3 MB of noise', noise(3_000_000, 7)],
    ['a line of 3 MB', Buffer.concat([noise(3_000_000, 9).map((b) => b === 10 ? 11 : b), Buffer.from('\n')])],
    ['50,000 lines', Buffer.from(Array.from({ length: 50_000 }, (_, i) => `line ${i}\n`).join(''))],
  ]

  test.each(files)('as lines: %s', async (_, file) => {
    await succeeds(fed(file, 'produce', '--topic', 'f'))
    expect((await ottla(['consume', '--data', data, '--topic', 'f', '--from-beginning'])).out.equals(file)).toBe(true)
  })

  test.each(files)('raw: %s', async (_, file) => {
    await succeeds(fed(file, 'produce', '--topic', 'f', '--raw', '--chunk-size', '70000', '--compression-codec', 'lz4'))
    expect((await ottla(['consume', '--data', data, '--topic', 'f', '--from-beginning', '--raw'])).out.equals(file)).toBe(true)
  })

  test('from a file too, and a file that is not there is told', async () => {
    const file = join(scratch, 'file.txt')
    writeFileSync(file, 'a\nb\n')
    await succeeds(on('produce', '--topic', 'f', '--file', file))
    expect((await succeeds(on('consume', '--topic', 'f', '--from-beginning'))).text).toBe('a\nb\n')
    const missing = await on('produce', '--topic', 'f', '--file', join(scratch, 'none'))
    expect([missing.code, missing.error.includes('no such file')]).toEqual([2, true])
  })

  test('what was read is kept when the program is interrupted', async () => {
    const { code } = await ottla(['produce', '--data', data, '--topic', 'f', '--linger', '60000'], {
      onStart: (child) => {
        child.stdin!.write('a\nb\nc')
        void (async () => {
          while (!existsSync(join(data, 'f-0'))) await pause(20)
          child.kill('SIGINT')
        })()
      },
    })
    expect(code).toBe(130)
    expect((await succeeds(on('consume', '--topic', 'f', '--from-beginning'))).text).toBe('a\nb\n')
  })

  test('records move from directory to directory as JSON, with keys, headers, nulls and times', async () => {
    const layout = ['--headers', '--key-separator', '\\t', '--property', 'null.marker=NULL']
    await succeeds(fed('h:1,i:NULL\tk\tv\n\tNULL\tNULL\n', 'produce', '--topic', 't', ...layout))
    const dump = await succeeds(on('consume', '--topic', 't', '--from-beginning', '--json', '--encoding', 'base64'))
    const other = join(data, '..', 'other')
    await succeeds(ottla(['produce', '--data', other, '--input-format', 'json', '--encoding', 'base64'], { input: dump.out }))
    const again = await succeeds(ottla(['consume', '--data', other, '--topic', 't', '--from-beginning', '--json', '--encoding', 'base64']))
    expect(again.text).toBe(dump.text)
  })
})

describe('consume', () => {
  test('who reads from the end, and finds nothing there, is told how to read what is there', async () => {
    await succeeds(fed('a\n', 'produce', '--topic', 't'))
    const { code, text, error } = await on('consume', '--topic', 't')
    expect([code, text]).toEqual([0, ''])
    expect(error).toContain('Processed a total of 0 messages. Reading began at the end: --from-beginning')
    expect((await on('consume', '--topic', 't', '--offset', '1', '--partition', '0')).error).toBe('Processed a total of 0 messages\n')
  })

  test('ends where a log ends that a power cut left with a hole behind its last record', async () => {
    await succeeds(fed('one\ntwo\n', 'produce', '--topic', 'holes'))
    writeFileSync(join(data, 'holes-0', '00000000000000000071.log'), '')
    for (const as of [['--json'], ['--json', '--group', 'g'], ['--json', '--isolation-level', 'read_committed']]) {
      const printed = await succeeds(on('consume', '--topic', 'holes', '--from-beginning', ...as))
      expect(jsonLines(printed).map(({ offset, value }) => [offset, value])).toEqual([[0, 'one'], [1, 'two']])
    }
    await succeeds(fed('three\n', 'produce', '--topic', 'holes'))
    expect(jsonLines(await succeeds(on('consume', '--topic', 'holes', '--json', '--group', 'g'))).map(({ offset, value }) => [offset, value])).toEqual([[71, 'three']])
  })

  test('prints an object a line; null stays null, bytes by the encoding', async () => {
    const headers = [{ key: 'h', value: 'x' }, { key: 'h', value: null }]
    const line = JSON.stringify({ key: '{"id":1}', value: null, headers, timestamp: 1_750_000_000_000 })
    await succeeds(fed(`${line}\n`, 'produce', '--topic', 't', '--input-format', 'json'))
    const as = async (encoding: string): Promise<Record<string, unknown>[]> => {
      return jsonLines(await succeeds(on('consume', '--topic', 't', '--from-beginning', '--json', '--encoding', encoding)))
    }
    const common = { topic: 't', partition: 0, offset: 0, timestamp: 1_750_000_000_000, timestampType: 'CreateTime', value: null }
    expect(await as('utf8')).toEqual([{ ...common, key: '{"id":1}', headers }])
    expect(await as('base64')).toEqual([{ ...common, key: 'eyJpZCI6MX0=', headers: [{ key: 'h', value: 'eA==' }, { key: 'h', value: null }] }])
    expect(await as('json')).toEqual([{ ...common, key: { id: 1 }, headers }])
  })

  test('prints what kafka-console-consumer prints with its properties', async () => {
    await succeeds(fed('a:1,b:2\tk\tv\n', 'produce', '--topic', 't', '--property', 'parse.headers=true', '--property', 'parse.key=true'))
    const all = ['timestamp', 'partition', 'offset'].flatMap((name) => ['--property', `print.${name}=true`])
    const { text } = await succeeds(on('consume', '--topic', 't', '--from-beginning', ...all, '--print', 'headers,key', '--property', 'key.separator=|'))
    expect(text).toMatch(/^CreateTime:\d+\|Partition:0\|Offset:0\|a:1,b:2\|k\|v\n$/)
  })

  test('starts and stops where it is told', async () => {
    await succeeds(fed('0\n1\n2\n3\n4\n', 'produce', '--topic', 't'))
    const read = async (...args: string[]): Promise<string> => (await on('consume', '--topic', 't', ...args)).text
    expect(await read('--from-beginning', '--max-messages', '2')).toBe('0\n1\n')
    expect(await read('--partition', '0', '--offset', '3')).toBe('3\n4\n')
    expect(await read('--partition', '0', '--offset', 'earliest', '--max-messages', '1')).toBe('0\n')
    expect(await read()).toBe('')
    expect((await on('consume', '--topic', 't', '--partition', '7', '--offset', '0')).error).toContain('topic t has no partition 7')
    expect((await on('consume', '--topic', 'none', '--from-beginning')).error).toContain('[UNKNOWN_TOPIC_OR_PARTITION]')
  })

  test('as a group goes on behind what it printed', async () => {
    await succeeds(fed('0\n1\n2\n3\n4\n', 'produce', '--topic', 't'))
    const asGroup = ['--topic', 't', '--group', 'g', '--from-beginning']
    const read = async (...args: string[]): Promise<string> => (await on('consume', ...asGroup, ...args)).text
    expect(await read('--max-messages', '2')).toBe('0\n1\n')
    expect(await read('--max-messages', '1')).toBe('2\n')
    expect(await read()).toBe('3\n4\n')
    expect(await read()).toBe('')
    expect((await on('consume', '--topic', 'none', '--group', 'g')).error).toContain('[UNKNOWN_TOPIC_OR_PARTITION]')
    expect((await succeeds(on('topics', '--list', '--exclude-internal'))).text).toBe('t\n')
  })

  test('of a topic that matches a pattern', async () => {
    await succeeds(fed('a\n', 'produce', '--topic', 'x.1'))
    await succeeds(fed('b\n', 'produce', '--topic', 'x.2'))
    const found = jsonLines(await succeeds(on('consume', '--include', 'x\\..', '--from-beginning', '--json')))
    expect(found.map((r) => `${String(r['topic'])} ${String(r['value'])}`).sort()).toEqual(['x.1 a', 'x.2 b'])
  })

  test('ends quietly when its reader goes away', async () => {
    await succeeds(fed(Buffer.from('x'.repeat(100) + '\n').toString().repeat(20_000), 'produce', '--topic', 't'))
    const { code, error } = await ottla(['consume', '--data', data, '--topic', 't', '--from-beginning'], {
      onStart: (child) => { child.stdout!.once('data', () => child.stdout!.destroy()) },
    })
    expect([code, error]).toEqual([0, ''])
  })

  test.runIf(existsSync('/dev/full'))('says so when its output cannot be written', async () => {
    await succeeds(fed('a\nb\n', 'produce', '--topic', 't'))
    const line = `${ottlaCommand} consume --data "${data}" --topic t --from-beginning > /dev/full`
    const { status, stderr } = spawnSync('sh', ['-c', line], { encoding: 'utf8' })
    expect([status, stderr]).toEqual([1, expect.stringContaining('error: the output could not be written: ENOSPC')])
  })

  test('follows what the owner of the directory writes, until it is interrupted', async () => {
    await succeeds(fed('first\n', 'produce', '--topic', 't'))
    let seen = ''
    const follower = ottla(['consume', '--data', data, '--topic', 't', '--from-beginning', '--follow'], {
      onStart: (child) => {
        child.stdout!.on('data', (chunk: Buffer) => {
          const before = seen
          seen += chunk.toString()
          if (before === '') void fed('second\n', 'produce', '--topic', 't')
          if (seen.includes('second')) child.kill('SIGINT')
        })
      },
    })
    const { code, text } = await follower
    expect([code, text]).toEqual([130, 'first\nsecond\n'])
  })

  test('waits for more no longer than it is told', async () => {
    await succeeds(fed('a\n', 'produce', '--topic', 't'))
    const started = performance.now()
    expect((await succeeds(on('consume', '--topic', 't', '--from-beginning', '--timeout-ms', '700'))).text).toBe('a\n')
    expect(performance.now() - started).toBeGreaterThan(700)
  })
})

describe('groups, offsets and sizes', () => {
  test('a group is listed, described, reset and deleted', async () => {
    await succeeds(on('topics', '--create', '--topic', 't', '--partitions', '2'))
    for (const partition of ['0', '1']) await succeeds(fed('a\nb\nc\n', 'produce', '--topic', 't', '--partition', partition))
    await succeeds(on('consume', '--topic', 't', '--group', 'g', '--from-beginning'))
    expect((await succeeds(on('groups', '--list'))).text).toBe('g\n')
    expect((await succeeds(on('groups', '--list', '--state'))).text).toBe('GROUP                     STATE               \ng                         Empty               \n')
    expect((await succeeds(on('groups', '--list', '--state', 'Stable'))).text).toBe('GROUP                     STATE               \n')
    const described = await on('groups', '--describe', '--group', 'g')
    expect(described.error).toContain("Consumer group 'g' has no active members.")
    expect(described.text.split('\n').slice(1, 3)).toEqual([
      'GROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG             CONSUMER-ID     HOST            CLIENT-ID',
      'g               t               0          3               3               0               -               -               -',
    ])

    const reset = (...args: string[]): Promise<Outcome> => on('groups', '--reset-offsets', '--group', 'g', ...args)
    const plan = await reset('--topic', 't:1', '--to-earliest')
    const head = 'GROUP                          TOPIC                          PARTITION  NEW-OFFSET     '
    const row = (partition: number, offset: number): string => `g                              t                              ${partition}          ${offset}              `
    expect([plan.code, plan.text.split('\n').slice(1)]).toEqual([0, [head, row(1, 0), '']])
    expect(plan.error).toContain('Nothing was changed')
    expect((await succeeds(reset('--all-topics', '--shift-by', '-2', '--execute'))).text).toContain(`${row(0, 1)}\n`)
    const beyond = await reset('--topic', 't', '--to-offset', '99', '--execute', '--json')
    expect(jsonLines(beyond).map((r) => r['newOffset'])).toEqual([3, 3])
    expect(beyond.error.split('\n')[0]).toBe('group \'g\': t-0 ends at offset 3: 99 is not there yet')
    await succeeds(reset('--topic', 't:0', '--to-earliest', '--execute'))
    const offsets = [{ partition: 0, currentOffset: 0, lag: 3 }, { partition: 1, lag: 0 }]
    expect(jsonLines(await succeeds(on('groups', '--describe', '--group', 'g', '--json')))).toMatchObject([{ groupId: 'g', state: 'Empty', offsets }])

    expect((await succeeds(on('groups', '--delete-offsets', '--group', 'g', '--topic', 't:1'))).text).toContain('t               1          Successful     ')
    expect((await succeeds(on('groups', '--delete', '--group', 'g'))).text).toBe("Deletion of requested consumer groups ('g') was successful.\n")
    const gone = await on('groups', '--describe', '--group', 'g')
    expect([gone.code, gone.error.includes('[GROUP_ID_NOT_FOUND]')]).toEqual([1, true])
  })

  test('offsets at the ends and by time, and records deleted', async () => {
    const lines = [1000, 2000, 3000].map((ms) => JSON.stringify({ value: 'v', timestamp: 1_750_000_000_000 + ms })).join('\n')
    await succeeds(fed(lines, 'produce', '--topic', 't', '--input-format', 'json'))
    const at = async (...args: string[]): Promise<string> => (await succeeds(on('get-offsets', '--topic', 't', ...args))).text
    expect([await at(), await at('--time', '-2'), await at('--time', 'max-timestamp'), await at('--time', '1750000001500')])
      .toEqual(['t:0:3\n', 't:0:0\n', 't:0:2\n', 't:0:1\n'])
    expect(await at('--time', new Date(1_750_000_001_500).toISOString())).toBe('t:0:1\n')
    expect((await succeeds(on('get-offsets', '--topic-partitions', 't:0-1'))).text).toBe('t:0:3\n')
    expect((await on('get-offsets', '--topic', 'none')).code).toBe(1)

    const file = join(scratch, 'delete.json')
    writeFileSync(file, JSON.stringify({ partitions: [{ topic: 't', partition: 0, offset: 1 }], version: 1 }))
    expect((await succeeds(on('delete-records', '--offset-json-file', file))).text)
      .toBe('Executing records delete operation\nRecords delete operation completed:\npartition: t-0\tlow_watermark: 1\n')
    await succeeds(on('delete-records', '--topic', 't', '--partition', '0', '--before', '2'))
    expect(await at('--time', 'earliest')).toBe('t:0:2\n')

    const dirs = (await succeeds(on('log-dirs', '--describe'))).text.split('\n')
    expect(dirs[0]).toBe('Querying brokers for log directories information')
    expect(dirs[1]).toMatch(/^Received log directory information from brokers \d+$/)
    const size = statSync(join(data, 't-0/00000000000000000000.log')).size
    const partitions = [{ partition: 't-0', size, offsetLag: 0, isFuture: false }]
    expect(JSON.parse(dirs[2]!)).toMatchObject({ version: 1, brokers: [{ logDirs: [{ error: null, partitions }] }] })
  })

  test('perf measures writing and reading', async () => {
    const load = ['--num-records', '2000', '--record-size', '100', '--throughput', '-1', '--producer-props', 'acks=1', 'linger.ms=1']
    const wrote = await succeeds(on('perf produce', '--topic', 'p', ...load))
    const masked = wrote.text.replaceAll(/[\d.]+(?= (records\/|MB|ms))/g, 'N')
    expect(masked).toBe('2000 records sent, N records/sec (N MB/sec), N ms avg latency, N ms max latency, N ms 50th, N ms 95th, N ms 99th, N ms 99.9th.\n')
    const read = (await succeeds(on('perf consume', '--topic', 'p', '--messages', '1500'))).text.split('\n')
    expect(read[0]).toMatch(/^start\.time, end\.time, data\.consumed\.in\.MB, MB\.sec, data\.consumed\.in\.nMsg, nMsg\.sec, /)
    expect(read[1]!.split(', ')[4]).toBe('1500')
  })
})

describe('beside the owner', () => {
  test('readers read, and who wants to change is told who owns the directory', async () => {
    await succeeds(fed('a\n', 'produce', '--topic', 't'))
    let answers: Outcome[] = []
    const owner = ottla(['produce', '--data', data, '--topic', 't', '--sync'], {
      onStart: (child) => {
        child.stdin!.write('b\n')
        void (async () => {
          // The owner is in once its first record is there.
          for (let seen = ''; seen !== 'a\nb\n';) seen = (await on('consume', '--topic', 't', '--from-beginning')).text
          answers = await Promise.all([
            on('topics', '--create', '--topic', 'x'), on('consume', '--topic', 't', '--from-beginning'), on('topics', '--list'),
            on('get-offsets', '--topic', 't'), on('verify'),
          ])
          child.stdin!.end('c\n')
        })()
      },
    })
    expect((await owner).code).toBe(0)
    expect(answers[0]!.code).toBe(1)
    expect(answers[0]!.error).toMatch(/\[DIRECTORY_LOCKED\]\nAnother process owns the data directory/)
    expect(answers.slice(1).map((each) => each.code)).toEqual([0, 0, 0, 0])
    expect([answers[1]!.text, answers[3]!.text]).toEqual(['a\nb\n', 't:0:2\n'])
    expect((await succeeds(on('consume', '--topic', 't', '--from-beginning'))).text).toBe('a\nb\nc\n')
  })
})

describe('a directory that Kafka wrote', () => {
  const copy = (name: string): void => cpSync(join(fixtures, name, 'data'), data, { recursive: true })
  const records = (name: string, file: string): Record<string, unknown>[] => {
    const lines = readFileSync(join(fixtures, name, 'truth/records', file), 'utf8').trim().split('\n')
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  test('is read as the Java consumer read it, committed and uncommitted, and no byte changes', async () => {
    copy('04-txn')
    const before = hashes(data)
    for (const isolation of ['read_committed', 'read_uncommitted']) {
      const from = ['--topic', 'txn', '--partition', '0', '--offset', 'earliest']
      const read = await on('consume', ...from, '--isolation-level', isolation, '--json', '--encoding', 'base64')
      expect(read.code).toBe(0)
      const expected = records('04-txn', `txn-0.${isolation}.jsonl`)
      const wanted = new Map(expected.map((r) => [r['offset'], r]))
      const found = jsonLines(read)
      expect(found.map((r) => r['offset'])).toEqual(expected.map((r) => r['offset']))
      for (const record of found) {
        const truth = wanted.get(record['offset'])!
        expect([record['timestamp'], record['timestampType']]).toEqual([truth['timestamp'], truth['timestampType']])
        if ('value' in truth) expect(record['value']).toEqual(truth['value'])
        if ('key' in truth) expect(record['key']).toEqual(truth['key'])
      }
    }
    for (const args of [['topics', '--describe'], ['groups', '--list'], ['get-offsets'], ['log-dirs', '--describe'], ['verify']]) {
      expect((await on(...args as [string])).code).toBe(0)
    }
    expect(hashes(data)).toEqual(before)
  })

  test('has the offsets that the broker answered', async () => {
    copy('03-segments')
    type Truth = Record<string, Record<string, { offset: number }>>
    const truth = JSON.parse(readFileSync(join(fixtures, '03-segments/truth/offsets.json'), 'utf8')) as Truth
    for (const [time, name] of [['earliest', 'earliest'], ['latest', 'latest'], ['max-timestamp', 'maxTimestamp']] as const) {
      const known = Object.entries(truth).filter(([, offsets]) => offsets[name]!.offset >= 0)
      const answered = known.map(([partition, offsets]) => `${partition.replace(/-(\d+)$/, ':$1')}:${offsets[name]!.offset}`)
      expect((await on('get-offsets', '--time', time)).text.trim().split('\n').sort()).toEqual(answered.sort())
    }
  })

  test('has the groups that kafka-consumer-groups described', async () => {
    copy('06-groups')
    const truth = readFileSync(join(fixtures, '06-groups/truth/consumer-groups.txt'), 'utf8').split(/^---- kafka-consumer-groups .*\n/m)
    const rows = (text: string): string[][] => {
      const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('GROUP '))
      return lines.map((line) => line.trim().split(/ +/)).sort()
    }
    const described = async (...args: string[]): Promise<string[][]> => (
      rows((await on('groups', '--describe', '--all-groups', ...args)).text)
    )
    expect(await described()).toEqual(rows(truth[2]!))
    // Where the coordinator is, is another matter; so are the epochs and targets of members, which these calls do not tell.
    const state = ([group, , , ...rest]: string[]): string[] => [group!, ...rest]
    expect((await described('--state')).map(state)).toEqual(rows(truth[1]!).map(state))
    const member = (row: string[]): string[] => [...row.slice(0, 6), row[7]!]
    expect((await described('--members', '--verbose')).map(member)).toEqual(rows(truth[3]!).map(member))
  })
})

describe('verify', () => {
  test('finds nothing in a good directory, and the place of a flipped bit in a bad one', async () => {
    await succeeds(fed('some\nlines\nhere\n', 'produce', '--topic', 't'))
    const good = await on('verify')
    expect([good.code, good.text]).toEqual([0, ''])
    expect(good.error).toMatch(/^0 errors, 0 warnings; .* checked\n$/)
    const log = join(data, 't-0/00000000000000000000.log')
    const bytes = readFileSync(log)
    bytes[bytes.length - 3]! ^= 1
    writeFileSync(log, bytes)
    const bad = await on('verify')
    expect(bad.code).toBe(1)
    expect(bad.text).toMatch(/^error: .*t-0.*00000000000000000000\.log position 0/m)
    expect(bad.error).toMatch(/^[1-9]\d* errors?,/)
    const json = await on('verify', '--json', '--topic', 't')
    const finding = jsonLines(json).find((each) => each['severity'] === 'error')!
    expect(finding['position']).toBe(0)
    expect(finding['file']).toContain('00000000000000000000.log')
  })
})

describe('dump-log', () => {
  test('prints what kafka-dump-log prints, both streams in its order, from the folder it was called in', async () => {
    const cwd = join(fixtures, '05-compact-after/data')
    const partition = readdirSync(cwd).find((name) => name.startsWith('compact.drop'))!
    const files = readdirSync(join(cwd, partition)).filter((name) => name.endsWith('.timeindex')).map((name) => `${partition}/${name}`)
    const dumped = await ottla(['dump-log', '--deep-iteration', '--files', files.join(',')], { cwd })
    expect(dumped.code).toBe(0)
    expect(dumped.text).toMatch(new RegExp(`^Dumping ${partition}/0{20}\\.timeindex\ntimestamp: \\d+ offset: \\d+`))
    if (dumped.error !== '') expect(dumped.error).toContain(`Found timestamp mismatch in :${cwd}/${partition}/`)
  })

  test('ends with 1 where Kafka\'s tool dies', async () => {
    const cwd = mkdtempSync(join(scratch, 'dump-'))
    writeFileSync(join(cwd, '00000000000000000000.log'), Buffer.alloc(40))
    const { code, text, error } = await ottla(['dump-log', '--files', '00000000000000000000.log'], { cwd })
    expect([code, text]).toEqual([1, 'Dumping 00000000000000000000.log\nLog starting offset: 0\n'])
    expect(error).toBe('FAILED: org.apache.kafka.common.errors.CorruptRecordException:' +
      ' Found record size 0 smaller than minimum record overhead (14) in file 00000000000000000000.log.\n')
  })

  test('prints JSON', async () => {
    await succeeds(fed('v\n', 'produce', '--topic', 't'))
    const log = join(data, 't-0/00000000000000000000.log')
    const items = jsonLines(await succeeds(ottla(['dump-log', '--files', log, '--print-data-log', '--json'])))
    expect(items.map((item) => item['type'])).toEqual(['file', 'log', 'batch', 'record'])
    expect(items[3]).toMatchObject({ offset: 0, key: null, value: 'v' })
  })
})

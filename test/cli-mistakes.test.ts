/** What is typed wrong, or right for another of Kafka's tools: each ends with advice, and never as a bug of ours. */
import { spawnSync } from 'node:child_process'
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemScheduler } from '../src/common/scheduler.ts'
import { nextTurn } from '../src/client/waiting.ts'
import { build, ottla, type Outcome } from './support/cli.ts'

let scratch: string
let data: string
const on = (command: string, ...args: string[]): Promise<Outcome> => ottla([...command.split(' '), ...args, '--data', data])

beforeAll(async () => {
  await build()
  scratch = mkdtempSync(join(tmpdir(), 'ottla-mistakes-'))
  data = join(scratch, 'data')
  await on('topics', '--create', '--topic', 'orders')
}, 120_000)
afterAll(() => { rmSync(scratch, { recursive: true, force: true }) })

describe.skipIf(process.platform === 'win32')('a path that leads nowhere', () => {
  beforeAll(() => {
    symlinkSync('loop', join(scratch, 'loop'))
    symlinkSync('gone', join(scratch, 'dangling'))
    spawnSync('mkfifo', [join(scratch, 'fifo')])
  })

  test.each([
    [['topics', '--list'], 'loop', 'ELOOP: too many symbolic links'], [['verify'], 'loop', 'ELOOP: too many symbolic links'],
    [['topics', '--list'], 'dangling', 'is a symbolic link to gone, which is not there'], [['verify'], 'dangling', 'is a symbolic link to gone, which is not there'],
    [['topics', '--create', '--topic', 'a'], 'dangling', 'is a symbolic link to gone, which is not there'],
    [['topics', '--create', '--topic', 'a'], 'dangling/sub', 'is a symbolic link to gone, which is not there'],
    [['topics', '--list'], 'n'.repeat(300), 'ENAMETOOLONG'],
  ])('%j --data %s is told as that', async (command, name, problem) => {
    const { code, error } = await ottla([...command, '--data', join(scratch, name)])
    expect([code, error]).toEqual([1, expect.stringContaining(problem)])
    expect(error).toMatch(/\[DIRECTORY_UNUSABLE\]\n.*\n$/)
  }, 30_000)

  test.each(['loop', 'n'.repeat(300), 'dangling'])('--file %s is a mistake of the command line', async (name) => {
    const { code, error } = await on('produce', '--topic', 'orders', '--file', join(scratch, name))
    expect([code, error]).toEqual([2, expect.stringMatching(/^error: --file: E(LOOP|NAMETOOLONG|NOENT): /)])
  }, 30_000)

  test.each([
    ['SIGINT', ['serve', '--in-memory', '--config']], ['SIGTERM', ['groups', '--reset-offsets', '--group', 'g', '--from-file']], ['SIGINT', ['produce', '--topic', 'orders', '--file']],
  ] as const)('%s ends who waits for the writer of a pipe: %j', async (signal, args) => {
    const fifo = join(scratch, 'fifo')
    let writer = -1
    const waiting = await ottla([...args, fifo], { env: { OTTLA_DATA: data }, onStart: (child) => {
      void (async () => {
        // Nobody reads, nobody can open it to write.
        for (; writer < 0; await nextTurn(systemScheduler)) try { writer = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK) } catch {}
        child.kill(signal)
      })()
    } })
    closeSync(writer)
    expect(waiting.signal === signal || waiting.code === (signal === 'SIGINT' ? 130 : 143)).toBe(true)
  }, 30_000)
})

describe('advice is given', () => {
  test.each([
    ['kafka-topics', 'topics'], ['kafka-console-consumer.sh', 'consume'], ['console-producer', 'produce'], ['consumer-groups', 'groups'], ['kafka-server-start.sh', 'serve'],
    ['producer-perf-test', 'perf produce'], ['topic', 'topics'],
  ])('to who calls %s: it is %s here', async (name, command) => {
    const { code, error } = await ottla([name, '--list'])
    expect([code, error.split('\n')[0]]).toEqual([2, `error: unknown command "${name}"; did you mean "${command}"?`])
  }, 30_000)

  test.each([
    [['consume', '--topic', 'orders', '--isolation-level', 'serializable'], 2, '--isolation-level is read_uncommitted or read_committed, not "serializable"'],
    [['consume', '--topic', 'orders', '--consumer-property', 'auto.ofset.reset=earliest'], 1, 'did you mean "auto.offset.reset"?'],
    [['configs', '--alter', '--topic', 'orders', '--delete-config', 'retenton.ms'], 2, '--delete-config: topic orders has no setting "retenton.ms"; did you mean retention.ms?'],
    [['configs', '--alter', '--user', 'a', '--add-config', 'producer_byte_rate=much'], 2, '--add-config producer_byte_rate needs a number, not "much"'],
    [['configs', '--alter', '--entity-type', 'groups', '--entity-default', '--add-config', 'a=3'], 2, '--entity-default is for brokers, users, clients and ips: name one of groups by --entity-name'],
    [['configs', '--describe', '--entity-type', 'brokers', '--entity-default', '--entity-name', '1'], 2, '--entity-name and --entity-default exclude each other'],
    [['configs', '--describe', '--topic', 'orders', '--broker', '1'], 2, 'one entity at a time: only users and clients go together'],
    [['configs', '--describe', '--entity-type', 'broker-loggers'], 2, 'levels of loggers are those of a broker that runs, and hold until it stops: give --bootstrap-server HOST:PORT'],
    [['configs', '--describe', '--entity-type', 'client-metrics'], 2, '--entity-name is required: which subscription to client metrics'],
    [['configs', '--alter', '--user', 'a', '--add-config', 'SCRAM-SHA-256=[password=x]'], 2, '"ottla users --set NAME" reads one from standard input'],
    [['configs', '--alter', '--topic', 'orders', '--add-config-file', '/no/such/file'], 2, '--add-config-file /no/such/file cannot be read: ENOENT'],
    [['perf', 'produce', '--topic', 'orders', '--num-records', '1', '--throughput', '-1', '--payload-file', '/no/such/file'], 2, '--payload-file /no/such/file cannot be read: ENOENT'],
    [['groups', '--delete', '--group', 'g', '--topic', 'orders'], 2, '--topic goes with --reset-offsets or --delete-offsets, not with --delete'],
    [['groups', '--delete', '--group', 'g', '--dry-run'], 2, '--dry-run goes with --reset-offsets, not with --delete'],
    [['groups', '--list', '--group', 'g'], 2, '--group goes with --describe, --delete, --reset-offsets or --delete-offsets, not with --list'],
    [['groups', '--delete-offsets', '--group', 'g', '--group', 'h', '--topic', 'orders'], 2, '--delete-offsets is of one group: give one --group'],
    [['groups', '--delete-offsets', '--all-groups', '--topic', 'orders'], 2, '--delete-offsets is of one group: give one --group'],
    [['topics', '--describe', '--config', 'retention.ms=5'], 2, '--config goes with --create or --alter, not with --describe'],
    [['topics', '--alter', '--topic', 'orders', '--partitions', '2', '--replica-assignment', '1,1'], 2, '--replica-assignment goes with --create, not with --alter'],
    [['topics', '--delete', '--topic', 'orders', '--topic-id', 'x'], 2, '--topic-id goes with --describe, not with --delete'],
    [['configs', '--describe', '--topic', 'orders', '--add-config', 'retention.ms=5'], 2, '--add-config goes with --alter, not with --describe'],
    [['configs', '--describe', '--topic', 'orders', '--entity-name', 'others'], 2, '--entity-name and --entity-default go with --entity-type, not with --topic'],
    [['configs', '--alter', '--topic', 'orders', '--user', 'a', '--add-config', 'producer_byte_rate=5'], 2, 'one entity at a time: only users and clients go together'],
    [['configs', '--alter', '--entity-type', 'users', '--user', 'a', '--entity-name', 'b', '--add-config', 'producer_byte_rate=5'], 2, 'the user is named twice, by --entity-name and by --user'],
    [['configs', '--describe', '--entity-type', 'topics', '--entity-name', 'orders', '--entity-name', 'others'], 2, 'one entity at a time: only users and clients go together'],
    [['configs', '--describe', '--entity-type', 'users', '--entity-name', 'a', '--entity-name', 'b'], 2, '--entity-name is given 2 times for one --entity-type'],
    [['configs', '--describe', '--client', 'c', '--entity-name', 'b'], 2, '--entity-name needs --entity-type: what kind of entity b is'],
    [['configs', '--describe', '--user', 'a', '--user-defaults'], 2, '--user and --user-defaults exclude each other'],
    [['acls', '--remove', '--principal', 'User:a', '--topic', 'orders', '--force'], 2, '--principal goes with --list, not with --remove'],
    [['acls', '--list', '--allow-principal', 'User:a'], 2, '--allow-principal goes with --add or --remove, not with --list'],
    [['acls', '--add', '--allow-principal', 'User:a', '--deny-host', '10.0.0.1', '--topic', 'orders'], 2, '--deny-host needs --deny-principal'],
    [['acls', '--add', '--allow-principal', 'User:a', '--idempotent', '--topic', 'orders'], 2, '--idempotent needs --producer'],
    [['users', '--list', '--iterations', '5000'], 2, '--iterations goes with --set'],
    [['log-dirs', '--broker-list', '1,7'], 2, '--broker-list: there is no broker 7; there is 1'],
  ])('for %j', async (args, code, message) => {
    const outcome = await on(args.join(' '))
    expect(outcome.error).toContain(message)
    expect([outcome.code, outcome.text]).toEqual([code, ''])
  }, 30_000)

  test('no command is done where its version is asked for, as by Kafka\'s tools', async () => {
    const { code, text } = await on('topics', '--version')
    expect([code, text]).toEqual([0, (await ottla(['--version'])).text])
    expect(await ottla(['topics', '--list', '--version'])).toMatchObject({ code, text })
  }, 30_000)

  test('a folder is no input', async () => {
    const folder = join(scratch, 'folder')
    mkdirSync(folder)
    const { code, error } = await on('produce', '--topic', 'orders', '--file', folder)
    expect([code, error.split(':')[1]]).toEqual([2, ` --file ${folder} is a directory`])
  }, 30_000)

  test('a setting that was not set is put back without complaint, and a file of settings is read', async () => {
    writeFileSync(join(scratch, 'settings'), '# of orders\nretention.ms=5000\n')
    expect((await on('configs', '--alter', '--topic', 'orders', '--add-config-file', join(scratch, 'settings'), '--delete-config', 'segment.ms')).text)
      .toBe('Completed updating config for topic orders.\n')
    expect((await on('configs', '--describe', '--topic', 'orders')).text).toContain('  retention.ms=5000 ')
  }, 30_000)
})

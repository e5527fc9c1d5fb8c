/** `ottla groups` beside kafka-consumer-groups of 4.1: what that one printed, on the same offsets, is what is expected here. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { open, silentLogger } from '../src/index.ts'
import { startBroker } from '../src/testing/index.ts'
import { build, jsonLines, ottla, ottlaCommand, type Outcome } from './support/cli.ts'

const long = 'a-very-long-topic-name-of-more-than-24'
let scratch: string
let data: string
const groups = (command: string, ...args: string[]): Promise<Outcome> => ottla(['groups', '--data', data, ...command.split(' '), ...args])
const offsets = async (group: string): Promise<unknown> => jsonLines(await groups('--describe --json --group', group))
  .flatMap(({ offsets: all }) => (all as { topic: string; partition: number; currentOffset: number }[]).map((each) => [each.topic, each.partition, each.currentOffset]))
const plan = (text: string): string => {
  const file = join(mkdtempSync(join(scratch, 'plan-')), 'plan.csv')
  writeFileSync(file, text)
  return file
}

beforeAll(async () => {
  await build()
  scratch = mkdtempSync(join(tmpdir(), 'ottla-groups-'))
}, 120_000)
afterAll(() => { rmSync(scratch, { recursive: true, force: true }) })
beforeEach(async () => {
  data = join(mkdtempSync(join(scratch, 'test-')), 'data')
  await using database = await open(data, { logger: silentLogger })
  await database.admin.createTopic('t', { partitions: 2 })
  await database.admin.createTopic(long)
  const producer = database.producer()
  for (const [topic, partition] of [['t', 0], ['t', 0], ['t', 0], ['t', 1], [long, 0]] as const) await producer.send({ topic, partition, value: Buffer.from('x') })
  await database.admin.alterGroupOffsets('g1', [{ topic: 't', partition: 0, offset: 3 }, { topic: 't', partition: 1, offset: 1 }, { topic: long, partition: 0, offset: 1 }])
  await database.admin.alterGroupOffsets('my group', [{ topic: 't', partition: 0, offset: 2, leaderEpoch: 0 }])
}, 60_000)

describe('--export', () => {
  test('writes the plan of one group, quoted as Kafka\'s tool quotes it, with an empty line at its end', async () => {
    const { code, text, error } = await groups('--reset-offsets --group g1 --all-topics --to-earliest --dry-run --export')
    expect([code, error, text]).toEqual([0, '', `"${long}",0,0\nt,0,0\nt,1,0\n\n`])
    expect(await offsets('g1')).toEqual([[long, 0, 1], ['t', 0, 3], ['t', 1, 1]])
  })
  test('names the groups where there may be several', async () => {
    expect((await groups('--reset-offsets --all-groups --topic t:0 --to-current --dry-run --export')).text).toBe('g1,t,0,3\n"my group",t,0,2\n\n')
    expect((await groups('--reset-offsets --group g1 --group new --topic t:0 --to-latest --export')).text).toBe('g1,t,0,3\nnew,t,0,3\n\n')
  })
})

describe('--from-file', () => {
  test('does what --export told', async () => {
    const { text } = await groups('--reset-offsets --all-groups --all-topics --to-earliest --export')
    const { code, text: done, error } = await groups('--reset-offsets --all-groups --execute --from-file', plan(text))
    expect([code, error]).toEqual([0, ''])
    expect(done).toBe([
      '', 'GROUP                          TOPIC                                  PARTITION  NEW-OFFSET     ',
      `g1                             ${long} 0          0              `,
      'g1                             t                                      0          0              ',
      'g1                             t                                      1          0              ',
      'my group                       t                                      0          0              ', '',
    ].join('\n'))
    expect([await offsets('g1'), await offsets('my group')]).toEqual([[[long, 0, 0], ['t', 0, 0], ['t', 1, 0]], [['t', 0, 0]]])
  })
  test('is read from a pipe, too', async () => {
    const command = `printf 't,1,1\\r\\n\\r\\n"t",0,2' | ${ottlaCommand} groups --data ${data} --reset-offsets --group new --execute --json --from-file /dev/stdin`
    const { stdout } = spawnSync('sh', ['-c', command], { encoding: 'utf8' })
    expect(stdout.trim().split('\n').map((line) => JSON.parse(line) as unknown)).toEqual([
      { group: 'new', topic: 't', partition: 1, newOffset: 1, executed: true }, { group: 'new', topic: 't', partition: 0, newOffset: 2, executed: true },
    ])
    expect(await offsets('new')).toEqual([['t', 0, 2], ['t', 1, 1]])
  })
  test('keeps to the groups that were asked for, and to the log', async () => {
    const file = plan('g1,t,0,99\n"my group",t,0,0\nother,t,0,0\n')
    const { code, text, error } = await groups('--reset-offsets --group g1 --group none --export --execute --from-file', file)
    expect([code, text]).toEqual([1, 'g1,t,0,3\n\n'])
    expect(error.split('\n')).toEqual(expect.arrayContaining([
      'group \'g1\': t-0 ends at offset 3: 99 is not there yet', `--from-file ${file} has no offsets of group 'none'`, `--from-file ${file}: left out what it has of other groups: my group, other`,
    ]))
    const all = await groups('--reset-offsets --all-groups --from-file', file)
    const notes = [`--from-file ${file}: left out what it has of groups that are not there: other`, 'Nothing was changed: add --execute to do it.', '']
    expect([all.code, all.error.split('\n').slice(1)]).toEqual([0, notes])
  })
  test.each([
    ['t,0,1\nt,9,1\nnone,0,1\n../x,0,1\n', 'nothing was changed\n  line 2: topic t has no partition 9\n  line 3: there is no topic none\n  line 4: there is no topic ../x\n'],
    ['t,0,1\nt,0\n', 'nothing was changed\n  line 2: 2 fields in place of topic,partition,offset\n'],
    ['', 'holds no offsets'],
  ])('of %j names every line that is wrong, and changes nothing', async (text, message) => {
    const { code, text: out, error } = await groups('--reset-offsets --group g1 --execute --from-file', plan(text))
    expect([code, out, error]).toEqual([2, '', expect.stringContaining(message)])
    expect(await offsets('g1')).toEqual([[long, 0, 1], ['t', 0, 3], ['t', 1, 1]])
  })
  test.each([
    ['--group g1 --topic t', '--from-file says itself which topics'],
    ['--group g1 --to-latest', '--from-file says itself where to'],
    ['--all-groups', 'names no groups (topic,partition,offset): say by one --group whose plan it is'],
    ['--group g1 --execute --dry-run', '--execute and --dry-run exclude each other'],
    ['--group g1 --export --json', '--export and --json exclude each other'],
  ])('with %s makes no sense', async (flags, message) => {
    const { code, error } = await groups(`--reset-offsets ${flags} --from-file`, plan('t,0,1\n'))
    expect([code, error]).toEqual([2, expect.stringContaining(message)])
  })
})

describe('--reset-offsets', () => {
  test('tells what becomes of times and numbers beyond the log', async () => {
    const late = await groups('--reset-offsets --group g1 --topic t:0 --by-duration PT0S --dry-run')
    expect([late.code, late.error]).toEqual([0, 'group \'g1\': t-0 has no record of that time or later: offset 3, its end\n'])
    const shifted = await groups('--reset-offsets --group g1 --topic t:0 --shift-by -9 --dry-run --export')
    expect([shifted.code, shifted.error, shifted.text]).toEqual([0, 'group \'g1\': t-0 begins at offset 0: -6 is not there any more\n', 't,0,0\n\n'])
    const nothing = await groups('--reset-offsets --group new --topic t --shift-by -1')
    expect([nothing.code, nothing.text, nothing.error]).toEqual([2, '', expect.stringContaining('--shift-by: group new has no offset in t-0 to shift from')])
  })
  test('leaves a group that has members alone, and does the others', async () => {
    await using broker = await startBroker()
    await broker.ottla.admin.createTopic('t')
    const producer = broker.ottla.producer()
    for (let i = 0; i < 3; i++) await producer.send({ topic: 't', value: Buffer.from('x') })
    await broker.ottla.admin.alterGroupOffsets('idle', [{ topic: 't', partition: 0, offset: 1 }])
    const consumer = broker.ottla.consumer({ 'group.id': 'busy', 'auto.offset.reset': 'earliest' })
    consumer.subscribe(['t'])
    while ((await consumer.poll()).length === 0);
    await consumer.commit()
    const on = (...args: string[]): Promise<Outcome> => ottla(['groups', '--bootstrap-server', broker.bootstrap, ...args])
    const { code, text, error } = await on('--reset-offsets', '--all-groups', '--all-topics', '--to-earliest', '--execute', '--export')
    expect([code, text, error]).toEqual([1, 'idle,t,0,0\n\n', 'Offsets can only be reset while a group has no members, and group \'busy\' is Stable: stop its consumers first.\n'])
    const [member] = (await broker.ottla.admin.describeGroup('busy')).members
    const shown = (await on('--describe', '--members', '--verbose', '--group', 'busy')).text
    const head = 'GROUP +CONSUMER-ID .*#PARTITIONS {5}CURRENT-EPOCH {3}CURRENT-ASSIGNMENT {3}TARGET-EPOCH {4}TARGET-ASSIGNMENT {3}'
    expect(shown).toMatch(new RegExp(`^\\n${head}\nbusy +${member!.memberId} .* 1 {15}- {15}t:0 {18}- {15}- {19}\n$`))
    await consumer.close()
  })
})

describe('listings', () => {
  test('by type and state, in Kafka\'s columns', async () => {
    const [head, first] = (await groups('--list --type')).text.split('\n')
    expect([head, first]).toEqual(['GROUP                     TYPE                ', 'g1                        Classic             '])
    expect((await groups('--list --type classic,consumer --state stable,empty')).text.split('\n')[1]).toBe('g1                        Classic              Empty               ')
    expect((await groups('--list --type consumer --state')).text).toBe('GROUP                     TYPE                 STATE               \n')
    for (const [flag, word] of [['--type', 'nonsense'], ['--state', 'gone']] as const) {
      const { code, error } = await groups(`--list ${flag} ${word}`)
      expect([code, error]).toEqual([2, expect.stringContaining(`${flag}: "${word}" is not known; there are `)])
    }
  })
  test('with --verbose show epochs', async () => {
    const { text } = await groups('--describe --verbose --group', 'my group')
    expect(text).toBe([
      '', 'GROUP           TOPIC           PARTITION  LEADER-EPOCH    CURRENT-OFFSET  LOG-END-OFFSET  LAG             CONSUMER-ID     HOST            CLIENT-ID',
      'my group        t               0          0               2               3               1               -               -               -', '',
    ].join('\n'))
    const state = await groups('--describe --verbose --state --group g1')
    expect(state.text).toMatch(/^\nGROUP {11}COORDINATOR \(ID\) {10}ASSIGNMENT-STRATEGY {2}STATE {16}GROUP-EPOCH {5}TARGET-ASSIGNMENT-EPOCH {3}#MEMBERS\ng1 .* Empty {16}- {15}- {25}0\n$/)
    expect(state.error).toBe('\nConsumer group \'g1\' has no active members.\n')
    expect((await groups('--describe --members --group g1')).text).toBe('\nGROUP           CONSUMER-ID     HOST            CLIENT-ID       #PARTITIONS     \n')
  })
  test('a group that is not there does not keep others from being deleted', async () => {
    const { code, text, error } = await groups('--delete --group none --group g1')
    expect([code, text, error]).toEqual([1, 'Deletion of requested consumer groups (\'g1\') was successful.\n', 'Group \'none\' could not be deleted: there is no group none [GROUP_ID_NOT_FOUND]\n'])
  })
})

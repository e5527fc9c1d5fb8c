/**
 * Every command on a cluster: the same words with --bootstrap-server give what they give with --data, output and exit code, and no other. The cluster is a broker in this
 * process, and Apache Kafka where OTTLA_KAFKA tells of one.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connect, silentLogger } from '../src/index.ts'
import { startBroker, type TestBroker } from '../src/testing/index.ts'
import { apacheKafka } from './clients/targets.ts'
import { build, ottla, root, type Outcome, type RunOptions } from './support/cli.ts'

let scratch: string
let broker: TestBroker
beforeAll(async () => {
  await build()
  scratch = mkdtempSync(join(tmpdir(), 'ottla-cluster-'))
  broker = await startBroker({ 'auto.create.topics.enable': true })
})
afterAll(async () => {
  await broker.close()
  rmSync(scratch, { recursive: true, force: true })
})
beforeEach(() => broker.reset())

type Run = (words: readonly string[], options?: RunOptions) => Promise<Outcome>
const at = (source: readonly string[]): Run => (words, options) => {
  const [name, second] = words
  const isPair = name === 'perf'
  return ottla([name!, ...isPair ? [second!] : [], ...source, ...words.slice(isPair ? 2 : 1)], options)
}

/** What differs from one broker, or one run, to the next. */
function masked({ code, text, error }: Outcome): unknown {
  const plain = (written: string): string => written.replaceAll(/TopicId: [\w-]{22}/g, 'TopicId: …').replaceAll(/"topicId":"[\w-]{22}"/g, '"topicId":"…"')
    .replaceAll(/(Leader|Replicas|Isr): \d+/g, '$1: …').replaceAll(/"(leader|broker)":\d+/g, '"$1":…').replaceAll(/"(replicas|isr)":\[\d+\]/g, '"$1":[…]')
    // Of a cluster only: a directory has no coordinator to tell of.
    .replaceAll(/"coordinator":\{"id":\d+,"host":"[^"]+","port":\d+\},/g, '')
    .replaceAll(/"logDir":"[^"]*"/g, '"logDir":…').replaceAll(/from brokers \d+/g, 'from brokers …').replaceAll(/[\w.-]+:\d+ {2}\(\d+\)/g, 'coordinator').replaceAll(/ +/g, ' ')
    // The words of an error are those of whoever raised it; its code is the same.
    .replaceAll(/\terror: .*\[(\w+)\]/g, '\terror: [$1]')
    .replaceAll(/error: .*\[(\w+)\]\n.*\n/g, 'error: [$1]\n')
  return [code, plain(text), plain(error)]
}

/** Commands and what they read, in order; one script does all that a command can be asked for. */
const scripts: Readonly<Record<string, readonly (readonly [words: string, input?: string])[]>> = {
  'topics and configs': [
    ['topics --list --exclude-internal'],
    ['topics --create --topic orders --partitions 2 --config retention.ms=1000'],
    ['topics --create --topic orders'],
    ['topics --create --topic orders --if-not-exists'],
    ['topics --alter --topic orders --partitions 3'],
    ['topics --alter --topic orders --partitions 1'],
    ['topics --describe --topic orders'],
    ['topics --describe --json --exclude-internal'],
    ['topics --list --topic ord.* --json'],
    ['configs --alter --topic orders --add-config cleanup.policy=[compact,delete],max.message.bytes=5000'],
    ['configs --describe --topic orders'],
    ['configs --alter --topic orders --delete-config retention.ms,cleanup.policy'],
    ['configs --describe --entity-type topics --entity-name orders'],
    ['configs --alter --topic orders --add-config retentionMs=5'],
    ['configs --describe --topic none'],
    ['topics --delete --topic orders'],
    ['topics --describe --topic orders'],
    ['topics --delete --topic orders'],
    ['topics --delete --topic orders --if-exists'],
  ],
  'records in and out': [
    ['produce --topic made', 'a\nb\n\nno end'],
    ['consume --topic made --from-beginning'],
    ['consume --topic made --from-beginning --max-messages 2'],
    ['consume --topic made'],
    ['produce --topic keyed --key-separator : --compression-codec zstd', 'k1:v1\nk2:v2\n'],
    ['produce --topic keyed --input-format json --sync', '{"key":"k3","value":null,"headers":[{"key":"h","value":"x"}],"timestamp":1750000000000}\n'],
    ['consume --topic keyed --from-beginning --print key,headers'],
    ['consume --topic keyed --partition 0 --offset 2 --json'],
    ['consume --include made|keyed --from-beginning --isolation-level read_committed'],
    ['consume --topic made --group readers --from-beginning --max-messages 1'],
    ['consume --topic made --group readers --from-beginning'],
    ['consume --topic made --group readers'],
    ['consume --topic none --from-beginning'],
    ['consume --topic none --group readers'],
    ['consume --topic made --from-beginning --timeout-ms 300'],
    ['produce --topic made --producer-property nonsense=1', 'x\n'],
    ['groups --delete --group readers'],
    ['topics --delete --topic made,keyed'],
  ],
  'groups, offsets and sizes': [
    ['topics --create --topic t --partitions 2'],
    ['produce --topic t --partition 0', 'a\nb\nc\n'],
    ['produce --topic t --partition 1', 'a\nb\nc\n'],
    ['consume --topic t --group g --from-beginning --max-messages 6 --raw'],
    ['groups --list'],
    ['groups --list --state'],
    ['groups --describe --group g'],
    ['groups --describe --group g --state'],
    ['groups --describe --group g --members'],
    ['groups --describe --all-groups --json'],
    ['groups --describe --group none'],
    ['groups --reset-offsets --group g --topic t:1 --to-earliest'],
    ['groups --reset-offsets --group g --all-topics --shift-by -2 --execute'],
    ['groups --reset-offsets --group new --topic t --to-latest --execute --json'],
    ['groups --delete-offsets --group g --topic t:1'],
    ['groups --delete --group g --group new'],
    ['groups --list'],
    ['get-offsets --topic t'],
    ['get-offsets --topic t --time earliest --json'],
    ['get-offsets --topic-partitions t:0-1'],
    ['get-offsets --topic none'],
    ['delete-records --topic t --partition 0 --before 2'],
    ['delete-records --topic t --partition 0 --before 99'],
    ['get-offsets --topic t --time -2'],
    ['log-dirs --describe --topic-list t'],
    ['topics --delete --topic t'],
  ],
}

describe.each(Object.entries(scripts))('%s', (_, script) => {
  test('are the same on a broker as on a directory', async () => {
    const onDirectory = at(['--data', join(mkdtempSync(join(scratch, 'test-')), 'data')])
    const onCluster = at(['--bootstrap-server', apacheKafka === null ? broker.bootstrap : `127.0.0.1:${apacheKafka.plain}`])
    const first = ['topics', '--create', '--topic', 'there']
    await onDirectory(first)
    await onCluster([...first, '--if-not-exists'])
    for (const [words, input] of script) {
      const options = input === undefined ? {} : { input }
      const [expected, got] = await Promise.all([onDirectory(words.split(' '), options), onCluster(words.split(' '), options)])
      expect([words, masked(got)]).toEqual([words, masked(expected)])
    }
  })
})

describe('on a cluster', () => {
  test('users are made, listed and removed as in a directory, and log in', async () => {
    const own = await startBroker({ sasl: { mechanisms: ['SCRAM-SHA-512'] }, users: { admin: 'admin-secret' } })
    try {
      const config = join(scratch, 'admin.properties')
      const jaas = 'sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required'
      writeFileSync(config, `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-512\n${jaas} username="admin" password="admin-secret";\n`)
      const run = at(['--bootstrap-server', own.bootstrap, '--command-config', config])
      const made = await run(['users', '--set', 'alice', '--iterations', '4096'], { input: 'her password\n' })
      expect([made.code, made.text, made.error]).toEqual([0, '', ''])
      const mechanisms = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map((mechanism) => ({ mechanism, iterations: 4096 }))
      expect((await own.ottla.users.list()).find(({ name }) => name === 'alice')).toEqual({ name: 'alice', mechanisms })
      expect((await run(['users', '--list'])).text).toMatch(/^USER .*\nadmin .*\nalice +SCRAM-SHA-256 \(4096\), SCRAM-SHA-512 \(4096\)\n$/)
      const kafka = await connect(own.bootstrap, { 'sasl.mechanism': 'SCRAM-SHA-512', 'sasl.username': 'alice', 'sasl.password': 'her password', logger: silentLogger })
      expect(await kafka.admin.listTopics()).toEqual([])
      await expect(kafka.users.set('bob', 'x', { iterations: 5 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
      await kafka.close()
      expect((await run(['users', '--remove', 'alice'])).code).toBe(0)
      const gone = await run(['users', '--remove', 'alice'])
      expect([gone.code, gone.error]).toEqual([1, 'there is no user alice\n'])
      expect(await own.ottla.users.list()).toHaveLength(1)
    } finally {
      await own.close()
    }
  })

  test('perf measures writing and reading, and takes the cluster from the properties of the producer, as Kafka\'s tool', async () => {
    const load = ['--num-records', '2000', '--record-size', '100', '--throughput', '-1', '--producer-props', 'acks=1', `bootstrap.servers=${broker.bootstrap}`]
    const wrote = await ottla(['perf', 'produce', '--topic', 'p', ...load])
    expect([wrote.code, wrote.error, wrote.text]).toEqual([0, '', expect.stringMatching(/^2000 records sent, .* ms 99.9th\.\n$/)])
    const read = await at(['--bootstrap-server', broker.bootstrap])(['perf', 'consume', '--topic', 'p', '--messages', '1500'])
    expect([read.code, read.text.split('\n')[1]!.split(', ')[4]]).toEqual([0, '1500'])
  })

  test('consume --follow prints what comes while it waits, from topics that are made meanwhile, too', async () => {
    const producer = (): Promise<unknown> => broker.ottla.producer().send({ topic: 'live.1', value: 'first' })
    await producer()
    let seen = ''
    const { code, text } = await ottla(['consume', '--bootstrap-server', broker.bootstrap, '--include', 'live\\..', '--from-beginning', '--follow'], {
      onStart: (child) => {
        child.stdout!.on('data', (chunk: Buffer) => {
          const before = seen
          seen += chunk.toString()
          if (before === '') void broker.ottla.producer().send({ topic: 'live.1', value: 'second' }).then(() => broker.ottla.producer().send({ topic: 'live.2', value: 'third' }))
          if (seen.includes('third')) child.kill('SIGINT')
        })
      },
    })
    expect([code, text]).toEqual([130, 'first\nsecond\nthird\n'])
  })

  test('a group waits for its turn to read, however long the first join takes', async () => {
    const own = await startBroker({ 'group.initial.rebalance.delay.ms': 1500 })
    try {
      await own.ottla.producer().send({ topic: 't', value: 'x' })
      const { code, text } = await ottla(['consume', '--bootstrap-server', own.bootstrap, '--topic', 't', '--group', 'g', '--from-beginning'])
      expect([code, text]).toEqual([0, 'x\n'])
    } finally {
      await own.close()
    }
  })

  test('a broker that is not there is told at once', async () => {
    const own = await startBroker()
    await own.close()
    for (const words of [['topics', '--list'], ['consume', '--topic', 't'], ['produce', '--topic', 't']]) {
      const { code, text, error } = await ottla([words[0]!, '--bootstrap-server', own.bootstrap, ...words.slice(1)])
      expect([code, text]).toEqual([1, ''])
      expect(error).toMatch(/ECONNREFUSED.*\[NETWORK_EXCEPTION\]/)
    }
  })

  test('the environment\'s directory gives way to a cluster that is named', async () => {
    await broker.ottla.admin.createTopic('there')
    expect((await ottla(['topics', '--bootstrap-server', broker.bootstrap, '--list'], { env: { OTTLA_DATA: '/nowhere' } })).text).toBe('there\n')
  })

  test.each([
    [['topics', '--list', '--data', 'x', '--bootstrap-server', 'h:1'], 2, '--data and --bootstrap-server exclude each other'],
    [['topics', '--list', '--command-config', 'x'], 2, '--command-config tells how to reach a cluster'],
    [['topics', '--list', '--bootstrap-server', 'h:1', '--command-config', 'none.properties'], 2, 'none.properties cannot be read'],
    [['topics', '--list', '--broker-list', 'h:1'], 2, 'a cluster is named by --bootstrap-server'],
    [['topics', '--list'], 2, '--data DIR is required, or --bootstrap-server HOST:PORT'],
    [['topics', '--list', '--bootstrap-server', 'h:port'], 1, '[INVALID_CONFIG]'],
    [['verify', '--bootstrap-server', 'h:1'], 2, 'this command works on files; use --data DIR'],
    [['dump-log', '--bootstrap-server', 'h:1'], 2, 'this command works on files'],
    [['perf', 'produce', '--bootstrap-server', 'h:1', '--topic', 't', '--num-records', '1', '--record-size', '1', '--print-metrics'], 2, 'it needs --data'],
  ])('%j makes no sense', async (args, code, message) => {
    const outcome = await ottla(args)
    expect([outcome.code, outcome.text]).toEqual([code, ''])
    expect(outcome.error).toContain(message)
  })
})

describe('--command-config', () => {
  const file = (...lines: string[]): string => {
    const path = join(mkdtempSync(join(scratch, 'config-')), 'client.properties')
    writeFileSync(path, `# as of Kafka\n${lines.join('\n')}\n`)
    return path
  }
  const tls = (name: string): string => join(root, 'test/data/tls', name)

  test('logs in with SASL over TLS, as Kafka\'s files say it', async () => {
    const own = await startBroker({
      tls: { cert: readFileSync(tls('first.cert.pem')), key: readFileSync(tls('first.key.pem')) }, sasl: { mechanisms: ['SCRAM-SHA-512'] }, users: { alice: 'her; "secret"' },
    })
    try {
      await own.ottla.admin.createTopic('there')
      const lines = [
        'security.protocol=SASL_SSL', 'sasl.mechanism=SCRAM-SHA-512', `ssl.truststore.location=${tls('first.cert.pem')}`, 'ssl.truststore.type=PEM',
        'ssl.endpoint.identification.algorithm=', 'ssl.protocol=TLSv1.3', 'retries=3', 'key.serializer=org.apache.kafka.common.serialization.StringSerializer',
      ]
      const jaas = (password: string): string => (
        `sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\\n  username="alice" password="${password.replaceAll('"', '\\\\"')}";`)
      const good = file(...lines, jaas('her; "secret"'))
      const listed = await ottla(['topics', '--list', '--bootstrap-server', own.bootstrap, '--command-config', good])
      expect([listed.code, listed.text, listed.error]).toEqual([0, 'there\n', ''])
      const sent = await ottla(['produce', '--topic', 'there', '--bootstrap-server', own.bootstrap, '--command-config', good], { input: 'x\n' })
      expect([sent.code, sent.error]).toEqual([0, ''])
      const bad = await ottla(['topics', '--list', '--bootstrap-server', own.bootstrap, '--command-config', file(...lines, jaas('wrong'))])
      expect([bad.code, bad.error]).toEqual([1, expect.stringContaining('[SASL_AUTHENTICATION_FAILED]')])
      const plain = await ottla(['topics', '--list', '--bootstrap-server', own.bootstrap])
      expect(plain.code).toBe(1)
    } finally {
      await own.close()
    }
  })

  test('gives a producer and a consumer what is theirs', async () => {
    const config = file('acks=0', 'compression.type=gzip', 'group.id=ignored', 'max.poll.records=1', 'isolation.level=read_committed', 'client.id=named')
    const fault = broker.fail('Produce', { error: 'MESSAGE_TOO_LARGE', where: ({ clientId, body }) => clientId === 'named' && body['acks'] === 0 })
    await ottla(['produce', '--topic', 't', '--bootstrap-server', broker.bootstrap, '--command-config', config], { input: 'x\n' })
    expect(fault.hits).toBe(1)
    const told = await ottla(['topics', '--list', '--debug', '--bootstrap-server', broker.bootstrap, '--command-config', file('kafka.metrics.polling.interval.secs=1')])
    expect(told.error).toContain('settings that mean nothing here: kafka.metrics.polling.interval.secs')
  })

  test.each([
    ['ssl.truststore.type=JKS', 'read as PEM'],
    ['ssl.keystore.password=secret', 'PEM files have no password'],
    ['ssl.cipher.suites=TLS_AES_128_GCM_SHA256', 'leave it out'],
    ['ssl.enabled.protocols=TLSv1.1', 'TLS 1.2 and 1.3'],
    ['sasl.mechanism=GSSAPI', 'Kerberos and OAuth are not built'],
    ['security.protocol=SASL_PLAINTEXT', 'needs a sasl.mechanism'],
    ['sasl.login.callback.handler.class=com.example.Handler', 'classes of Java cannot be loaded'],
  ])('refuses %s, with advice', async (line, text) => {
    const { code, error } = await ottla(['topics', '--list', '--bootstrap-server', broker.bootstrap, '--command-config', file(line)])
    expect([code, error]).toEqual([2, expect.stringContaining(text)])
    expect(error).not.toContain('secret')
  })
})

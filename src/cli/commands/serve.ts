/** `ottla serve`: a broker for Kafka's clients on a data directory, until a signal ends it. */
import { OttlaError } from '../../common/errors.ts'
import type { Listener, TlsSettings } from '../../index.ts'
import { loadSessions, openServed, serverProperties, type ServedDatabase } from '../../tools.ts'
import { pairs } from '../arguments.ts'
import { dataOptions, defineCommand, UsageError, type Command } from '../command.ts'
import { planServer, type ServerPlan, type TlsPlan } from '../server-settings.ts'
import { loggerOf } from '../session.ts'
import type { Terminal } from '../terminal.ts'
import { wholeFile } from '../whole-file.ts'

const options = {
  ...dataOptions,
  config: { type: 'text', value: 'FILE', help: 'a server.properties as of Kafka; may stand without --config' },
  override: { type: 'text', value: 'NAME=VALUE', many: true, help: 'a setting that wins over the file; may be given several times' },
  listeners: { type: 'text', value: 'LIST', help: 'where to listen; default PLAINTEXT://127.0.0.1:9092' },
  'advertised-listeners': { type: 'text', value: 'LIST', help: 'what clients are told to connect to; default: the address by which they came' },
  port: { type: 'number', value: 'N', least: 0, help: 'the port of the listener; 0: one that is free' },
  'in-memory': { type: 'flag', help: 'keep nothing: files live in memory only, and --data is not needed' },
  'allow-insecure': { type: 'flag', help: 'listen beyond this machine although everybody who reaches the port may do everything' },
  'metrics-port': { type: 'number', value: 'N', least: 0, help: 'serve /metrics (Prometheus) and /health on this port; 0: a free one' },
  'metrics-host': { type: 'text', value: 'HOST', help: 'the address for that; default 127.0.0.1' },
} as const

export const serve: Command = defineCommand({
  name: 'serve',
  summary: 'listen for Kafka clients',
  usage: ['--data DIR [--listeners PLAINTEXT://127.0.0.1:9092] [--port N] [server.properties] [--override NAME=VALUE]…', '--in-memory [--port N]'],
  notes: [
    'Prints one line, "listening on HOST:PORT", once clients can connect. SIGTERM and Ctrl-C answer',
    'what was asked, close the data directory and end with exit code 0; a second signal does not wait.',
    'Listeners may be SSL (ssl.keystore.location: a PEM file; SIGHUP reads it anew), SASL_PLAINTEXT and',
    'SASL_SSL (sasl.enabled.mechanisms; users are made by "ottla users" or kafka-configs); one of',
    'several may have settings of its own: listener.name.inside.ssl.client.auth=required.',
    'authorizer.class.name (Kafka\'s StandardAuthorizer) and super.users have it heed ACLs ("ottla acls").',
  ],
  options,
  operand: 'config',
  endsOnSignal: true,
  examples: ['ottla serve --data ./data', 'ottla serve --in-memory --port 0', 'ottla serve config/server.properties --override num.partitions=3'],
  async run(terminal, values) {
    const launcher = process.ppid
    const { properties, isKnown, likely } = await serverProperties(values.config === undefined ? new Uint8Array(0) : readConfig(values.config))
    const plan = planServer(properties, pairs('override', values.override), { ...values, data: values.data ?? process.env['OTTLA_DATA'] }, isKnown)
    if (values['metrics-host'] !== undefined && values['metrics-port'] === undefined) throw new UsageError('--metrics-host needs --metrics-port')
    if (values['in-memory']) refuseDirectory(values)
    if (plan.directory === undefined && !values['in-memory']) throw new UsageError('--data DIR is required (or --in-memory)')
    const logger = loggerOf(terminal, values.debug)
    if (plan.unused.length > 0) logger.info(`settings that mean nothing here: ${plan.unused.join(', ')}`)
    if (plan.unheeded.length > 0) logger.warn(`these keep nobody and nothing out here: ${plan.unheeded.join(', ')}`)
    for (const problem of plan.unused.map(likely)) if (problem !== null) logger.warn(problem)
    const logins = plan.unused.filter((name) => name.endsWith('sasl.jaas.config'))
    if (logins.length > 0) logger.warn(`nobody can log in by ${logins.join(', ')}: users are made by "ottla users"`)
    const ottla = await openServed(plan.directory ?? '', { ...plan.settings, inMemory: values['in-memory'], logger, signal: terminal.signal })
    try {
      await serveUntilStopped(terminal, ottla, plan, {
        launcher, allowInsecure: values['allow-insecure'], metricsPort: values['metrics-port'], metricsHost: values['metrics-host'] ?? '127.0.0.1',
      })
    } finally {
      await ottla.close()
    }
    return 0
  },
})

/** Who names a directory wants it kept; of a file written for Kafka, and of a variable for all commands, that is not sure. */
function refuseDirectory({ data, override }: { readonly data: string | undefined; readonly override: readonly string[] }): void {
  const named = data === undefined ? override.find((each) => /^log\.dirs? *=/.test(each))?.split('=')[0]?.trim() : '--data'
  if (named !== undefined) throw new UsageError(`--in-memory keeps nothing: leave ${named} out`)
}

function readConfig(file: string): Buffer {
  try {
    return wholeFile(file)
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

interface ServeOptions { readonly launcher: number; readonly allowInsecure: boolean; readonly metricsPort: number | undefined; readonly metricsHost: string }

async function serveUntilStopped(terminal: Terminal, ottla: ServedDatabase, plan: ServerPlan, options: ServeOptions): Promise<void> {
  const { launcher, allowInsecure, metricsPort, metricsHost } = options
  const listeners: Listener[] = []
  const secured: Secured[] = []
  for (const { tls, mechanisms, ...address } of plan.listeners) {
    const security = { ...(tls === null ? {} : { tls: readTls(tls) }), ...(mechanisms === null ? {} : { sasl: { mechanisms } }), ...(plan.acls === null ? {} : { acls: plan.acls }) }
    const listener = await ottla.listen({ ...address, ...security, allowInsecure }).catch(explain)
    listeners.push(listener)
    if (tls !== null) secured.push({ name: address.name, listener, tls })
  }
  const reload = (): void => reloadCertificates(terminal, secured)
  process.on('SIGHUP', reload)
  // HTTP is loaded where it is wanted only: clients wait for this process to be ready.
  const metrics = metricsPort === undefined ? null : await (await import('../metrics-endpoint.ts')).openMetricsEndpoint(metricsHost, metricsPort, ottla, listeners)
  if (metrics !== null) void terminal.line(`metrics on ${withPort(metricsHost, metrics.port)}`)
  void terminal.line(`listening on ${listeners.map(({ address, port }) => withPort(address, port)).join(', ')}`)
  await terminal.flush()
  void loadSessions()
  const watch = setInterval(() => { if (isOrphaned(launcher)) terminal.interrupt() }, LAUNCHER_PERIOD_MS).unref()
  if (!terminal.signal.aborted) await new Promise<void>((resolve) => { terminal.signal.addEventListener('abort', () => resolve(), { once: true }) })
  clearInterval(watch)
  process.off('SIGHUP', reload)
  metrics?.close()
}

function withPort(address: string, port: number): string { return `${address.includes(':') ? `[${address}]` : address}:${port}` }

/** How often it is looked whether npm is still there. */
const LAUNCHER_PERIOD_MS = 200

/** npm and npx pass signals on to a shell that does not: started by them, the server would outlive whoever ended it. */
function isOrphaned(launcher: number): boolean { return process.env['npm_command'] !== undefined && process.ppid !== launcher }

/** Raises UsageError when a file cannot be read or none is named. */
function readTls({ keystore, chain, key, passphrase, truststore, certificates, clientAuth, principalMappingRules: rules }: TlsPlan): TlsSettings {
  // As in Kafka: which of the two was meant cannot be told.
  if (keystore !== undefined && (chain ?? key) !== undefined) throw bothGiven('ssl.keystore.location and ssl.keystore.certificate.chain or ssl.keystore.key')
  if (truststore !== undefined && certificates !== undefined) throw bothGiven('ssl.truststore.location and ssl.truststore.certificates')
  const pem = keystore === undefined ? undefined : readPem('ssl.keystore.location', keystore)
  const cert = chain ?? pem
  const privateKey = key ?? pem
  if (cert === undefined || privateKey === undefined) {
    throw new UsageError('a listener with SSL needs ssl.keystore.location: a PEM file with its certificate and key')
  }
  const ca = certificates ?? (truststore === undefined ? undefined : readPem('ssl.truststore.location', truststore))
  return {
    cert, key: privateKey, clientAuth, ...(passphrase === undefined ? {} : { passphrase }), ...(ca === undefined ? {} : { ca }),
    ...(rules === undefined ? {} : { principalMappingRules: rules }),
  }
}

function bothGiven(names: string): UsageError { return new UsageError(`${names} are both given for a listener: leave one out`) }

/** Kafka takes stores of Java's, too, which Node cannot read. */
function readPem(setting: string, file: string): Uint8Array {
  const bytes = readConfig(file)
  if (bytes.includes('-----BEGIN ')) return bytes
  throw new UsageError(`${setting}: ${file} is not PEM. A store of PKCS12 becomes PEM by "openssl pkcs12 -in STORE -out STORE.pem -nodes", `
    + 'one of JKS is made PKCS12 first, by "keytool -importkeystore -srckeystore STORE -destkeystore STORE.p12 -deststoretype PKCS12"')
}

interface Secured { readonly name: string; readonly listener: Listener; readonly tls: TlsPlan }

/** Of each listener for itself: a certificate that cannot be used leaves the old one in force. */
function reloadCertificates(terminal: Terminal, secured: readonly Secured[]): void {
  for (const { name, listener, tls } of secured) {
    try {
      listener.replaceCertificate(readTls(tls))
      terminal.note(`the certificate of ${name} was read anew`)
    } catch (error) {
      terminal.note(`warning: the old certificate of ${name} stays: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}

/** The option as one types it here. */
function explain(error: unknown): never {
  const isInsecure = OttlaError.is(error, 'INVALID_CONFIG') && error.message.includes('allowInsecure')
  throw isInsecure ? new OttlaError('INVALID_CONFIG', error.message.replace('allowInsecure: true', '--allow-insecure'), { cause: error }) : error
}

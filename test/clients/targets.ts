/**
 * What the suites of this folder run on: an embedded database, the same behind a port of its own, and Apache Kafka where OTTLA_KAFKA tells of one
 * (`npm run test:kafka` starts it and sets the variable: JSON of ports and certificate).
 */
import { connect, open, silentLogger, type Kafka } from '../../src/index.ts'

export interface Target {
  readonly kafka: Kafka
  /** Another client of the same cluster. */
  another(): Promise<Kafka>
  close(): Promise<void>
}

/** As scripts/kafka-broker.mjs gives them: `proxied` tells clients to come by `proxy`, a POST to `restarts` kills the broker and starts it again. */
export interface KafkaPorts {
  readonly plain: number; readonly ssl: number; readonly sasl: number; readonly saslSsl: number; readonly certificate: string
  readonly proxied: number; readonly proxy: number; readonly restarts: number
}

export const apacheKafka: KafkaPorts | null = process.env['OTTLA_KAFKA'] === undefined ? null : JSON.parse(process.env['OTTLA_KAFKA']) as KafkaPorts

async function embedded(): Promise<Target> {
  const kafka = await open('', { inMemory: true, logger: silentLogger })
  return { kafka, another: () => Promise.resolve(kafka), close: () => kafka.close() }
}

async function overOwnPort(): Promise<Target> {
  const database = await open('', { inMemory: true, logger: silentLogger })
  const listener = await database.listen({ port: 0 })
  const connections: Kafka[] = []
  const another = async (): Promise<Kafka> => {
    const kafka = await connect(`127.0.0.1:${listener.port}`, { logger: silentLogger })
    connections.push(kafka)
    return kafka
  }
  const kafka = await another()
  return {
    kafka, another,
    async close() {
      await Promise.all(connections.map((each) => each.close()))
      await database.close()
    },
  }
}

async function overApacheKafka(): Promise<Target> {
  const connections: Kafka[] = []
  const another = async (): Promise<Kafka> => {
    const kafka = await connect(`127.0.0.1:${apacheKafka!.plain}`, { logger: silentLogger })
    connections.push(kafka)
    return kafka
  }
  const kafka = await another()
  return { kafka, another, close: async () => { await Promise.all(connections.map((each) => each.close())) } }
}

export const targets: readonly (readonly [name: string, start: () => Promise<Target>])[] = [
  ['an embedded database', embedded], ['another Ottla', overOwnPort], ...apacheKafka === null ? [] : [['Apache Kafka', overApacheKafka] as const],
]

let names = 0
/** A name that no other run has used: the cluster may be older than this process. */
export function fresh(what: string): string {
  names += 1
  return `${what}-${process.pid}-${Date.now().toString(36)}-${names}`
}

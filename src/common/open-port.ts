/** A port that clients of other processes connect to, as it is told to who asks for the settings of the broker. */
export interface OpenPort {
  /** Name of the listener: its own, or its security protocol. */
  readonly name: string
  readonly protocol: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
  /** Where it is bound. */
  readonly host: string
  readonly port: number
  /** What clients are told to come back to; null: the address by which they came. */
  readonly advertisedHost: string | null
  readonly advertisedPort: number | null
  /** Of SASL; empty without. */
  readonly mechanisms: readonly string[]
  readonly clientAuth: 'none' | 'requested' | 'required'
  /** Whom ACLs do not bind; null where no ACLs are heeded. */
  readonly superUsers: readonly string[] | null
}

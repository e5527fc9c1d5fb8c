/** Who we are, and whom we trust: SASL credentials and TLS options from the settings of a connection. */
import { OttlaError } from '../../common/errors.ts'
import type { ClientValues } from '../../config/settings.ts'
import type { Credentials } from './sasl.ts'
import type { TlsOptions } from './socket.ts'

/** Null without SASL. Raises INVALID_CONFIG. */
export function credentialsOf(values: ClientValues): Credentials | null {
  const mechanism = values['sasl.mechanism']
  if (!values['security.protocol'].startsWith('SASL_') || mechanism === null) return null
  const jaas = values['sasl.jaas.config']
  const username = values['sasl.username'] ?? jaasOption(jaas, 'username')
  const password = values['sasl.password'] ?? jaasOption(jaas, 'password')
  if (username === null || password === null) throw new OttlaError('INVALID_CONFIG', 'sasl.jaas.config needs username="…" and password="…", or give sasl.username and sasl.password')
  return { mechanism, username, password }
}

/** An option of a line of JAAS: in quotes, with backslashes before quotes and backslashes, or bare. */
function jaasOption(line: string | null, name: string): string | null {
  const match = new RegExp(`(?:^|\\s)${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;"]+))`).exec(line ?? '')
  if (match === null) return null
  return match[2] ?? match[1]!.replaceAll(/\\(.)/g, '$1')
}

/** Null without TLS. `read` gives the text of a file. Options given as object come before settings. Raises INVALID_CONFIG. */
export function tlsOf(values: ClientValues, ssl: boolean | TlsOptions, read: (path: string) => string): TlsOptions | null {
  if (!values['security.protocol'].endsWith('SSL')) return null
  const file = (name: 'ssl.truststore.location' | 'ssl.keystore.location'): string | null => values[name] === null ? null : pem(name, values[name], read)
  const ca = values['ssl.truststore.certificates'] ?? file('ssl.truststore.location')
  const store = file('ssl.keystore.location')
  const cert = values['ssl.keystore.certificate.chain'] ?? store
  const key = values['ssl.keystore.key'] ?? store
  return {
    ...ca === null ? {} : { ca }, ...cert === null ? {} : { cert }, ...key === null ? {} : { key },
    ...values['ssl.key.password'] === null ? {} : { passphrase: values['ssl.key.password'] },
    // Any name will do, but the chain is checked all the same.
    ...values['ssl.endpoint.identification.algorithm'] === '' ? { checkServerIdentity: () => undefined } : {},
    ...typeof ssl === 'object' ? ssl : {},
  }
}

function pem(name: string, path: string, read: (path: string) => string): string {
  let text: string
  try {
    text = read(path)
  } catch (error) {
    throw new OttlaError('INVALID_CONFIG', `${name}: ${path} cannot be read`, { cause: error, file: path })
  }
  if (text.includes('-----BEGIN ')) return text
  throw new OttlaError('INVALID_CONFIG', `${name}: ${path} is not PEM text; turn a Java key store into PEM with keytool -exportcert -rfc, or openssl pkcs12`, { file: path })
}

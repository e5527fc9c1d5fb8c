/** Opens sockets to brokers, plain or TLS, and says in plain words what went wrong with one. */
import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { OttlaError } from '../../common/errors.ts'
import { addressText, type Address } from './address.ts'

export type TlsOptions = ConnectionOptions

/** A socket that is being connected; `connected` is called once bytes can be sent: with TLS, after the broker has proved who it is. */
export function openSocket(address: Address, tls: TlsOptions | null, connected: () => void): Socket {
  const { host, port } = address
  if (tls === null) return connectPlain({ host, port, noDelay: true, keepAlive: true }, connected)
  const socket = connectTls({ ...isIP(host) === 0 ? { servername: host } : {}, ...tls, host, port }, connected)
  socket.setNoDelay(true)
  socket.setKeepAlive(true)
  return socket
}

const problems: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (ECONNREFUSED)', ENOTFOUND: 'the host name is not known (ENOTFOUND)', EAI_AGAIN: 'the host name cannot be looked up now (EAI_AGAIN)',
  ECONNRESET: 'the connection was cut (ECONNRESET)', EPIPE: 'the connection was cut (EPIPE)', EHOSTUNREACH: 'the host cannot be reached (EHOSTUNREACH)',
  ENETUNREACH: 'the network cannot be reached (ENETUNREACH)', ETIMEDOUT: 'the host does not answer (ETIMEDOUT)',
}

/** NETWORK_EXCEPTION, or INVALID_CONFIG where only other settings of TLS can help. */
export function socketError(address: Address, error: Error, usesTls: boolean): OttlaError {
  const { code = '' } = error as NodeJS.ErrnoException
  const where = `broker ${addressText(address)}`
  if (usesTls && /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code)) {
    return new OttlaError('INVALID_CONFIG', `${where}: its certificate is not accepted: ${error.message}; give its authority as ssl.truststore.certificates or ssl: { ca }`, { cause: error })
  }
  if (usesTls && (code === 'EPROTO' || code.startsWith('ERR_SSL'))) {
    return new OttlaError('INVALID_CONFIG', `${where} does not speak TLS, or refuses this client's certificate (${code}): check security.protocol and the port`, { cause: error })
  }
  return new OttlaError('NETWORK_EXCEPTION', `${where}: ${problems[code] ?? error.message}`, { cause: error })
}

/** What else it may be that answers with bytes that are no frame, by the first of them as latin1; null when they tell nothing. */
export function otherProtocol(first: string): string | null {
  if (first.startsWith('HTTP')) return 'a web server answers there'
  if (first.startsWith('SSH-')) return 'an SSH server answers there'
  if (first.startsWith('\x15\x03')) return "it speaks TLS: set 'security.protocol' to SSL or SASL_SSL"
  return null
}

/**
 * The subject of a certificate as Kafka names its bearer (RFC 2253): the last attribute first, `CN=alice,OU=data,O=example`. Node gives them one a line, in
 * the order of the certificate, with what is special in them escaped as the RFC wants it.
 */
export function distinguishedName(subject: string): string | null {
  const parts = subject.split('\n').filter((line) => line.includes('='))
  return parts.length === 0 ? null : parts.reverse().join(',')
}

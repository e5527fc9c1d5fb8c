/** Floats and doubles as Java prints them, which Kafka's tools do. */

/**
 * As `Double.toString` and `Float.toString` of Java: the fewest digits, but at least two, that are no other number of that width; with an exponent from 10^7 on
 * and below 10^-3. `rounded` gives the nearest number of the width.
 */
export function fractionText(value: number, rounded: (text: number) => number): string {
  if (!Number.isFinite(value)) return String(value)
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const size = Math.abs(value)
  if (size === 0) return `${sign}0.0`
  let places = 1
  while (rounded(Number(size.toExponential(places))) !== size) places++
  const [mantissa, power] = size.toExponential(places).split('e') as [string, string]
  const digits = mantissa.replace('.', '').replace(/0+$/, '')
  const exponent = Number(power)
  if (exponent < -3 || exponent >= 7) return `${sign}${digits[0]!}.${digits.slice(1) || '0'}E${exponent}`
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  return `${sign}${digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')}.${digits.slice(exponent + 1) || '0'}`
}

/**
 * Kafka's ssl.principal.mapping.rules (KIP-371): what the bearer of a certificate is called, from its subject.
 *
 *   RULE:pattern/replacement/     the first rule whose pattern fits the whole subject names it; $1 is a group, \x is x itself
 *   RULE:pattern/replacement/L    the same in lower case; U: in upper case
 *   DEFAULT                       the subject as it is
 *
 * Patterns are JavaScript's, which are Java's but for possessive quantifiers, \Q…\E and flags in the pattern.
 */
import { OttlaError } from '../../common/errors.ts'

type Namer = (subject: string) => string | null

const RULE = /\s*(?:(DEFAULT)|RULE:((?:\\.|[^\\/])*)\/((?:\\.|[^\\/])*)\/([LU]?))?\s*(?:,|$)/y

/** The name of a subject, null when no rule fits. Raises INVALID_CONFIG. */
export function principalRules(text: string): Namer {
  const namers: Namer[] = []
  RULE.lastIndex = 0
  while (RULE.lastIndex < text.length) {
    const at = RULE.lastIndex
    const match = RULE.exec(text)
    if (match === null) throw invalid(text, `${JSON.stringify(text.slice(at, at + 60))} is no rule`)
    const [, isDefault, pattern, replacement, letters] = match
    if (isDefault !== undefined) namers.push((subject) => subject)
    else if (pattern !== undefined) namers.push(rule(text, pattern, replacement!, letters!))
  }
  if (namers.length === 0) throw invalid(text, 'there is none')
  return (subject) => {
    for (const name of namers) {
      const found = name(subject)
      if (found !== null) return found
    }
    return null
  }
}

function rule(text: string, pattern: string, replacement: string, letters: string): Namer {
  let whole: RegExp
  try {
    whole = new RegExp(`^(?:${pattern})$`)
  } catch (error) {
    throw invalid(text, error instanceof Error ? error.message : String(error))
  }
  const parts = new RegExp(pattern, 'g')
  return (subject) => {
    if (!whole.test(subject)) return null
    // A pattern that fits nothing, too, is replaced once more at the end: as in Java.
    const name = subject.replace(parts, (...found: unknown[]) => filled(replacement, groupsOf(found)))
    return letters === 'L' ? name.toLowerCase() : letters === 'U' ? name.toUpperCase() : name
  }
}

/** Of what `replace` tells: the match and its groups, before the position. */
function groupsOf(found: readonly unknown[]): readonly string[] {
  return found.slice(0, found.findIndex((each) => typeof each === 'number')).map((each) => typeof each === 'string' ? each : '')
}

/** A number is as long as there are groups of that number; one that there is not stands for itself. */
function filled(replacement: string, groups: readonly string[]): string {
  return replacement.replace(/\\(.)|\$(\d+)/g, (all, literal: string | undefined, digits: string) => {
    if (literal !== undefined) return literal
    for (let length = digits.length; length > 0; length -= 1) {
      const group = groups[Number(digits.slice(0, length))]
      if (group !== undefined) return group + digits.slice(length)
    }
    return all
  })
}

function invalid(text: string, why: string): OttlaError {
  return new OttlaError('INVALID_CONFIG', `ssl.principal.mapping.rules ${JSON.stringify(text.slice(0, 200))}: ${why}; write RULE:pattern/replacement/L, …, DEFAULT`)
}

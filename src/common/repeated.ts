/** What stands more than once in a list that a request brought: in one pass, for the list may be as long as a request can be. */
export function repeated<T>(items: Iterable<T>): ReadonlySet<T> {
  const seen = new Set<T>()
  const again = new Set<T>()
  for (const item of items) (seen.has(item) ? again : seen).add(item)
  return again
}

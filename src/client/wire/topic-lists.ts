/** The wire nests partitions in topics; BrokerApi has flat lists. */

/** Groups by topic, in order of first appearance. */
export function byTopic<T extends { readonly topic: string }, R>(items: Iterable<T>, part: (item: T) => R): { readonly topic: string; readonly list: R[] }[] {
  const topics = new Map<string, R[]>()
  for (const item of items) {
    const list = topics.get(item.topic)
    if (list === undefined) topics.set(item.topic, [part(item)])
    else list.push(part(item))
  }
  return [...topics].map(([topic, list]) => ({ topic, list }))
}

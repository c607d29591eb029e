/**
 * Does something for each item, so many at once, and gives the results in the order of the items. The first failure is
 * thrown when those that had begun are done: none goes on behind the caller's back.
 */
export async function sideBySide<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  const failures: unknown[] = []
  let next = 0
  const workers = Array.from({ length: Math.min(atOnce, items.length) }, async () => {
    while (next < items.length && failures.length === 0) {
      const at = next++
      try {
        results[at] = await work(items[at] as T)
      } catch (error) {
        failures.push(error)
      }
    }
  })
  await Promise.all(workers)
  if (failures.length > 0) throw failures[0]
  return results
}

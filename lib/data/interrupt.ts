import type { DuckDBConnection } from '@duckdb/node-api'

/** How often somebody looks whether a query is wanted still, ms. */
const everyMs = 100

/**
 * Work whose queries end when a signal aborts.
 * @throws the signal's reason
 */
export async function interruptible<T>(
  connection: DuckDBConnection,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  // An interrupt between two statements is lost: it is said until somebody hears it.
  const watch = setInterval(() => signal?.aborted === true && connection.interrupt(), everyMs)
  try {
    return await work()
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : error
  } finally {
    clearInterval(watch)
  }
}

import { SlipwayError } from '../lib/formats/errors.ts'

/**
 * Runs something that answers requests for as long as the process lives: SIGTERM lets it drain, SIGINT does not, and
 * both end with exit code 0. What keeps it from starting ends the process with its own code.
 * @param name for messages
 */
export async function serveUntilStopped<Server extends { stop(now?: boolean): Promise<void> }>(
  name: string,
  start: () => Promise<Server>,
  started: (server: Server) => void,
): Promise<void> {
  try {
    const starting = start()
    // Whoever sees that it is ready may stop it at once: it listens to that before it can be seen.
    const stop = async (now: boolean): Promise<void> => {
      await (await starting).stop(now)
      process.exit(0)
    }
    process.on('SIGTERM', () => void stop(false))
    // Whoever presses Ctrl-C has no load balancer that must notice.
    process.on('SIGINT', () => void stop(true))
    // A fault that nobody foresaw costs its request, not all the others.
    process.on('unhandledRejection', (error) => console.error(`${name}: unforeseen:`, error))
    started(await starting)
  } catch (error) {
    if (!(error instanceof SlipwayError)) {
      console.error(`${name} does not start: ${(error as Error).message}`)
      process.exit(1)
    }
    console.error(
      `${error.code}: ${error.message}${error.facts.next === undefined ? '' : `\n  next: ${error.facts.next}`}`,
    )
    process.exit(error.exitCode)
  }
}

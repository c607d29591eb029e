import { Agent, request } from 'node:http'

/** What clients saw until they were told to stop. */
interface Seen {
  /** Answers that came whole, by status. */
  readonly answers: Readonly<Record<string, number>>
  /** Requests without a whole answer, by error. */
  readonly lost: Readonly<Record<string, number>>
}

/** Clients at work. */
interface Clients {
  /** Whole answers so far. */
  answered(): number
  /** Resolves when they have stopped. */
  readonly seen: Promise<Seen>
}

/**
 * Clients that ask one after another without pause, over connections that are kept, and over one a request, until they
 * are told to stop.
 */
export function runClients(
  address: string,
  { path, body, kept, oneShot }: { path: string; body: string; kept: number; oneShot: number },
  until: AbortSignal,
): Clients {
  const answers: Record<string, number> = {}
  const lost: Record<string, number> = {}
  const add = (counts: Record<string, number>, name: string): void => {
    counts[name] = (counts[name] ?? 0) + 1
  }
  const client = async (keepAlive: boolean): Promise<void> => {
    const agent = new Agent({ keepAlive, maxSockets: 1 })
    while (!until.aborted) {
      try {
        add(answers, String(await exchange(`${address}${path}`, agent, body)))
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException
        add(lost, `${keepAlive ? 'kept' : 'one-shot'} ${code ?? message}`)
      }
    }
    agent.destroy()
  }
  const all = Promise.all(Array.from({ length: kept + oneShot }, (_, i) => client(i < kept)))
  return {
    answered: () => Object.values(answers).reduce((sum, count) => sum + count, 0),
    seen: all.then(() => ({ answers, lost })),
  }
}

/** A load balancer's look at `/v2/health/ready` every 20 ms: aborts when that says no. */
export function whenNotReady(address: string): AbortSignal {
  const found = new AbortController()
  const look = async (): Promise<void> => {
    while (!found.signal.aborted) {
      if ((await exchange(`${address}/v2/health/ready`, new Agent()).catch(() => 0)) !== 200) found.abort()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  void look()
  return found.signal
}

/** @returns the status @throws when the answer does not come whole */
function exchange(url: string, agent: Agent, body?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers =
      body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const sent = request(url, { agent, method: body === undefined ? 'GET' : 'POST', headers })
    sent.once('error', reject)
    sent.once('response', (response) => {
      response.once('error', reject)
      response.once('end', () => (response.complete ? resolve(response.statusCode ?? 0) : reject(new Error('cut off'))))
      response.resume()
    })
    sent.end(body)
  })
}

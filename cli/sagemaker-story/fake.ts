import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { packageRoot } from '../../lib/code/host.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'

/** A call in the fake's log book. */
export interface LoggedCall {
  readonly operation: string
  readonly request: Readonly<Record<string, unknown>>
  /** The error's code; absent where it ended well. */
  readonly error?: string
}

/** The fake of SageMaker, as a process of its own, and who sits before its console. */
export interface FakeSageMaker {
  readonly address: string
  /** Calls an operation as a person does. @throws Error with the service's words */
  call(operation: string, request: object, service?: 'SageMaker' | 'Logs_20140328'): Promise<Answer>
  /** Asks an endpoint for one prediction. */
  invoke(endpoint: string, body: string): Promise<{ status: number; variant: string | null }>
  /** Tells the fake something that is no service of AWS. */
  tell(what: 'store' | 'behaviours', value: object): Promise<void>
  /** Calls of an operation that ended well, in the order in which they came. */
  log(operation: string): Promise<LoggedCall[]>
  /** How often each operation was called and ended well. */
  counts(): Promise<Record<string, number>>
  /** How many containers run. */
  containers(): Promise<number>
  stop(): Promise<void>
}

// biome-ignore lint/suspicious/noExplicitAny: answers are held to their shapes by the fake.
export type Answer = any

const entry = 'test/sagemaker-fake/main.ts'

/** @throws SlipwayError USAGE where there is no fake, or where it cannot run containers */
export async function openFake(): Promise<FakeSageMaker> {
  if (!existsSync(join(packageRoot, entry)))
    throw new SlipwayError(
      'USAGE',
      `--target sagemaker-fake: the fake of SageMaker (${entry}) is not part of a package`,
      {
        next: 'run this in a checkout of Slipway’s repository',
      },
    )
  const child = spawn(process.execPath, [join(packageRoot, 'scripts/run.mjs'), entry], {
    cwd: packageRoot,
    // A process group of its own: Ctrl-C in a terminal reaches us only.
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const line = await Promise.race([once(createInterface(child.stdout), 'line'), ended.then(() => undefined)])
  if (line === undefined)
    throw new SlipwayError('PLATFORM_MISSING', 'the fake of SageMaker did not start', {
      next: `see what ${entry} says`,
    })
  const { address } = JSON.parse(String(line[0])) as { address: string }
  const fake = clientOf(address, async () => {
    child.stdin.end()
    await ended
  })
  const { whyNot } = await getJson(`${address}/_fake/containers`)
  if (whyNot === null) return fake
  await fake.stop()
  throw new SlipwayError('USAGE', `--target sagemaker-fake: it cannot run containers here: ${whyNot}`, {
    next: 'run it as root on Linux, in a container for instance',
  })
}

const getJson = async (url: string): Promise<Answer> => (await fetch(url)).json()

function clientOf(address: string, stop: () => Promise<void>): FakeSageMaker {
  const endedWell = async (): Promise<LoggedCall[]> =>
    ((await getJson(`${address}/_fake/requests`)) as LoggedCall[]).filter(({ error }) => error === undefined)
  return {
    address,
    async call(operation, request, service = 'SageMaker') {
      const answer = await fetch(address, {
        method: 'POST',
        headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `${service}.${operation}` },
        body: JSON.stringify(request),
      })
      const body = (await answer.json()) as Answer
      if (!answer.ok) throw new Error(`${operation}: ${body.message}`)
      return body
    },
    async invoke(endpoint, body) {
      const answer = await fetch(`${address}/endpoints/${endpoint}/invocations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      await answer.arrayBuffer()
      return { status: answer.status, variant: answer.headers.get('x-amzn-invoked-production-variant') }
    },
    async tell(what, value) {
      const answer = await fetch(`${address}/_fake/${what}`, { method: 'POST', body: JSON.stringify(value) })
      if (!answer.ok) throw new Error(`the fake does not take ${what}: ${answer.status}`)
    },
    log: async (operation) => (await endedWell()).filter((call) => call.operation === operation),
    async counts() {
      const counts: Record<string, number> = {}
      for (const { operation } of await endedWell()) counts[operation] = (counts[operation] ?? 0) + 1
      return counts
    },
    containers: async () => (await getJson(`${address}/_fake/containers`)).running,
    stop,
  }
}

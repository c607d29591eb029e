import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { rollBack } from '../client/roll-back.ts'
import type { ModelVersion, Route } from '../lib/formats/route.ts'
import { readDocument, replaceDocument } from '../lib/store/documents.ts'
import { readRoute, writeRoute } from '../lib/store/routes.ts'
import type { Store } from '../lib/store/store.ts'
import { packageModel } from '../test/support/models.ts'
import { openPlace, type Place } from '../test/support/place.ts'
import { loansSql, writeLoans } from '../test/support/project.ts'
import { type Figure, median } from './measure.ts'

const rounds = 12
const connections = 4
const endpoint = 'credit'
const loan = { income: 30_000, age: 40, purpose: 'car', id: 1, day: '2024-01-01T00:00:00Z' }
/** Milliseconds since 1970, comparable between processes of this machine. */
const now = (): number => performance.timeOrigin + performance.now()

/**
 * From the beginning of a rollback to the last answer that the bad version gave, to clients that ask without pause, on
 * a machine whose cores are kept busy by two loops; against one GET and one PUT of a document of that size. The
 * command's function, and the command itself, whose process has to start first. Real servers, a real gateway, a real
 * owner; then with Temporal killed.
 */
export async function measureRollback(): Promise<Figure[]> {
  const place = await openPlace()
  const { store } = place.store
  const loops: ChildProcess[] = []
  try {
    const [good, bad] = await twoVersions(place)
    await writeRoute(store, endpoint, { kind: 'open', variant: good }, 'bench')
    loops.push(...busyLoops())
    const clients = await startClients(place)

    const byFunction = async (): Promise<void> => {
      const route = (await readRoute(store, endpoint)) as Route
      const askOwner = () => Promise.reject(new Error('nobody is asked'))
      await rollBack({ store, askOwner }, route, null, 'bench')
    }
    const byCommand = async (): Promise<void> => {
      const { code, stderr } = await place.run('rollback', endpoint, '--reason', 'bench', '--json')
      if (code !== 0) throw new Error(stderr)
    }
    const floor: number[] = []
    const measure = async (way: () => Promise<void>): Promise<number[]> => {
      const times: number[] = []
      for (let round = 0; round <= rounds; round++) {
        const { revision } = (await readRoute(store, endpoint)) as Route
        await writeRoute(store, endpoint, { kind: 'rollback', from: revision, to: bad }, 'bench')
        await clients.answeredBy(bad, now())
        floor.push(await bareTime(store))
        const begin = now()
        await way()
        await clients.answeredBy(good, now())
        // Answers that were on their way have come.
        await sleep(500)
        // The first round warms up and does not count.
        if (round > 0) times.push((await clients.last(bad)) - begin)
      }
      return times
    }
    const up = { function: await measure(byFunction), command: await measure(byCommand) }
    await place.killTemporal()
    const down = { function: await measure(byFunction), command: await measure(byCommand) }
    const starts: number[] = []
    for (let i = 0; i < rounds; i++) starts.push(await emptyStart())
    clients.stop()
    await place.startTemporal()
    return [
      againstFloor('both cores kept busy', up.function, floor),
      againstFloor('Temporal down as well', down.function, floor),
      againstSecond([...up.function, ...down.function]),
      {
        what: 'the same of the whole command, the start of its process included, against starting an empty Node process',
        ...compared(median([...up.command, ...down.command]), median(starts)),
        limit: 10,
      },
    ]
  } finally {
    for (const loop of loops) loop.kill('SIGKILL')
    await place.close()
  }
}

const inMs = (ms: number): string => `${ms.toFixed(0)} ms`

const compared = (ours: number, theirs: number) => ({ ours: inMs(ours), theirs: inMs(theirs), ratio: ours / theirs })

function againstFloor(where: string, times: readonly number[], floor: readonly number[]): Figure {
  return {
    what: `from a rollback to the last answer of the bad version, ${connections} clients without pause, ${where}, against one GET and one PUT`,
    ...compared(median(times), median(floor)),
    limit: 60,
  }
}

function againstSecond(times: readonly number[]): Figure {
  const all = [...times].sort((a, b) => a - b).map(inMs)
  console.log(`from a rollback to the last answer of the bad version: ${all.join(', ')}`)
  return {
    what: `the slowest of these ${times.length}, against a second`,
    ...compared(Math.max(...times), 1_000),
    limit: 1,
  }
}

/** The versions to go back to and from, whose gateway has loaded neither yet. */
async function twoVersions({ project, store }: Place): Promise<[good: ModelVersion, bad: ModelVersion]> {
  await project.data('data/loans.parquet', loansSql())
  const versions: ModelVersion[] = []
  for (const trees of [10, 11]) {
    writeLoans(project, { learner: `trees({ trees: ${trees}, leaves: 7, minRowsPerLeaf: 10 })` })
    versions.push(await packageModel(project, store.store, 'loans', versions.length + 1))
  }
  return versions as [ModelVersion, ModelVersion]
}

/** Loops that take a core each, for half an hour at most. */
function busyLoops(): ChildProcess[] {
  const code = 'const end = Date.now() + 1.8e6; while (Date.now() < end);'
  return [0, 1].map(() => spawn(process.execPath, ['-e', code], { stdio: 'ignore' }))
}

/** Clients that ask for as long as their process lives. */
async function startClients({ gateway }: Place) {
  const body = JSON.stringify({ instances: [loan] })
  const script = ['scripts/run.mjs', 'bench/rollback-clients.ts', gateway, endpoint, body, String(connections)]
  const child = spawn(process.execPath, script, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const last = async ({ version }: ModelVersion): Promise<number> => {
    child.stdin.write('\n')
    const { value } = await lines.next()
    return JSON.parse(value as string)[version] ?? 0
  }
  return {
    stop: () => child.stdin.end(),
    /** When a version answered last. */
    last,
    /** Waits until a version has answered after a time. */
    async answeredBy(variant: ModelVersion, since: number): Promise<void> {
      while ((await last(variant)) < since) await sleep(20)
    },
  }
}

/** What one PUT and one GET of a document of a route's size take, ms. */
async function bareTime(store: Store): Promise<number> {
  const document = { route: (await readRoute(store, endpoint)) as Route, at: now() }
  const begin = now()
  await replaceDocument(store, 'bench/route.json', document)
  await readDocument(store, 'bench/route.json', z.json())
  return now() - begin
}

/** What the start of a Node process with nothing to do takes, ms. */
async function emptyStart(): Promise<number> {
  const begin = now()
  const child = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' })
  await new Promise((resolve) => child.once('exit', resolve))
  return now() - begin
}

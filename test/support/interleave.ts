import { type Client, ServiceError } from '@temporalio/client'
import { chance } from './chance.ts'
import { type CrossingRun, pause, rollBack, startRun } from './crossing-runs.ts'
import { planOf, type Takeover, type World } from './world.ts'

/** Whether something took over, by itself, that gates say is worse than what it replaced. */
export const worsened =
  ({ quality }: World) =>
  ({ from, to, byPerson }: Takeover): boolean =>
    !byPerson && from !== null && quality(to) < quality(from)

/** Where interleavings take place. */
export interface Scene {
  readonly client: Client
  readonly taskQueue: string
  readonly world: World
  /** Begins the names of models: owners of others go on. */
  readonly prefix: string
  /** Lets the time pass that a rollout takes between two looks. */
  rest(): Promise<void>
}

/**
 * Three runs that wait for approval, their approvals, a rollback and a retraining, in an order that the seed says: some
 * one after another, some at once.
 * @returns what took over, in order
 */
export async function interleave(
  { client, taskQueue, world, prefix, rest }: Scene,
  seed: number,
): Promise<readonly Takeover[]> {
  const random = chance(seed)
  const name = `${prefix}${seed}`
  const endpoint = random() < 0.5 ? name : undefined
  const endpoints = endpoint === undefined ? [] : [endpoint]
  await world.putInForce(name, 10, endpoints)
  const quality = (): number => 8 + Math.floor(random() * 40)
  const start = (number: number, approval: boolean): Promise<CrossingRun> => {
    const plan = planOf(name, { approval, endpoints, guard: endpoint !== undefined && !approval })
    return startRun(client, world, taskQueue, plan, { number, quality: quality(), isRetraining: !approval })
  }
  const runs = await Promise.all([start(1, true), start(2, true), start(3, true)])
  const settled = async ({ runId, progress }: CrossingRun): Promise<void> => {
    while (!world.records.has(runId) && (await progress()).waitingFor === null) await pause(world.pulse)
  }
  await Promise.all(runs.map(settled))
  const acts: (() => Promise<unknown>)[] = [
    ...runs.map((run) => () => approve(world, run)),
    ...runs.map((run) => () => approve(world, run)),
    () => rollBack(client, world, name, endpoint),
    async () => void runs.push(await start(4, false)),
  ]
  const going: Promise<unknown>[] = []
  while (acts.length > 0) {
    const [act] = acts.splice(Math.floor(random() * acts.length), 1) as [() => Promise<unknown>]
    const done = act()
    // Some things happen one after another, others at once.
    if (random() < 0.6) await done
    else going.push(done)
  }
  await Promise.all(going)
  // Whoever was judged anew is approved again, until all have ended.
  while (runs.some(({ runId }) => !world.records.has(runId))) {
    for (const run of runs) await approve(world, run)
    if (endpoint === undefined) await pause(world.pulse)
    // Rollouts look every two seconds.
    else await rest()
  }
  return world.takeovers.filter(({ where }) => where.endsWith(` ${name}`))
}

/** Approves a run if it waits for that; what it shows may be out of date when the approval comes. */
async function approve(world: World, run: CrossingRun): Promise<void> {
  if (world.records.has(run.runId)) return
  await run.approve().catch((error: Error & { cause?: Error }) => {
    const said = `${error.message} ${error.cause?.message ?? ''}`
    // The time-skipping server forgets the updates of a workflow that ends right after.
    if (error instanceof ServiceError || /does not wait|judged anew|not found|completed|Update failed/i.test(said))
      return
    throw error
  })
}

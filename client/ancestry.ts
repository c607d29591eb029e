import { batchId } from '../lib/formats/batch-policy.ts'
import type { BatchRecord } from '../lib/formats/batch-records.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import { Route } from '../lib/formats/route.ts'
import { listBatchRecords } from '../lib/store/batches.ts'
import { readModel, readVersion } from '../lib/store/registry.ts'
import { readRolloutEnd } from '../lib/store/rollouts.ts'
import { listEndpoints, readRoute, readRouteLog } from '../lib/store/routes.ts'
import { readWholeRun } from '../lib/store/runs.ts'
import { neighbours, type StepRecord } from '../lib/store/steps.ts'
import type { Store } from '../lib/store/store.ts'

/** Steps that made an artifact, and what those read, up to the sources; the nearest first. */
export async function stepsAbove(store: Store, digest: string): Promise<StepRecord[]> {
  const steps = new Map<string, StepRecord>()
  for (let level = [digest]; level.length > 0; ) {
    const found = await Promise.all(level.map((each) => neighbours(store, each)))
    const more = newAmong(
      found.flatMap(({ madeBy }) => madeBy),
      steps,
    )
    level = more.flatMap(({ material }) =>
      Object.values(material.inputs).filter((input) => input.startsWith('sha256:')),
    )
  }
  return [...steps.values()]
}

/** Digests of the models that were made from an artifact, however many steps lie between. */
export async function modelsBelow(store: Store, digest: string): Promise<string[]> {
  const steps = new Map<string, StepRecord>()
  const models = new Set<string>()
  for (let level = [digest]; level.length > 0; ) {
    const found = await Promise.all(level.map((each) => neighbours(store, each)))
    const more = newAmong(
      found.flatMap(({ readBy }) => readBy),
      steps,
    )
    for (const { material, outputs } of more)
      for (const output of outputs)
        if (material.step === 'package' && output.name === 'package') models.add(output.digest)
    level = more.flatMap(({ outputs }) => outputs.map((output) => output.digest)).filter((each) => !models.has(each))
  }
  return [...models]
}

/** Those of some steps that were not seen before; they are from now on. */
function newAmong(steps: readonly StepRecord[], seen: Map<string, StepRecord>): StepRecord[] {
  const found = new Map(steps.filter(({ stepKey }) => !seen.has(stepKey)).map((step) => [step.stepKey, step]))
  for (const [key, step] of found) seen.set(key, step)
  return [...found.values()]
}

/** Where a model comes from. */
export interface ModelOrigin {
  readonly run: string | null
  readonly snapshot: string | null
  readonly commit: string | null
  readonly tree: string | null
}

export async function originOfModel(
  store: Store,
  { model, digest }: { readonly model: string; readonly digest: string },
  above: readonly StepRecord[],
): Promise<ModelOrigin & { readonly origin: Readonly<Record<string, string>> | null }> {
  const version = await readVersion(store, model, digest)
  const run = version === undefined ? undefined : await readWholeRun(store, version.run)
  const tables = above.filter(({ material }) => material.step === 'snapshot').flatMap(({ outputs }) => outputs)
  return {
    run: version?.run ?? null,
    snapshot: tables.find(({ name }) => name === 'table')?.digest ?? null,
    commit: run?.origin.commit ?? null,
    tree: run?.origin.tree ?? null,
    origin: run?.origin ?? null,
  }
}

type Role = 'champion' | 'candidate'

/** Revisions of a route, one after the other, in which a version had the same role. */
interface Stretch {
  readonly role: Role
  readonly from: number
  readonly to: number
  /** Who changed the route so, and why. */
  readonly reason: string
}

/** What became of a version: who served it, what rolled it out, what was scored with it. */
export interface Uses {
  readonly endpoints: readonly {
    readonly endpoint: string
    readonly now: Role | null
    readonly served: readonly Stretch[]
  }[]
  readonly rollouts: readonly {
    readonly id: string
    readonly role: Role
    /** Null while it goes on. */
    readonly outcome: string | null
    readonly reason: string | null
  }[]
  readonly batches: readonly {
    readonly batch: string
    readonly generation: number
    readonly manifest: string
    readonly rows: number
    readonly to: string | null
    /** False where a later generation took its place. */
    readonly inForce: boolean
  }[]
}

interface Revision {
  readonly route: Route
  readonly reason: string
}

/**
 * Everything that can use a version, read once for many of them: routes with their logs, and the records of batches.
 */
export async function readUses(store: Store): Promise<(digest: string) => Promise<Uses>> {
  const logs = await Promise.all((await listEndpoints(store)).map((endpoint) => readLog(store, endpoint)))
  const batches = await listBatchRecords(store)
  return async (digest) => ({
    endpoints: logs.flatMap((log) => endpointOf(log, digest)),
    rollouts: await rolloutsOf(store, logs.flat(), digest),
    batches: batches.filter(({ model }) => model.digest === digest).map((record) => batchOf(record, batches)),
  })
}

/** All revisions of a route, oldest first. The last one may not have reached the log yet. */
async function readLog(store: Store, endpoint: string): Promise<Revision[]> {
  const now = await readRoute(store, endpoint)
  if (now === undefined) return []
  const log: Revision[] = []
  for (let from = 1; from <= now.revision; from += 32) {
    const numbers = Array.from({ length: Math.min(32, now.revision - from + 1) }, (_, i) => from + i)
    const refs = await Promise.all(numbers.map((revision) => readRouteLog(store, endpoint, revision)))
    for (const ref of refs) if (ref !== undefined) log.push({ route: Route.parse(ref.value), reason: ref.reason })
  }
  if (log.at(-1)?.route.revision !== now.revision) log.push({ route: now, reason: '' })
  return log
}

function roleIn({ champion, rollout }: Route, digest: string): Role | null {
  if (champion.digest === digest) return 'champion'
  return rollout?.candidate.digest === digest ? 'candidate' : null
}

function endpointOf(log: readonly Revision[], digest: string): Uses['endpoints'][number][] {
  const served: Stretch[] = []
  for (const { route, reason } of log) {
    const role = roleIn(route, digest)
    const last = served.at(-1)
    if (role === null) continue
    if (last?.role === role && last.to === route.revision - 1)
      served[served.length - 1] = { ...last, to: route.revision }
    else served.push({ role, from: route.revision, to: route.revision, reason })
  }
  const now = log.at(-1)?.route
  return now === undefined || served.length === 0 ? [] : [{ endpoint: now.endpoint, now: roleIn(now, digest), served }]
}

async function rolloutsOf(store: Store, log: readonly Revision[], digest: string): Promise<Uses['rollouts']> {
  const roles = new Map<string, Role>()
  for (const { route } of log) {
    const role = roleIn(route, digest)
    if (route.rollout !== null && role !== null) roles.set(route.rollout.id, role)
  }
  return Promise.all(
    [...roles].map(async ([id, role]) => {
      const end = await readRolloutEnd(store, id)
      return { id, role, outcome: end?.outcome ?? null, reason: end?.reason ?? null }
    }),
  )
}

function batchOf(record: BatchRecord, all: readonly BatchRecord[]): Uses['batches'][number] {
  const { owner, name, slot: partition, generation, manifest, rows, to } = record
  const isSame = (other: BatchRecord): boolean =>
    other.owner === owner && other.name === name && other.slot === partition && other.generation > generation
  return {
    batch: batchId(owner, name, partition),
    generation,
    manifest: manifest.digest,
    rows: rows.scored,
    to,
    inForce: !all.some(isSame),
  }
}

/** The name and number under which a digest is registered, of all models. */
export async function versionOf(
  store: Store,
  models: readonly string[],
  digest: string,
): Promise<ModelVersion | undefined> {
  for (const model of models) {
    const at = (await readModel(store, model))?.versions.indexOf(digest) ?? -1
    if (at >= 0) return { model, version: at + 1, digest }
  }
  return undefined
}

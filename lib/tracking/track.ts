import { shortDigest } from '../formats/artifact.ts'
import type { ModelState, RunRecord } from '../formats/records.ts'
import { ModelFacts } from '../models/model.ts'
import { getBundle, getBytes } from '../store/objects.ts'
import { readModel, readVersion } from '../store/registry.ts'
import { listRuns, readWholeRun } from '../store/runs.ts'
import type { Store } from '../store/store.ts'
import type { WaitingRun } from './decisions.ts'
import type { MlflowRun, MlflowServer, MlflowTag } from './mlflow.ts'
import { mlflowModel } from './mlflow-model.ts'
import { trackTrials } from './track-trials.ts'

/** Tags by which what was written before is found again. */
export const tags = {
  run: 'slipway.run',
  digest: 'slipway.digest',
  written: 'slipway.written',
  version: 'slipway.version',
  /** Of a registered model: the version that the alias `champion` was put on last. */
  champion: 'slipway.champion',
} as const

/** What was written; what was there before is not counted. */
export interface Tracked {
  readonly runs: number
  readonly versions: number
  /** Versions that were registered without a model to load, and why. */
  readonly withoutModel: readonly string[]
  /** Aliases that people had moved, and that are as Slipway has them again; in words. */
  readonly overruled: readonly string[]
}

export interface Tracking {
  readonly store: Store
  readonly server: MlflowServer
  readonly say: (line: string) => void
}

/**
 * Writes the finished runs of a pipeline to an MLflow server, with metrics, parameters and artifacts, and the versions
 * and aliases of the models they made. What is there already is left alone, so it can be repeated, and goes on where it
 * was broken off.
 */
export async function trackPipeline(tracking: Tracking, pipeline: string): Promise<Tracked> {
  const { store, server } = tracking
  const experiment = await server.experiment(pipeline)
  const records = (await listRuns(store, pipeline, Number.POSITIVE_INFINITY, tracking.say)).reverse()
  const written = new Map<string, MlflowRun>()
  let runs = 0
  for (const { runId } of records) {
    const record = await readWholeRun(store, runId)
    if (record === undefined) continue
    const { run, isNew } = await trackRun(tracking, experiment, record)
    written.set(runId, run)
    if (isNew) runs++
  }
  let versions = 0
  const withoutModel: string[] = []
  const overruled: string[] = []
  for (const model of modelsOf(records)) {
    const state = await readModel(store, model)
    if (state === undefined) continue
    const tracked = await trackVersions(tracking, { model, state, written })
    versions += tracked.versions
    withoutModel.push(...tracked.withoutModel)
    overruled.push(...tracked.overruled)
  }
  return { runs, versions, withoutModel, overruled }
}

/** The models that runs made, by name. */
export const modelsOf = (records: readonly RunRecord[]): ReadonlySet<string> =>
  new Set(records.flatMap(({ model }) => model?.name ?? []))

async function trackRun({ server, store, say }: Tracking, experiment: string, record: RunRecord) {
  const { runId, startedAt, finishedAt, metrics, status } = record
  const found = await server.findRun(experiment, { key: tags.run, value: runId })
  if (found !== undefined && hasTag(found.data?.tags, tags.written)) return { run: found, isNew: false }
  say(`run ${runId}`)
  const run = found ?? (await server.createRun(experiment, runId, Date.parse(startedAt), tagsOf(record)))
  // One that waited was written then, and knew nothing of its end.
  if (found !== undefined) for (const tag of tagsOf(record)) await server.setTag(run.info.run_id, tag)
  const at = Date.parse(finishedAt)
  // JSON has neither NaN nor infinities, and MLflow loses what stands behind them. Its names have no "@".
  const known = Object.entries(metrics).filter(([, value]) => Number.isFinite(value))
  await server.logBatch(
    run.info.run_id,
    known.map(([key, value]) => ({ key: key.replace('@', '_at_'), value, timestamp: at, step: 0 })),
    await paramsOf(store, record),
  )
  for (const [name, digest] of artifactsOf(record)) await server.putArtifact(run, name, await getBytes(store, digest))
  await trackTrials(store, server, { experiment, run, record })
  const ended = { succeeded: 'FINISHED', cancelled: 'KILLED' } as const
  await server.endRun(run.info.run_id, ended[status as keyof typeof ended] ?? 'FAILED', at)
  // Last: a run that was broken off is written again.
  await server.setTag(run.info.run_id, { key: tags.written, value: 'whole' })
  return { run, isNew: true }
}

/** Writes a run that waits for a person: the evidence it shows. It is ended, and gets the rest, when it is over. */
export async function trackWaiting(
  { server, store, say }: Tracking,
  experiment: string,
  { runId, workflowId, startedAt, steps }: WaitingRun,
): Promise<MlflowRun> {
  say(`run ${runId} waits`)
  const own = [
    { key: tags.run, value: runId },
    { key: 'slipway.status', value: 'waiting' },
    { key: 'slipway.workflow', value: workflowId },
  ]
  const found = await server.findRun(experiment, { key: tags.run, value: runId })
  const run = found ?? (await server.createRun(experiment, runId, startedAt, own))
  for (const [name, digest] of artifactsOf({ steps }))
    await server.putArtifact(run, name, await getBytes(store, digest))
  return run
}

const hasTag = (of: readonly MlflowTag[] | undefined, wanted: string): boolean =>
  (of ?? []).some(({ key }) => key === wanted)

function tagsOf({ runId, status, plan, origin, workflowId }: RunRecord): MlflowTag[] {
  const facts = {
    [tags.run]: runId,
    'slipway.status': status,
    'slipway.plan': plan.digest,
    'slipway.workflow': workflowId,
  }
  const own = Object.entries(facts).map(([key, value]) => ({ key, value }))
  const from = Object.entries(origin).map(([key, value]) => ({
    key: `slipway.origin.${key}`,
    value: value.slice(0, 5_000),
  }))
  const commit = origin.commit === undefined ? [] : [{ key: 'mlflow.source.git.commit', value: origin.commit }]
  return [...own, ...from, ...commit]
}

/** The settings of the learner of what a run packaged. */
async function paramsOf(store: Store, { steps }: RunRecord): Promise<MlflowTag[]> {
  const digest = outputIn(steps, 'package', 'package')
  if (digest === undefined) return []
  const { learner, seed, target, task } = ModelFacts.parse((await getBundle(store, digest, 'model')).facts)
  return Object.entries({ task, target, seed, ...learner }).map(([key, value]) => ({
    key,
    value: (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 6_000),
  }))
}

/** What a run made that people read, by name. */
function artifactsOf({ steps }: Pick<WaitingRun, 'steps'>): [name: string, digest: string][] {
  const wanted = [
    ['evaluate', 'evaluation', 'evaluation.json'],
    ['gate', 'gates', 'gates.json'],
    ['train', 'training', 'training.json'],
    ['package', 'card', 'card.md'],
    ['tensors', 'card', 'card.md'],
  ] as const
  return wanted.flatMap(([kind, output, name]) => {
    const digest = outputIn(steps, kind, output)
    return digest === undefined ? [] : [[name, digest] as [string, string]]
  })
}

const outputIn = (steps: WaitingRun['steps'], kind: string, name: string): string | undefined =>
  steps.find((step) => step.kind === kind)?.outputs.find((output) => output.name === name)?.digest

interface Versions {
  readonly model: string
  readonly state: ModelState
  /** By run, what is in MLflow of it. */
  readonly written: ReadonlyMap<string, MlflowRun>
}

async function trackVersions({ store, server, say }: Tracking, { model, state, written }: Versions) {
  await server.ensureModel(model)
  const known = new Map(await digestsOf(server, model))
  let versions = 0
  const withoutModel: string[] = []
  for (const [i, digest] of state.versions.entries()) {
    if (known.has(digest)) continue
    const run = written.get((await readVersion(store, model, digest))?.run ?? '')
    if (run === undefined) continue
    say(`${model} version ${i + 1}`)
    const files = await mlflowModel(store, digest)
    const whole = typeof files === 'string' ? [] : files
    for (const [path, content] of whole) await server.putArtifact(run, `model/${path}`, Buffer.from(content))
    const own = [
      { key: tags.digest, value: digest },
      { key: tags.version, value: String(i + 1) },
    ]
    const made = await server.createVersion(model, run, 'model', own, whole)
    if (typeof files === 'string')
      withoutModel.push(
        `${model} version ${i + 1} ${shortDigest(digest)} ${files}${made === undefined ? '; not registered there' : ''}`,
      )
    if (made === undefined) continue
    known.set(digest, made)
    versions++
  }
  return { versions, withoutModel, overruled: await trackAliases(server, { model, state, known }) }
}

/** The versions there that are Slipway's: what they are, and their numbers there. */
export async function digestsOf(server: MlflowServer, model: string): Promise<[digest: string, version: string][]> {
  return (await server.versions(model)).flatMap(({ version, tags: own = [] }) => {
    const digest = own.find(({ key }) => key === tags.digest)?.value
    return digest === undefined ? [] : [[digest, version] as [string, string]]
  })
}

async function trackAliases(
  server: MlflowServer,
  {
    model,
    state,
    known,
  }: { readonly model: string; readonly state: ModelState; readonly known: ReadonlyMap<string, string> },
): Promise<string[]> {
  const registered = await server.registeredModel(model)
  const before = registered?.tags.find(({ key }) => key === tags.champion)?.value
  const overruled: string[] = []
  const numbers = { champion: state.champions.at(-1), candidate: state.candidate ?? undefined }
  for (const [alias, number] of Object.entries(numbers)) {
    const version = number === undefined ? undefined : known.get(state.versions[number - 1] ?? '')
    const there = registered?.aliases.find((each) => each.alias === alias)?.version
    if (alias === 'champion' && before !== undefined && there !== before && there !== version)
      overruled.push(`${model}: alias champion was on ${there ?? 'nothing'}, and is on ${version} again`)
    if (version === undefined) await server.deleteAlias(model, alias)
    else if (version !== there) await server.setAlias(model, alias, version)
    // After the alias: between the two it looks moved by somebody only if Slipway moves on, and then Slipway's stays.
    if (alias === 'champion' && version !== undefined && version !== before)
      await server.setModelTag(model, { key: tags.champion, value: version })
  }
  return overruled
}

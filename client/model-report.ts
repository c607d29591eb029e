import { classesIn, widthOf } from '../lib/formats/answers.ts'
import { shortDigest } from '../lib/formats/artifact.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { Evaluation } from '../lib/formats/evaluation.ts'
import { describeLearner } from '../lib/formats/learner.ts'
import { outputsOf } from '../lib/formats/metrics/several.ts'
import { GateResult, type ModelState, type RunRecord } from '../lib/formats/records.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import { TrainingReport } from '../lib/formats/training-report.ts'
import { TrialTimes, Tuning } from '../lib/formats/tuning.ts'
import { targetInWords } from '../lib/models/answer-schema.ts'
import { optimisedBriefly } from '../lib/models/card-optimised.ts'
import { answersOf, type ModelFacts, modelFactsOf, modelFiles } from '../lib/models/model.ts'
import { readSourceRead } from '../lib/models/source-read.ts'
import type { ModelReport } from '../lib/reports/model-report.ts'
import { type Judged, modelQuality } from '../lib/stats/model-quality.ts'
import { profileHead, profileRows } from '../lib/stats/profile-summary.ts'
import { aliasesOf } from '../lib/stats/registration.ts'
import { passOver } from '../lib/store/broken.ts'
import { getBundle, getBytes, getJson } from '../lib/store/objects.ts'
import { readModel, readVersion } from '../lib/store/registry.ts'
import { readWholeRun } from '../lib/store/runs.ts'
import { neighbours, type StepRecord } from '../lib/store/steps.ts'
import type { Store } from '../lib/store/store.ts'

/** Columns of the source that are told of. */
const columnsTold = 100

/** A package to report on, with what it was judged by; nulls where that is not on record. */
interface Subject {
  readonly model: string
  /** Null where it was not registered. */
  readonly version: number | null
  readonly digest: string
  readonly run: string | null
  readonly at: string | null
  /** Digests of its evaluation and of the outcomes of its gates. */
  readonly evaluation: string | null
  readonly gates: string | null
}

/** What is on record about a registered version. */
export async function reportOnVersion(store: Store, { model, version, digest }: ModelVersion): Promise<ModelReport> {
  const record = await passOver(readVersion(store, model, digest))
  return report(store, {
    model,
    version,
    digest,
    run: record?.run ?? null,
    at: record?.registeredAt ?? null,
    evaluation: record?.evaluation?.digest ?? null,
    gates: record?.gates?.digest ?? null,
  })
}

/**
 * What is on record about the model that a run packaged, registered or not.
 * @param beside another run whose model it is shown beside, in place of what its gates compared it with
 * @throws SlipwayError NOT_FOUND, USAGE where a run packaged several
 */
export async function reportOnRun(store: Store, run: RunRecord, beside?: RunRecord): Promise<ModelReport> {
  return report(store, await packagedBy(store, run), beside && (await packagedBy(store, beside)))
}

async function packagedBy(store: Store, run: RunRecord): Promise<Subject> {
  const made = (kind: string, name: string): string[] =>
    run.steps.flatMap((step) =>
      step.kind === kind ? step.outputs.flatMap((output) => (output.name === name ? [output.digest] : [])) : [],
    )
  const [digest, ...others] = new Set([...made('package', 'package'), ...made('tensors', 'package')])
  if (digest === undefined) throw new SlipwayError('NOT_FOUND', `run ${run.runId} packaged no model`)
  if (others.length > 0)
    throw new SlipwayError('USAGE', `run ${run.runId} packaged ${others.length + 1} models`, {
      next: 'name one of them: see `slipway models`',
    })
  const { name } = modelFactsOf(await getBundle(store, digest, 'model'))
  const version = ((await readModel(store, name))?.versions.indexOf(digest) ?? -1) + 1
  return {
    model: name,
    version: version === 0 ? null : version,
    digest,
    run: run.runId,
    at: run.finishedAt,
    evaluation: made('evaluate', 'evaluation')[0] ?? null,
    gates: made('gate', 'gates')[0] ?? null,
  }
}

async function report(store: Store, subject: Subject, beside?: Subject): Promise<ModelReport> {
  const { model, version, digest, run, at, evaluation, gates } = subject
  const bundle = await getBundle(store, digest, 'model')
  const facts = modelFactsOf(bundle)
  const [training, source, state, made] = await Promise.all([
    getJson(store, bundle.files[modelFiles.training]?.digest as string, TrainingReport),
    readSourceRead(store, facts.snapshot),
    readModel(store, model),
    run === null ? undefined : passOver(readWholeRun(store, run)),
  ])
  const columns = profileRows(source.profile, source.schema)
  return {
    model,
    version,
    digest,
    aliases: state === undefined || version === null ? [] : aliasesOf(state, version),
    task: facts.task,
    target: targetInWords(facts),
    made: run === null || at === null ? null : { run, at, origin: made?.origin ?? {} },
    training,
    tuning: await tuningOf(store, bundle.files[modelFiles.tuning]?.digest, made),
    learner: `${describeLearner(facts.learner)}, seed ${facts.seed}`,
    ...(facts.optimised !== undefined && { optimised: optimisedBriefly(facts.optimised) }),
    code: [
      { what: 'feature code', name: facts.featureCode.name, digest: facts.featureCode.digest },
      ...(facts.decision === undefined ? [] : [{ what: 'answers by', ...facts.decision }]),
    ],
    data: {
      snapshot: facts.snapshot,
      rows: source.rows,
      head: profileHead,
      columns: columns.slice(0, columnsTold),
      more: Math.max(0, columns.length - columnsTold),
    },
    gates: gates === null ? [] : await getJson(store, gates, GateResult.array()),
    ...(evaluation === null
      ? { judged: null, against: null }
      : await judgement(store, evaluation, facts, { state, beside })),
  }
}

/** How parameters were chosen: in the package, and what it took, with the run. */
async function tuningOf(store: Store, digest: string | undefined, made: RunRecord | undefined) {
  if (digest === undefined) return undefined
  const outputs = made?.steps.find((step) => step.outputs.some((output) => output.digest === digest))?.outputs
  const times = outputs?.find(({ name }) => name === 'times')?.digest
  return {
    trials: await getJson(store, digest, Tuning),
    times: times === undefined ? [] : await getJson(store, times, TrialTimes),
  }
}

/** How a package did on the rows it was judged on, and what it is shown beside. */
async function judgement(
  store: Store,
  evaluation: string,
  { task, seed }: ModelFacts,
  { state, beside }: { readonly state: ModelState | undefined; readonly beside: Subject | undefined },
): Promise<Pick<ModelReport, 'judged' | 'against'>> {
  const evaluated = await readEvaluated(store, evaluation)
  if (evaluated === undefined) return { judged: null, against: null }
  const qualityOf = async (of: Predictions) => modelQuality({ task, ...(await readScored(store, of)) }, seed)
  const { importance, slices, answers } = await getJson(store, evaluation, Evaluation)
  const judged = { quality: await qualityOf(evaluated), importance, slices, answers }
  const other =
    beside === undefined
      ? await comparedWith(store, evaluation, evaluated, state)
      : await asked(store, beside, evaluated, task)
  if (other === undefined) return { judged, against: null }
  const { version, rows, of } = other
  return { judged, against: { version, quality: await qualityOf(of), rows } }
}

/** What somebody asked to be shown beside it. @throws SlipwayError USAGE where it is a model of another task */
async function asked(
  store: Store,
  { evaluation, run, digest, model }: Subject,
  { labels }: Predictions,
  task: ModelFacts['task'],
): Promise<Compared | undefined> {
  const other = modelFactsOf(await getBundle(store, digest, 'model')).task
  if (other !== task)
    throw new SlipwayError('USAGE', `${model} of run ${run} is a ${other} model, and the other one a ${task} one`, {
      next: 'models of one task are drawn beside each other; compare these without --html',
    })
  const of = evaluation === null ? undefined : await readEvaluated(store, evaluation)
  return of && { version: run ?? shortDigest(digest), rows: of.labels === labels ? 'the same' : 'its own', of }
}

/** What the gates of a package compared it with: the version in force, on the same rows. */
async function comparedWith(
  store: Store,
  evaluation: string,
  { readBy }: Evaluated,
  state: ModelState | undefined,
): Promise<Compared | undefined> {
  const inputs = readBy
    .map(({ material }) => material.inputs)
    .find((read) => read['candidate:evaluation'] === evaluation && read['opponent:predictions'] !== undefined)
  const opponent = inputs?.['opponent:evaluation']
  const of = opponent === undefined ? undefined : await readEvaluated(store, opponent)
  if (of === undefined) return undefined
  const digest = of.package
  const number = digest === undefined ? 0 : (state?.versions.indexOf(digest) ?? -1) + 1
  const version = number > 0 ? `version ${number}` : shortDigest(digest)
  return { version, rows: 'the same', of }
}

/** Digests of an evaluation, of what a model predicted, and of what was true. */
interface Predictions {
  readonly evaluation: string
  readonly predictions: string
  readonly labels: string
  /** Of a ranking. */
  readonly groups: string | undefined
}
interface Evaluated extends Predictions {
  /** What was evaluated, and the steps that read the evaluation. */
  readonly package: string
  readonly readBy: readonly StepRecord[]
}
interface Compared {
  readonly version: string
  readonly rows: 'the same' | 'its own'
  readonly of: Predictions
}

async function readEvaluated(store: Store, evaluation: string): Promise<Evaluated | undefined> {
  const { madeBy, readBy } = await neighbours(store, evaluation)
  const [made] = madeBy
  const digestOf = (name: string): string | undefined => made?.outputs.find((output) => output.name === name)?.digest
  const [predictions, labels, judged] = [digestOf('predictions'), digestOf('labels'), made?.material.inputs.package]
  if (predictions === undefined || labels === undefined || judged === undefined) return undefined
  return { evaluation, predictions, labels, groups: digestOf('groups'), package: judged, readBy }
}

async function readScored(
  store: Store,
  { evaluation, predictions, labels, groups }: Predictions,
): Promise<Omit<Judged, 'task'>> {
  const evaluated = await getJson(store, evaluation, Evaluation)
  const known = new Float64Array(Uint8Array.from(await getBytes(store, labels)).buffer)
  const answers = answersOf(await getBytes(store, predictions), evaluated.rows * widthOf(evaluated))
  return {
    classes: classesIn(evaluated),
    scored: {
      predictions: answers,
      labels: known,
      ...outputsOf(evaluated),
      ...(groups !== undefined && { groups: new Uint32Array(Uint8Array.from(await getBytes(store, groups)).buffer) }),
    },
  }
}

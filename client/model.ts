import type { Bundle } from '../lib/formats/artifact.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import { Evaluation } from '../lib/formats/evaluation.ts'
import type { GateResult, RunRecord, VersionRecord } from '../lib/formats/records.ts'
import type { ModelVersion } from '../lib/formats/route.ts'
import { LinearBaseline, linearBaselineOutput, TrainingReport } from '../lib/formats/training-report.ts'
import { modelFiles } from '../lib/models/model.ts'
import type { ModelReport } from '../lib/reports/model-report.ts'
import { passOver } from '../lib/store/broken.ts'
import { getBundle, getJson } from '../lib/store/objects.ts'
import { readVersion } from '../lib/store/registry.ts'
import { readWholeRun } from '../lib/store/runs.ts'
import type { Store } from '../lib/store/store.ts'
import type { StoreContext } from './context.ts'
import { reportOnRun, reportOnVersion } from './model-report.ts'
import { registeredVersion, requireVersion } from './model-version.ts'

/** A version of a model with all that is on record about it; nulls where something is not. */
export interface ModelDocument {
  readonly name: string
  readonly version: number
  readonly digest: string
  readonly record?: VersionRecord | undefined
  /** Its package: a manifest of files by name. */
  readonly bundle: Bundle
  /** The gates it passed in the run that made it. */
  readonly gates: readonly GateResult[]
  /** Who and what started that run; null where it is not on record. */
  readonly origin: RunRecord['origin'] | null
  readonly evaluation: Evaluation | null
  /** What it was trained on and does on its validation rows, and what a linear model does on them. */
  readonly training: Pick<TrainingReport, 'validationMetrics' | 'rows'> | null
  readonly linear: LinearBaseline | null
}

/**
 * A version of a model, as `slipway show <model> --json` prints it.
 * @param what `flights`, `flights@3`, `flights@champion`, `flights@candidate`
 * @throws SlipwayError NOT_FOUND
 */
export async function readModel(context: StoreContext, what: string): Promise<ModelDocument> {
  return readModelVersion(context, await requireVersion(context.store, what))
}

/** The same of a version that is known. */
export async function readModelVersion(
  { store, say }: StoreContext,
  { model: name, version, digest }: ModelVersion,
): Promise<ModelDocument> {
  const bundle = await getBundle(store, digest, 'model')
  const record = await passOver(readVersion(store, name, digest), say)
  const run = record === undefined ? undefined : await readWholeRun(store, record.run)
  const trained = bundle.files[modelFiles.training]?.digest
  return {
    name,
    version,
    digest,
    record,
    bundle,
    gates: run?.gates ?? [],
    origin: run?.origin ?? null,
    evaluation: record?.evaluation == null ? null : await getJson(store, record.evaluation.digest, Evaluation),
    ...(trained === undefined ? { training: null, linear: null } : await trainingOf(store, run, trained)),
  }
}

/**
 * What is on record about how a package was trained, and what a linear model does on its rows.
 * @param run that made it; its linear model is missing for linear models, and for runs of 0.8 and before
 */
async function trainingOf(
  store: Store,
  run: RunRecord | undefined,
  training: string,
): Promise<Pick<ModelDocument, 'training' | 'linear'>> {
  const { validationMetrics, rows } = await getJson(store, training, TrainingReport)
  const outputs = run?.steps.find((step) => step.outputs.some(({ digest }) => digest === training))?.outputs
  const baseline = outputs?.find(({ name }) => name === linearBaselineOutput)
  const linear = baseline === undefined ? null : await getJson(store, baseline.digest, LinearBaseline)
  return { training: { validationMetrics, rows }, linear }
}

/**
 * The report of a model version, or of what a run packaged, as `slipway open --json` prints it.
 * @throws SlipwayError NOT_FOUND
 */
export async function readModelReport({ store }: StoreContext, what: string): Promise<ModelReport> {
  const run = await readWholeRun(store, what)
  if (run !== undefined) return reportOnRun(store, run)
  const version = await registeredVersion(store, what)
  if (version !== undefined) return reportOnVersion(store, version)
  throw new SlipwayError('NOT_FOUND', `"${what}" is no model and no finished run`, {
    next: 'see `slipway models` and `slipway runs`',
  })
}

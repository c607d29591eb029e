import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { localCode, localCodes } from '../../code/local-code.ts'
import { localTable } from '../../data/local-table.ts'
import { mediaTypes, type Output } from '../../formats/artifact.ts'
import { canonicalJson } from '../../formats/canonical.ts'
import { codeOfCheck } from '../../formats/check.ts'
import { isOfContainer, type LearnerParameters, withParameters } from '../../formats/learner.ts'
import type { StepOf } from '../../formats/plan.ts'
import { TrainedByTrial } from '../../formats/sagemaker-tuning.ts'
import { required, type StepInputs } from '../../formats/step-inputs.ts'
import { linearBaselineOutput } from '../../formats/training-report.ts'
import { Parameters } from '../../formats/tuning.ts'
import type { ProgramPlace } from '../../learners/learner.ts'
import { trainingFiles } from '../../learners/train-model.ts'
import { readBaseline } from '../../models/baseline.ts'
import { localModel, type PackageSource } from '../../models/package.ts'
import { gateFacts } from '../../stats/gate-facts.ts'
import { getJson, localFile } from '../../store/objects.ts'
import type { Store } from '../../store/store.ts'
import { evaluationFiles, sliceFile } from '../evaluate.ts'
import type { LocalEvaluation } from '../judge.ts'
import type { StepResult, WorkOn } from '../step-work.ts'
import { inPlaceOf } from './in-place.ts'
import type { MayTrainAgain } from './jobs-again.ts'
import { programLog } from './program-place.ts'
import { takeTrained } from './take-trained.ts'

/** Trains a model on the parts of a split. @param source the project at `root` may add learners */
export async function trainModel(
  source: PackageSource & MayTrainAgain & { readonly root: string },
  work: WorkOn<'train'>,
  { inputs, model }: { readonly inputs: StepInputs; readonly model: string },
): Promise<StepResult> {
  const { store, root } = source
  const { step: planned, folder, job, output, progress } = work
  progress('fetching tables and code', 0)
  const step = await withChosen(store, planned, inputs)
  const order = {
    step,
    model,
    train: await localTable(store, required(inputs, 'train').digest),
    validation: await localTable(store, required(inputs, 'validation').digest),
    ...(step.target.group !== undefined && { test: await localTable(store, required(inputs, 'test').digest) }),
    features: await localCode(source, step.features),
    target: step.target.code === undefined ? undefined : await localCode(source, step.target.code),
    modelFile: await localModelFile(store, step.learner),
    folder,
    root,
  }
  const train = (place: ProgramPlace | undefined) => job('trainModel', { ...order, place })
  const trained = step.ofTrial && (await getJson(store, required(inputs, 'trained').digest, TrainedByTrial)).job
  const { report, linearBaseline, said } = await (trained
    ? takeTrained(source, work, trained, train)
    : inPlaceOf(source, step, work, {
        stem: `${model}-${step.id}`,
        layOut: (place) => job('layOutTraining', { ...order, place }),
        train,
      }))
  const outputs = [
    await output('model', trainingFiles.model, mediaTypes.onnx),
    await output('training', trainingFiles.report, mediaTypes.json),
    await output('baseline', trainingFiles.baseline, mediaTypes.json),
    await output('parity', trainingFiles.parity),
    ...(step.crosses === undefined ? [] : [await output('crosses', trainingFiles.crosses, mediaTypes.json)]),
    ...(isOfContainer(step.learner) ? [await output('log', programLog, mediaTypes.text)] : []),
    // No input of the package: what else could have been trained does not change what the model is.
    ...(linearBaseline === undefined
      ? []
      : [await output(linearBaselineOutput, trainingFiles.linearBaseline, mediaTypes.json)]),
  ]
  return {
    outputs,
    facts: {
      ...(report.trees === undefined ? { model: report.words?.model ?? 'a model' } : { trees: report.trees }),
      rows: report.rows.train,
      metrics: report.validationMetrics,
      ...(said !== undefined && Object.keys(said).length > 0 && { said }),
      ...(linearBaseline !== undefined && { linear: linearBaseline.validationMetrics }),
    },
  }
}

/** A train step with the parameters that were chosen for it. */
export async function withChosen(store: Store, step: StepOf<'train'>, inputs: StepInputs): Promise<StepOf<'train'>> {
  if (step.tuned === undefined) return step
  const chosen = await getJson(store, required(inputs, 'chosen').digest, Parameters)
  return { ...step, learner: withParameters(step.learner, chosen) }
}

/** The file of a finished model on this machine. */
async function localModelFile(store: Store, learner: LearnerParameters): Promise<string | undefined> {
  return learner.kind === 'onnx' && learner.model !== undefined ? localFile(store, learner.model) : undefined
}

/** Scores a part by a packaged model, and says how well it did. */
export async function evaluatePackage(
  source: PackageSource,
  { step, folder, job, output, progress }: WorkOn<'evaluate'>,
  inputs: StepInputs,
): Promise<StepResult> {
  progress('fetching the package', 0)
  const evaluation = await job('evaluateModel', {
    step,
    model: await localModel(source, required(inputs, 'package').digest),
    table: await localTable(source.store, required(inputs, 'part').digest),
    gains: (await readBaseline(source, required(inputs, 'package').digest)).importances,
    target: step.target.code === undefined ? undefined : await localCode(source, step.target.code),
    folder,
  })
  const outputs: Output[] = [
    await output('evaluation', evaluationFiles.report, mediaTypes.json),
    await output('predictions', evaluationFiles.predictions),
    await output('labels', evaluationFiles.labels),
    ...(step.target.group === undefined ? [] : [await output('groups', evaluationFiles.groups)]),
  ]
  for (const column of step.slices) outputs.push(await output(`slice-${column}`, sliceFile(column)))
  return { outputs, facts: { rows: evaluation.rows, metrics: evaluation.metrics } }
}

/** Judges a candidate by the gates of a step. */
export async function judgeCandidate(
  source: PackageSource,
  { step, folder, job, output }: WorkOn<'gate'>,
  inputs: StepInputs,
): Promise<StepResult> {
  const { store } = source
  const gates = await job('judgeGates', {
    step,
    candidate: await localEvaluation(store, inputs, 'candidate'),
    baseline:
      inputs['opponent:evaluation'] === undefined ? undefined : await localEvaluation(store, inputs, 'opponent'),
    model: await localModel(source, required(inputs, 'package').digest),
    table: await localTable(store, required(inputs, 'part').digest),
    code: await localCodes(
      source,
      step.must.flatMap((check) => codeOfCheck(check) ?? []),
    ),
    backtests: await localBacktests(store, inputs),
  })
  await writeFile(join(folder, 'gates.json'), canonicalJson(gates))
  return {
    outputs: [await output('gates', 'gates.json', mediaTypes.json)],
    facts: gateFacts(gates),
  }
}

/** The reports of the backtests that a gate is about, on this machine, by name. */
async function localBacktests(store: Store, inputs: StepInputs): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for (const [name, { digest }] of Object.entries(inputs))
    if (name.startsWith('backtest:')) files[name.slice('backtest:'.length)] = await localFile(store, digest)
  return files
}

/** The files of an evaluation on this machine. */
async function localEvaluation(
  store: Store,
  inputs: StepInputs,
  who: 'candidate' | 'opponent',
): Promise<LocalEvaluation> {
  const file = (name: string): Promise<string> => localFile(store, required(inputs, `${who}:${name}`).digest)
  const slices: Record<string, string> = {}
  for (const name of Object.keys(inputs)) {
    const column = name.startsWith(`${who}:slice-`) ? name.slice(`${who}:slice-`.length) : undefined
    if (column !== undefined) slices[column] = await file(`slice-${column}`)
  }
  return {
    report: await file('evaluation'),
    predictions: await file('predictions'),
    labels: await file('labels'),
    groups: inputs[`${who}:groups`] === undefined ? undefined : await file('groups'),
    slices,
  }
}

import { readFile } from 'node:fs/promises'
import { localCode } from '../lib/code/local-code.ts'
import { localTable } from '../lib/data/local-table.ts'
import { jsonSchemaOf } from '../lib/definition/contract/json-schema.ts'
import { type ArtifactRef, type Bundle, mediaTypes } from '../lib/formats/artifact.ts'
import { brief } from '../lib/formats/brief.ts'
import type { StepOf } from '../lib/formats/plan.ts'
import { digestsOf, type StepInputs } from '../lib/formats/step-inputs.ts'
import { TrainingReport } from '../lib/formats/training-report.ts'
import { compiledReport } from '../lib/jobs/prove-trees.ts'
import { modelCard } from '../lib/models/card.ts'
import type { CompiledModelReport } from '../lib/models/compiled-model.ts'
import { type LocalModel, type ModelFacts, modelFiles, trainedFacts } from '../lib/models/model.ts'
import { readSourceRead } from '../lib/models/source-read.ts'
import { getJson, localFile, putBundle, putBytes, putJson } from '../lib/store/objects.ts'
import { sign } from '../lib/store/signing.ts'
import type { Store } from '../lib/store/store.ts'
import { provenTrees } from './proven-trees.ts'
import { type ActivityDeps, required, type StepGiven, type StepOrder, type StepWork, wholeStep } from './step.ts'

/** The plan's train step goes along: it says what the packaged model is. */
export interface PackageOrder extends StepOrder<'package'> {
  readonly train: StepGiven<'train'>
  readonly trainKey: string
  readonly model: string
}

/** A compiled model and what is said of it. */
interface Compiled {
  readonly report: CompiledModelReport
  readonly files: Bundle['files']
  /** Between the trainer's predictions and ONNX Runtime's. */
  readonly parity: { readonly rows: number; readonly largest: number }
}

/** Makes the model bundle, checks that ONNX Runtime agrees with the trainer, and signs it. */
export async function packageModel(
  deps: ActivityDeps,
  order: PackageOrder,
  work: StepWork & { readonly step: StepOf<'package'> },
) {
  const { store } = deps
  const { inputs } = order
  const train = await wholeStep(deps, order.train)
  const onnx = required(inputs, 'model')
  const training = await getJson(store, required(inputs, 'training').digest, TrainingReport)
  const code = await localCode(deps, train.features)
  const facts = factsOf(order, train, work.step, training)
  const { crosses } = inputs
  const model: LocalModel = {
    facts,
    onnxFile: await localFile(store, onnx.digest),
    codeFile: code.file,
    baselineFile: await localFile(store, required(inputs, 'baseline').digest),
    crossesFile: crosses === undefined ? undefined : await localFile(store, crosses.digest),
  }
  const compiled = await compile(deps, order, model, work)
  work.progress('packaging', 0.8)
  const files = await filesOf(store, inputs, model, training, compiled)
  const bundle = await putBundle(store, { slipway: 'bundle/1', kind: 'model', files, facts: facts as never })
  if (deps.signer !== undefined) {
    const lineage = digestsOf(inputs)
    await sign(store, deps.signer, {
      subject: 'model',
      name: order.model,
      digest: bundle.digest,
      claim: { lineage, train: order.trainKey },
    })
  }
  const { report, parity } = compiled
  return {
    outputs: [
      { ...bundle, name: 'package' },
      { ...(files[modelFiles.card] as ArtifactRef), name: 'card' },
    ],
    facts: {
      bytes: onnx.size,
      parityRows: parity.rows,
      parity: parity.largest,
      kernel: report.status === 'proven' ? 'proven' : brief(report.reason, 500),
    },
  }
}

/** What a package says of its model. */
function factsOf(
  { model, inputs }: PackageOrder,
  train: StepOf<'train'>,
  step: StepOf<'package'>,
  training: TrainingReport,
): ModelFacts {
  const { name, digest, host } = train.features
  return {
    name: model,
    task: train.task,
    inputs: train.inputs,
    target: train.target.column,
    ...trainedFacts(training),
    featureCode: { name, digest, host },
    learner: train.learner,
    seed: train.seed,
    signature: step.signature,
    snapshot: required(inputs, 'snapshot').digest,
  }
}

/** Compiles the trees and proves them, and compares the model with the trainer on the validation rows. */
async function compile(
  deps: ActivityDeps,
  { run, inputs }: PackageOrder,
  model: LocalModel,
  { step, job, progress }: StepWork & { readonly step: StepOf<'package'> },
): Promise<Compiled> {
  const table = await localTable(deps.store, required(inputs, 'validation').digest)
  const trees = await provenTrees(deps, run, required(inputs, 'model'), progress)
  progress('comparing on validation rows', 0.7)
  const { parity, compared } = await job('proveRows', {
    model,
    table,
    compiledModel: trees.compiledModel,
    predictions: await localFile(deps.store, required(inputs, 'parity').digest),
    limit: step.parity,
  })
  const report = compiledReport(trees.proof, compared)
  return { report, files: report.status === 'proven' ? trees.files : {}, parity }
}

/** The files of a package. Their names are part of what its digest covers. */
async function filesOf(
  store: Store,
  inputs: StepInputs,
  { facts, codeFile }: LocalModel,
  training: TrainingReport,
  compiled: Compiled,
): Promise<Bundle['files']> {
  const answer =
    facts.task === 'binary'
      ? { probability: { type: 'number', minimum: 0, maximum: 1 } }
      : { prediction: { type: 'number' } }
  const outputSchema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: answer,
    required: Object.keys(answer),
  }
  const card = modelCard(facts, training, compiled.report, await readSourceRead(store, facts.snapshot))
  return {
    [modelFiles.onnx]: required(inputs, 'model'),
    [modelFiles.code]: await putBytes(store, await readFile(codeFile), mediaTypes.javascript),
    [modelFiles.inputSchema]: await putJson(store, jsonSchemaOf(facts.inputs)),
    [modelFiles.outputSchema]: await putJson(store, outputSchema),
    [modelFiles.baseline]: required(inputs, 'baseline'),
    ...(inputs.crosses !== undefined && { [modelFiles.crosses]: inputs.crosses }),
    [modelFiles.training]: required(inputs, 'training'),
    [modelFiles.card]: await putBytes(store, card, mediaTypes.markdown),
    [modelFiles.compiledModel]: await putJson(store, compiled.report),
    ...compiled.files,
  }
}

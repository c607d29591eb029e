import { readFile } from 'node:fs/promises'
import { localCode } from '../../code/local-code.ts'
import { localTable } from '../../data/local-table.ts'
import { jsonSchemaOf } from '../../definition/contract/json-schema.ts'
import { type ArtifactRef, type Bundle, mediaTypes } from '../../formats/artifact.ts'
import { brief } from '../../formats/brief.ts'
import { identityOf, isOfContainer } from '../../formats/learner.ts'
import type { StepOf } from '../../formats/plan.ts'
import { digestsOf, required, type StepInputs } from '../../formats/step-inputs.ts'
import type { HostVersions } from '../../formats/step-key.ts'
import { TrainingReport } from '../../formats/training-report.ts'
import { Tuning } from '../../formats/tuning.ts'
import { answerSchema } from '../../models/answer-schema.ts'
import { modelCard } from '../../models/card.ts'
import type { CompiledModelReport } from '../../models/compiled-model.ts'
import { type LocalModel, type ModelFacts, modelFiles, trainedFacts } from '../../models/model.ts'
import type { PackageSource } from '../../models/package.ts'
import { readSourceRead } from '../../models/source-read.ts'
import { answersInWords } from '../../stats/answer-profile.ts'
import type { Profile } from '../../stats/profile.ts'
import { getJson, localFile, putBundle, putBytes, putJson } from '../../store/objects.ts'
import { type Signer, sign } from '../../store/signing.ts'
import type { Store } from '../../store/store.ts'
import { requireMadeUpParity } from '../parity.ts'
import { compiledReport } from '../prove-trees.ts'
import type { Once, StepResult, WorkOn } from '../step-work.ts'
import { withChosen } from './model.ts'
import { packagedGraph } from './optimised-model.ts'
import { type ProvenTrees, provenTrees } from './proven-trees.ts'

/** What is packaged. The train step says what the model is. */
interface PackageOrder {
  readonly model: string
  readonly inputs: StepInputs
  readonly train: StepOf<'train'>
  readonly trainKey: string
}

/** Where packages are kept, who signs them (undefined leaves them unsigned), and what they are proven on. */
interface PackageDeps extends PackageSource {
  readonly signer: Signer | undefined
  readonly host: HostVersions
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
  deps: PackageDeps,
  work: WorkOn<'package'>,
  order: PackageOrder,
  once: Once,
): Promise<StepResult> {
  const { store } = deps
  const { inputs } = order
  const train = await withChosen(store, order.train, inputs)
  const tuning = inputs.trials && (await getJson(store, inputs.trials.digest, Tuning))
  const onnx = required(inputs, 'model')
  const training = await getJson(store, required(inputs, 'training').digest, TrainingReport)
  requireMadeUpParity(training.madeUp, work.step.parity)
  const code = await localCode(deps, train.features)
  const plain = factsOf({ ...order, train }, work.step, training)
  const { crosses } = inputs
  const model: LocalModel = {
    facts: plain,
    onnxFile: await localFile(store, onnx.digest),
    codeFile: code.file,
    baselineFile: await localFile(store, required(inputs, 'baseline').digest),
    crossesFile: crosses === undefined ? undefined : await localFile(store, crosses.digest),
  }
  const trees = await provenTrees(store, deps.host, onnx, once)
  const compiled = await compareWithTrainer(store, work, { model, trees, inputs })
  const graph = await packagedGraph(deps, work, model, { inputs, train, compiled: compiled.report })
  const explained = await explainer(store, work, graph.model, inputs)
  const answered = await answers(deps, work, graph.model, inputs)
  const facts = { ...plain, ...explained.facts, ...graph.facts, ...answered.facts }
  work.progress('packaging', 0.9)
  const files: Bundle['files'] = {
    ...(await filesOf(store, inputs, { ...model, facts }, { training, tuning }, compiled)),
    [modelFiles.onnx]: graph.onnx,
    ...explained.files,
    ...answered.files,
  }
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
      bytes: graph.onnx.size,
      parityRows: parity.rows,
      parity: parity.largest,
      ...(training.madeUp !== undefined && { madeUp: training.madeUp.rows, madeUpParity: training.madeUp.largest }),
      ...(isOfContainer(train.learner) && train.learner.predictions === false && { uncompared: true }),
      ...answered.told,
      kernel: report.status === 'proven' ? 'proven' : brief(report.reason, 500),
      ...graph.said,
    },
  }
}

/** What a package says of its model. */
function factsOf(
  { model, inputs, train }: PackageOrder,
  step: StepOf<'package'>,
  training: TrainingReport,
): ModelFacts {
  const { name, digest, host } = train.features
  return {
    name: model,
    task: train.task,
    inputs: train.inputs,
    target: train.target.column,
    ...(train.target.group !== undefined && { group: train.target.group }),
    ...trainedFacts(training),
    featureCode: { name, digest, host },
    learner: identityOf(train.learner),
    seed: train.seed,
    signature: step.signature,
    snapshot: required(inputs, 'snapshot').digest,
  }
}

/** What a package keeps to explain its predictions, and says of them; nothing where nobody asked. */
async function explainer(
  store: Store,
  { step, job, progress }: WorkOn<'package'>,
  model: LocalModel,
  inputs: StepInputs,
): Promise<{ readonly facts: Pick<ModelFacts, 'explain'>; readonly files: Bundle['files'] }> {
  if (step.explain === undefined) return { facts: {}, files: {} }
  progress('counting training rows for explanations', 0.8)
  const table = await localTable(store, required(inputs, 'training rows').digest)
  const { file, facts } = await job('makeExplainer', { model, table, options: step.explain })
  return { facts: { explain: facts }, files: { [modelFiles.explainer]: await putJson(store, file) } }
}

/** What a package keeps to answer by a function of the user's, and what is known of it; nothing where none answers. */
async function answers(
  deps: PackageDeps,
  { step, job, progress }: WorkOn<'package'>,
  model: LocalModel,
  inputs: StepInputs,
): Promise<{
  readonly facts: Pick<ModelFacts, 'decision'>
  readonly files: Bundle['files']
  readonly told: { readonly answers?: string }
}> {
  const { store } = deps
  if (step.answer === undefined) return { facts: {}, files: {}, told: {} }
  const { name, digest, host } = step.answer
  progress('trying the function that answers', 0.85)
  const code = await localCode(deps, step.answer)
  const table = await localTable(store, required(inputs, 'validation').digest)
  const { kind, profile } = await job('proveAnswers', { model, table, answer: code })
  const baseline = JSON.parse(await readFile(model.baselineFile, 'utf8')) as Profile
  return {
    facts: { decision: { name, digest, host, kind } },
    files: {
      [modelFiles.answer]: await putBytes(store, await readFile(code.file), mediaTypes.javascript),
      [modelFiles.baseline]: await putJson(store, { ...baseline, ...profile }),
    },
    told: { answers: `${name} answers ${answersInWords(profile)}` },
  }
}

/** Compares the model, and its compiled form, with the trainer on the validation rows. */
async function compareWithTrainer(
  store: Store,
  { step, job, progress }: WorkOn<'package'>,
  { model, trees, inputs }: { readonly model: LocalModel; readonly trees: ProvenTrees; readonly inputs: StepInputs },
): Promise<Compiled> {
  const table = await localTable(store, required(inputs, 'validation').digest)
  progress('comparing on validation rows', 0.7)
  const { parity, compared } = await job('proveRows', {
    model,
    table,
    compiledModel: trees.compiledModel,
    predictions: await localFile(store, required(inputs, 'parity').digest),
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
  { training, tuning }: { readonly training: TrainingReport; readonly tuning: Tuning | undefined },
  compiled: Compiled,
): Promise<Bundle['files']> {
  const outputSchema = { $schema: 'https://json-schema.org/draft/2020-12/schema', ...answerSchema(facts) }
  const source = await readSourceRead(store, facts.snapshot)
  const card = modelCard({ facts, training, tuning, source }, compiled.report)
  return {
    [modelFiles.onnx]: required(inputs, 'model'),
    [modelFiles.code]: await putBytes(store, await readFile(codeFile), mediaTypes.javascript),
    [modelFiles.inputSchema]: await putJson(store, jsonSchemaOf(facts.inputs)),
    [modelFiles.outputSchema]: await putJson(store, outputSchema),
    [modelFiles.baseline]: required(inputs, 'baseline'),
    ...(inputs.crosses !== undefined && { [modelFiles.crosses]: inputs.crosses }),
    ...(inputs.trials !== undefined && { [modelFiles.tuning]: inputs.trials }),
    [modelFiles.training]: required(inputs, 'training'),
    [modelFiles.card]: await putBytes(store, card, mediaTypes.markdown),
    [modelFiles.compiledModel]: await putJson(store, compiled.report),
    ...compiled.files,
  }
}

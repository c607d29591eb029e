import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { localCode, localCodes } from '../lib/code/local-code.ts'
import { localTable } from '../lib/data/local-table.ts'
import { jsonSchemaOf } from '../lib/definition/contract/json-schema.ts'
import { requirePlannedCode } from '../lib/extensions/plan.ts'
import { type ArtifactRef, type Bundle, mediaTypes, type Output } from '../lib/formats/artifact.ts'
import { brief } from '../lib/formats/brief.ts'
import { canonicalJson } from '../lib/formats/canonical.ts'
import { codeOfCheck } from '../lib/formats/check.ts'
import { digestsOf, type StepInputs, type StepOutcome } from '../lib/formats/step-inputs.ts'
import { linearBaselineOutput, TrainingReport } from '../lib/formats/training-report.ts'
import { evaluationFiles, sliceFile } from '../lib/jobs/evaluate.ts'
import type { LocalEvaluation } from '../lib/jobs/judge.ts'
import { compiledReport } from '../lib/jobs/prove-trees.ts'
import { trainingFiles } from '../lib/learners/train-model.ts'
import { readBaseline } from '../lib/models/baseline.ts'
import { modelCard } from '../lib/models/card.ts'
import { type LocalModel, type ModelFacts, modelFiles, trainedFacts } from '../lib/models/model.ts'
import { localModel } from '../lib/models/package.ts'
import { readSourceRead } from '../lib/models/source-read.ts'
import { getJson, localFile, putBundle, putBytes, putJson } from '../lib/store/objects.ts'
import { sign } from '../lib/store/signing.ts'
import { gateFacts } from './gate-facts.ts'
import { provenTrees } from './proven-trees.ts'
import { type ActivityDeps, required, runStep, type StepGiven, type StepOrder, wholeStep } from './step.ts'

/** The plan's train step goes along: it says what the packaged model is. */
export interface PackageOrder extends StepOrder<'package'> {
  readonly train: StepGiven<'train'>
  readonly trainKey: string
  readonly model: string
}

/** The steps that make a model and judge it. */
export function createModelActivities(deps: ActivityDeps) {
  const { store } = deps
  return {
    async trainModel(order: StepOrder<'train'> & { readonly model: string }): Promise<StepOutcome> {
      const { inputs } = order
      return runStep(deps, order, async ({ step, folder, job, output, progress }) => {
        requirePlannedCode(step, deps.adapters)
        progress('fetching tables and code', 0)
        const { report, linearBaseline } = await job('trainModel', {
          step,
          model: order.model,
          train: await localTable(store, required(inputs, 'train').digest),
          validation: await localTable(store, required(inputs, 'validation').digest),
          features: await localCode(deps, step.features),
          target: step.target.code === undefined ? undefined : await localCode(deps, step.target.code),
          folder,
          root: deps.root,
        })
        const outputs = [
          await output('model', trainingFiles.model, mediaTypes.onnx),
          await output('training', trainingFiles.report, mediaTypes.json),
          await output('baseline', trainingFiles.baseline, mediaTypes.json),
          await output('parity', trainingFiles.parity),
          ...(step.crosses === undefined ? [] : [await output('crosses', trainingFiles.crosses, mediaTypes.json)]),
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
            ...(linearBaseline !== undefined && { linear: linearBaseline.validationMetrics }),
          },
        }
      })
    },

    /** Makes the model bundle, checks that ONNX Runtime agrees with the trainer, and signs it. */
    async packageModel(order: PackageOrder): Promise<StepOutcome> {
      const { inputs } = order
      return runStep(
        deps,
        order,
        async ({ step, job, progress }) => {
          const train = await wholeStep(deps, order.train)
          const onnx = required(inputs, 'model')
          const { crosses } = inputs
          const training = await getJson(store, required(inputs, 'training').digest, TrainingReport)
          const code = await localCode(deps, train.features)
          const facts: ModelFacts = {
            name: order.model,
            task: train.task,
            inputs: train.inputs,
            target: train.target.column,
            ...trainedFacts(training),
            featureCode: { name: train.features.name, digest: train.features.digest, host: train.features.host },
            learner: train.learner,
            seed: train.seed,
            signature: step.signature,
            snapshot: required(inputs, 'snapshot').digest,
          }
          const model: LocalModel = {
            facts,
            onnxFile: await localFile(store, onnx.digest),
            codeFile: code.file,
            baselineFile: await localFile(store, required(inputs, 'baseline').digest),
            crossesFile: crosses === undefined ? undefined : await localFile(store, crosses.digest),
          }
          const table = await localTable(store, required(inputs, 'validation').digest)
          const trees = await provenTrees(deps, order.run, onnx, progress)
          progress('comparing on validation rows', 0.7)
          const { parity, compared } = await job('proveRows', {
            model,
            table,
            compiledModel: trees.compiledModel,
            predictions: await localFile(store, required(inputs, 'parity').digest),
            limit: step.parity,
          })
          const compiledModel = compiledReport(trees.proof, compared)
          progress('packaging', 0.8)
          const answer =
            facts.task === 'binary'
              ? { probability: { type: 'number', minimum: 0, maximum: 1 } }
              : { prediction: { type: 'number' } }
          const files: Bundle['files'] = {
            [modelFiles.onnx]: onnx,
            [modelFiles.code]: await putBytes(store, await readFile(code.file), mediaTypes.javascript),
            [modelFiles.inputSchema]: await putJson(store, jsonSchemaOf(facts.inputs)),
            [modelFiles.outputSchema]: await putJson(store, {
              $schema: 'https://json-schema.org/draft/2020-12/schema',
              type: 'object',
              properties: answer,
              required: Object.keys(answer),
            }),
            [modelFiles.baseline]: required(inputs, 'baseline'),
            ...(crosses !== undefined && { [modelFiles.crosses]: crosses }),
            [modelFiles.training]: required(inputs, 'training'),
            [modelFiles.card]: await putBytes(
              store,
              modelCard(facts, training, compiledModel, await readSourceRead(store, facts.snapshot)),
              mediaTypes.markdown,
            ),
            [modelFiles.compiledModel]: await putJson(store, compiledModel),
            ...(compiledModel.status === 'proven' && trees.files),
          }
          const bundle = await putBundle(store, { slipway: 'bundle/1', kind: 'model', files, facts: facts as never })
          if (deps.signer !== undefined) {
            const lineage = digestsOf(inputs)
            await sign(store, deps.signer, 'model', order.model, bundle.digest, { lineage, train: order.trainKey })
          }
          return {
            outputs: [
              { ...bundle, name: 'package' },
              { ...(files[modelFiles.card] as ArtifactRef), name: 'card' },
            ],
            facts: {
              bytes: onnx.size,
              parityRows: parity.rows,
              parity: parity.largest,
              kernel: compiledModel.status === 'proven' ? 'proven' : brief(compiledModel.reason, 500),
            },
          }
        },
        { train: order.trainKey },
      )
    },

    async evaluatePackage(order: StepOrder<'evaluate'>): Promise<StepOutcome> {
      const { inputs } = order
      return runStep(deps, order, async ({ step, folder, job, output, progress }) => {
        progress('fetching the package', 0)
        const evaluation = await job('evaluateModel', {
          step,
          model: await localModel(deps, required(inputs, 'package').digest),
          table: await localTable(store, required(inputs, 'part').digest),
          gains: (await readBaseline(deps, required(inputs, 'package').digest)).importances,
          target: step.target.code === undefined ? undefined : await localCode(deps, step.target.code),
          folder,
        })
        const outputs: Output[] = [
          await output('evaluation', evaluationFiles.report, mediaTypes.json),
          await output('predictions', evaluationFiles.predictions),
          await output('labels', evaluationFiles.labels),
        ]
        for (const column of step.slices) outputs.push(await output(`slice-${column}`, sliceFile(column)))
        return { outputs, facts: { rows: evaluation.rows, metrics: evaluation.metrics } }
      })
    },

    /** Judges the gates. A gate that fails is a result, not an error: the workflow decides what follows. */
    async judgeCandidate(order: StepOrder<'gate'>): Promise<StepOutcome> {
      const { inputs } = order
      return runStep(deps, order, async ({ step, folder, job, output }) => {
        const gates = await job('judgeGates', {
          step,
          candidate: await localEvaluation(inputs, 'candidate'),
          opponent: inputs['opponent:evaluation'] === undefined ? undefined : await localEvaluation(inputs, 'opponent'),
          model: await localModel(deps, required(inputs, 'package').digest),
          table: await localTable(store, required(inputs, 'part').digest),
          code: await localCodes(
            deps,
            step.must.flatMap((check) => codeOfCheck(check) ?? []),
          ),
        })
        await writeFile(join(folder, 'gates.json'), canonicalJson(gates))
        return {
          outputs: [await output('gates', 'gates.json', mediaTypes.json)],
          facts: gateFacts(gates),
        }
      })
    },
  }

  async function localEvaluation(inputs: StepInputs, who: 'candidate' | 'opponent'): Promise<LocalEvaluation> {
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
      slices,
    }
  }
}

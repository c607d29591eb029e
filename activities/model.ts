import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { localCode, localCodes } from '../lib/code/local-code.ts'
import { localTable } from '../lib/data/local-table.ts'
import { requirePlannedCode } from '../lib/extensions/plan.ts'
import { mediaTypes, type Output } from '../lib/formats/artifact.ts'
import { canonicalJson } from '../lib/formats/canonical.ts'
import { codeOfCheck } from '../lib/formats/check.ts'
import type { StepInputs, StepOutcome } from '../lib/formats/step-inputs.ts'
import { linearBaselineOutput } from '../lib/formats/training-report.ts'
import { evaluationFiles, sliceFile } from '../lib/jobs/evaluate.ts'
import type { LocalEvaluation } from '../lib/jobs/judge.ts'
import { trainingFiles } from '../lib/learners/train-model.ts'
import { readBaseline } from '../lib/models/baseline.ts'
import { localModel } from '../lib/models/package.ts'
import { localFile } from '../lib/store/objects.ts'
import type { Store } from '../lib/store/store.ts'
import { gateFacts } from './gate-facts.ts'
import { type PackageOrder, packageModel } from './package-model.ts'
import { type ActivityDeps, required, runStep, type StepOrder } from './step.ts'

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
      return runStep(deps, order, (work) => packageModel(deps, order, work), { train: order.trainKey })
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
          candidate: await localEvaluation(store, inputs, 'candidate'),
          opponent:
            inputs['opponent:evaluation'] === undefined ? undefined : await localEvaluation(store, inputs, 'opponent'),
          model: await localModel(deps, required(inputs, 'package').digest),
          table: await localTable(store, required(inputs, 'part').digest),
          code: await localCodes(
            deps,
            step.must.flatMap((check) => codeOfCheck(check) ?? []),
          ),
          backtests: await localBacktests(store, inputs),
        })
        await writeFile(join(folder, 'gates.json'), canonicalJson(gates))
        return {
          outputs: [await output('gates', 'gates.json', mediaTypes.json)],
          facts: gateFacts(gates),
        }
      })
    },
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
    slices,
  }
}

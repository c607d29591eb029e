import { localCode } from '../../code/local-code.ts'
import { localTable } from '../../data/local-table.ts'
import { type ArtifactRef, mediaTypes } from '../../formats/artifact.ts'
import { type OptimisedFacts, optimiseInWords } from '../../formats/optimise.ts'
import type { StepOf } from '../../formats/plan.ts'
import { show } from '../../formats/show-number.ts'
import { required, type StepInputs } from '../../formats/step-inputs.ts'
import { unsuitable } from '../../learners/optimise/optimise.ts'
import type { CompiledModelReport } from '../../models/compiled-model.ts'
import type { LocalModel } from '../../models/model.ts'
import type { PackageSource } from '../../models/package.ts'
import { type OptimisedModel, optimisedFile } from '../optimise-model.ts'
import type { StepResult, WorkOn } from '../step-work.ts'

/** A model whose graph was optimised, as a package has it. */
export interface PackagedGraph {
  readonly model: LocalModel
  readonly onnx: ArtifactRef
  /** What the package says of it. */
  readonly facts: { readonly optimised?: OptimisedFacts }
  /** What the step's record says besides: by the clock, and so no part of the package. */
  readonly said: StepResult['facts']
}

/**
 * The graph that a package serves: the one that was trained, or what the definition has made of it.
 * @throws SlipwayError OPTIMISE_UNSUITABLE, OPTIMISE_LOSS, PARITY
 */
export async function packagedGraph(
  source: PackageSource,
  { step, job, folder, output }: WorkOn<'package'>,
  model: LocalModel,
  {
    inputs,
    train,
    compiled,
  }: { readonly inputs: StepInputs; readonly train: StepOf<'train'>; readonly compiled: CompiledModelReport },
): Promise<PackagedGraph> {
  const options = step.optimise
  if (options === undefined) return { model, onnx: required(inputs, 'model'), facts: {}, said: {} }
  if (compiled.status === 'proven') throw unsuitable('it has trees, which are compiled, and no matrices')
  const made = await job('optimiseModel', {
    model,
    options,
    table: await localTable(source.store, required(inputs, 'validation').digest),
    train: { target: train.target, task: train.task },
    target: train.target.code === undefined ? undefined : await localCode(source, train.target.code),
    parity: step.parity,
    folder,
  })
  const { name: _, ...onnx } = await output('optimised', optimisedFile, mediaTypes.onnx)
  return {
    model: { ...model, onnxFile: `${folder}/${optimisedFile}` },
    onnx,
    facts: { optimised: made.facts },
    said: saidOf(made),
  }
}

/** What a step's record says of a graph that was optimised, in words and numbers. */
export function saidOf({ facts, times }: OptimisedModel): StepResult['facts'] {
  const { bytes, metric, difference } = facts
  const ratio = times.itemUs.after / times.itemUs.before
  const lost =
    metric === undefined
      ? `answers moved by ${show(difference ?? 0)} of their spread`
      : `${metric.name} ${show(metric.before)} before, ${show(metric.after)} after`
  return {
    optimised: `${optimiseInWords(facts)} (${bytes.before.toLocaleString('en-US')} before), ${ratio.toFixed(2)} of the processor time a row, ${lost}`,
    times,
  }
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ArtifactRef, mediaTypes, type Output } from '../../formats/artifact.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { StepOf } from '../../formats/plan.ts'
import type { TensorFacts } from '../../formats/tensors.ts'
import { byDefinition } from '../../learners/finished/brought.ts'
import { tensorsOf } from '../../learners/finished/tensors.ts'
import { modelFiles } from '../../models/model.ts'
import { tensorCard } from '../../models/tensors/card.ts'
import { localFile, putBundle, putBytes } from '../../store/objects.ts'
import { type Signer, sign } from '../../store/signing.ts'
import type { Store } from '../../store/store.ts'
import { optimisedFile } from '../optimise-model.ts'
import { tensorBaseline } from '../profile-tensors.ts'
import type { StepResult, WorkOn } from '../step-work.ts'
import { saidOf } from './optimised-model.ts'

/** Makes and signs the package of a model of tensors: its file as it was given, the profile of its answers, a card. */
export async function packageTensors(
  { store, signer }: { readonly store: Store; readonly signer: Signer | undefined },
  { step, folder, job, output, progress }: WorkOn<'tensors'>,
): Promise<StepResult> {
  progress('fetching the model', 0)
  const { file, samples, optimise: options } = step
  const modelFile = await localFile(store, plannedDigest(step))
  const onnx = await readFile(modelFile)
  const asGiven = factsOf(step, onnx)
  const given =
    samples?.digest === undefined ? undefined : { file: samples.file, path: await localFile(store, samples.digest) }
  const made =
    options === undefined || given === undefined
      ? undefined
      : await job('optimiseTensors', { facts: asGiven, options, modelFile, file, samples: given, folder })
  const facts = made === undefined ? asGiven : { ...asGiven, optimised: made.facts }
  const { items } = await job('profileTensors', {
    facts,
    modelFile: made === undefined ? modelFile : join(folder, optimisedFile),
    file,
    ...(given !== undefined && { samples: given }),
    folder,
  })
  progress('packaging', 0.9)
  const profile = JSON.parse(await readFile(join(folder, tensorBaseline), 'utf8'))
  const card = await putBytes(store, tensorCard(facts, profile, items), mediaTypes.markdown)
  const model: ArtifactRef =
    made === undefined
      ? { digest: facts.model, mediaType: mediaTypes.onnx, size: onnx.length }
      : await stored(output('optimised', optimisedFile, mediaTypes.onnx))
  const baseline = await stored(output('baseline', tensorBaseline, mediaTypes.json))
  const bundle = await putBundle(store, {
    slipway: 'bundle/1',
    kind: 'model',
    files: { [modelFiles.onnx]: model, [modelFiles.baseline]: baseline, [modelFiles.card]: card },
    facts: facts as never,
  })
  if (signer !== undefined)
    await sign(store, signer, {
      subject: 'model',
      name: step.name,
      digest: bundle.digest,
      claim: { lineage: { model: facts.model, ...(facts.samples !== undefined && { samples: facts.samples }) } },
    })
  return {
    outputs: [
      { ...bundle, name: 'package' },
      { ...card, name: 'card' },
    ],
    facts: { bytes: model.size, items, ...(made !== undefined && saidOf(made)) },
  }
}

async function stored(output: Promise<Output>): Promise<ArtifactRef> {
  const { name: _, ...artifact } = await output
  return artifact
}

/** What a package says of its model, as far as the graph tells. @throws SlipwayError MODEL_INVALID */
export function factsOf(step: StepOf<'tensors'>, onnx: Uint8Array): TensorFacts {
  const { refuse } = byDefinition({ kind: 'onnx', file: step.file })
  return {
    kind: 'tensors',
    name: step.name,
    ...tensorsOf(refuse, onnx),
    model: plannedDigest(step),
    ...(step.samples?.digest !== undefined && { samples: step.samples.digest }),
    signature: step.signature,
  }
}

function plannedDigest({ file, model }: StepOf<'tensors'>): string {
  if (model !== undefined) return model
  throw new SlipwayError('MODEL_INVALID', `${file}: the plan was made without the file`, {
    next: 'plan it with slipway run, slipway plan or slipway register',
  })
}

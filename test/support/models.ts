import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hostVersions } from '../../lib/code/host.ts'
import { planPipeline } from '../../lib/code/plan.ts'
import { writeCodeMap } from '../../lib/code/source-map.ts'
import { withDuckDb } from '../../lib/data/duckdb.ts'
import { inspect } from '../../lib/data/inspect.ts'
import { mediaTypes } from '../../lib/formats/artifact.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { trainingFiles, trainModel } from '../../lib/learners/train-model.ts'
import { type ModelFacts, modelFiles, trainedFacts } from '../../lib/models/model.ts'
import { digestOf } from '../../lib/store/digest.ts'
import { putBundle, putBytes, putFile } from '../../lib/store/objects.ts'
import { type Signer, sign } from '../../lib/store/signing.ts'
import type { Store } from '../../lib/store/store.ts'
import type { TestProject } from './project.ts'
import { proveCompiledModel } from './prove.ts'

/**
 * Trains the model of a project's pipeline as a run would, without one, and stores its package.
 * @param options `compiled: false` leaves the compiled model out
 */
export async function packageModel(
  { root }: TestProject,
  store: Store,
  pipeline: string,
  version: number,
  settings: Record<string, string> = {},
  { signer, compiled = true }: { signer?: Signer; compiled?: boolean } = {},
): Promise<ModelVersion> {
  const { plan, bundles } = await planPipeline(root, pipeline, hostVersions(), settings)
  const step = plan.steps.find((each) => each.kind === 'train')
  const source = plan.steps.find((each) => each.kind === 'snapshot')
  if (step === undefined || source === undefined) throw new Error('the pipeline trains nothing')
  const folder = await mkdtemp(join(tmpdir(), 'slipway-model-'))
  const code = async (digest: string): Promise<string> => {
    const file = join(folder, `${digest.slice(7, 19)}.js`)
    await writeFile(file, bundles.get(digest)?.code ?? '')
    return file
  }
  for (const [digest, { sourceMap }] of bundles) await writeCodeMap(store, digest, sourceMap)
  const table = { files: [join(root, source.from)], format: source.format, schema: source.schema }
  const rows = await withDuckDb(1, (connection) => inspect(connection, table, source.from))
  const features = { file: await code(step.features.digest), digest: step.features.digest, name: step.features.name }
  const target = step.target.code
  const { report } = await trainModel(
    {
      step,
      model: pipeline,
      train: { ...table, rows },
      validation: { ...table, rows },
      features,
      target:
        target === undefined
          ? undefined
          : { file: await code(target.digest), digest: target.digest, name: target.name },
      folder,
    },
    () => {},
  )
  const facts: ModelFacts = {
    name: pipeline,
    task: step.task,
    inputs: step.inputs,
    target: step.target.column,
    ...trainedFacts(report),
    featureCode: { name: step.features.name, digest: step.features.digest, host: step.features.host },
    learner: step.learner,
    seed: step.seed,
    signature: 1,
    snapshot: digestOf('no snapshot'),
  }
  const model = {
    facts,
    onnxFile: join(folder, trainingFiles.model),
    codeFile: features.file,
    baselineFile: join(folder, trainingFiles.baseline),
    crossesFile: join(folder, trainingFiles.crosses),
  }
  const compiledModel = compiled && (await proveCompiledModel({ model, table: { ...table, rows }, folder }))
  const bundle = await putBundle(store, {
    slipway: 'bundle/1',
    kind: 'model',
    files: {
      [modelFiles.onnx]: await putFile(store, join(folder, trainingFiles.model), mediaTypes.onnx),
      ...(step.crosses !== undefined && {
        [modelFiles.crosses]: await putFile(store, join(folder, trainingFiles.crosses), mediaTypes.json),
      }),
      [modelFiles.baseline]: await putFile(store, join(folder, trainingFiles.baseline), mediaTypes.json),
      [modelFiles.training]: await putFile(store, join(folder, trainingFiles.report), mediaTypes.json),
      [modelFiles.code]: await putBytes(store, bundles.get(step.features.digest)?.code ?? '', mediaTypes.javascript),
      ...(compiledModel && {
        [modelFiles.compiledModel]: await putFile(store, join(folder, modelFiles.compiledModel), mediaTypes.json),
      }),
      ...(compiledModel &&
        compiledModel.status === 'proven' && {
          [modelFiles.compiledCode]: await putFile(store, join(folder, modelFiles.compiledCode), mediaTypes.wasm),
          [modelFiles.compiledTables]: await putFile(store, join(folder, modelFiles.compiledTables), mediaTypes.binary),
        }),
    },
    facts: facts as never,
  })
  if (signer !== undefined) await sign(store, signer, { subject: 'model', name: pipeline, digest: bundle.digest })
  return { model: pipeline, version, digest: bundle.digest }
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../code/host.ts'
import { canonicalJson } from '../formats/canonical.ts'
import { isOfTensors } from '../formats/tensors.ts'
import { ModelFacts, modelFiles } from '../models/model.ts'
import { getBundle, getBytes } from '../store/objects.ts'
import type { Store } from '../store/store.ts'

/** A file of an MLflow model: its path in the model's folder, and what is in it. */
export type ModelFile = readonly [path: string, content: string | Uint8Array]

/** The version of MLflow whose format of models is written. */
const mlflowVersion = '3.17.2'

/**
 * The files of a package as an MLflow model that `mlflow.pyfunc` loads: features in, predictions out.
 * @returns a text where there is none: why
 */
export async function mlflowModel(store: Store, digest: string): Promise<readonly ModelFile[] | string> {
  const bundle = await getBundle(store, digest, 'model')
  if (isOfTensors(bundle.facts)) return 'takes tensors: its file is an ONNX model for mlflow.onnx as it is'
  const facts = ModelFacts.parse(bundle.facts)
  if (facts.crosses !== undefined) return 'has crosses, which are made outside its graph'
  const onnx = await getBytes(store, bundle.files[modelFiles.onnx]?.digest as string)
  const { task, features, outputs } = facts
  return [
    ['MLmodel', mlmodel(facts)],
    ['data/model.onnx', onnx],
    ['data/features.json', canonicalJson({ task, features, ...(outputs !== undefined && { outputs }) })],
    ['code/slipway_model.py', await readFile(join(packageRoot, 'lib/tracking/slipway_model.py'))],
    ['requirements.txt', `mlflow\nnumpy\nonnxruntime\npandas\n`],
    ['card.md', await getBytes(store, bundle.files[modelFiles.card]?.digest as string)],
  ]
}

/** The file that says what an MLflow model is: YAML, of which JSON is a part. */
function mlmodel({ features, outputs }: ModelFacts): string {
  const inputs = features.map(({ name, kind }) => ({
    type: kind === 'category' ? 'string' : 'double',
    name,
    required: true,
  }))
  const shape = outputs === undefined ? [-1] : [-1, outputs.length]
  return `${JSON.stringify(
    {
      flavors: {
        python_function: {
          code: 'code',
          data: 'data',
          loader_module: 'slipway_model',
          env: { pip: 'requirements.txt' },
        },
      },
      mlflow_version: mlflowVersion,
      signature: {
        inputs: JSON.stringify(inputs),
        outputs: JSON.stringify([{ type: 'tensor', 'tensor-spec': { dtype: 'float32', shape } }]),
        params: null,
      },
    },
    null,
    2,
  )}\n`
}

import { mediaTypes } from '../../lib/formats/artifact.ts'
import type { StepOf } from '../../lib/formats/plan.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { factsOf } from '../../lib/jobs/steps/package-tensors.ts'
import { modelFiles } from '../../lib/models/model.ts'
import { putBundle, putBytes } from '../../lib/store/objects.ts'
import type { Store } from '../../lib/store/store.ts'

/** Stores the package of a model of tensors that no samples were given of, as a run would. */
export async function storeTensorModel(store: Store, version: number, onnx: Uint8Array): Promise<ModelVersion> {
  const model = await putBytes(store, onnx, mediaTypes.onnx)
  const step: StepOf<'tensors'> = {
    id: 'tensors',
    kind: 'tensors',
    name: 'texts',
    file: 'texts.onnx',
    model: model.digest,
    signature: 1,
  }
  const { digest } = await putBundle(store, {
    slipway: 'bundle/1',
    kind: 'model',
    files: {
      [modelFiles.onnx]: model,
      [modelFiles.baseline]: await putBytes(store, '{}', mediaTypes.json),
      [modelFiles.card]: await putBytes(store, '# texts', mediaTypes.markdown),
    },
    facts: factsOf(step, onnx) as never,
  })
  return { model: 'texts', version, digest }
}

import type { InferenceSession, Tensor, TensorConstructor } from 'onnxruntime-node'
import type { CompiledInput, CompiledModel } from '../compiler/compiled-model.ts'
import { columnOf, sideBySide } from '../formats/answers.ts'
import { isOfClasses } from '../formats/code-ref.ts'
import type { Numbers } from '../formats/columns.ts'
import { textsForOnnx } from '../formats/texts-for-onnx.ts'
import type { GraphInputs } from './graph-inputs.ts'
import type { ModelFacts } from './model.ts'

/** Predictions, of what the graph takes. @param rows how many there are */
export type ScoreInputs = (inputs: GraphInputs, rows: number) => Promise<Numbers>

/** ONNX Runtime, in whichever of its packages: as far as it is needed here. */
interface OnnxRuntime {
  readonly Tensor: TensorConstructor
}

export function compiledScore({ outputs }: Pick<ModelFacts, 'outputs'>, compiledModel: CompiledModel): ScoreInputs {
  return outputs === undefined
    ? async (inputs, rows) => compiledModel.score(inputs, rows)
    : async (inputs, rows) => sideBySide(compiledModel.scoreAll(inputs, rows).answers)
}

export function onnxScore(
  facts: Pick<ModelFacts, 'task' | 'features' | 'crosses'>,
  ort: OnnxRuntime,
  session: Pick<InferenceSession, 'run'>,
): ScoreInputs {
  const output = isOfClasses(facts.task) ? 'probabilities' : 'prediction'
  const kinds = [...facts.features, ...(facts.crosses ?? []).map((name) => ({ name, kind: 'number' as const }))]
  return async (made) => {
    const feeds: Record<string, Tensor> = {}
    for (const { name, kind } of kinds) {
      const feature = made[name] as CompiledInput
      feeds[name] =
        kind === 'number'
          ? numbersTensor(ort, feature as Numbers)
          : new ort.Tensor('string', textsForOnnx(feature as readonly (string | null)[]), [feature.length, 1])
    }
    const results = await session.run(feeds, [output])
    const data = results[output]?.data as Numbers
    return facts.task === 'binary' ? columnOf(data, 1, 2) : data
  }
}

const numbersTensor = ({ Tensor }: OnnxRuntime, values: Numbers): Tensor =>
  values instanceof Float64Array
    ? new Tensor('float64', values, [values.length, 1])
    : new Tensor('float32', values, [values.length, 1])

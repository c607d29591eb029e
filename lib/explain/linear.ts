import { type OnnxNode, type OnnxTensor, readOnnx } from '../compiler/onnx.ts'
import type { Numbers } from '../formats/columns.ts'
import type { Space } from '../formats/explain.ts'

/** A column of a linear model, and what its values add to the sum. */
export interface LinearColumn {
  readonly name: string
  /** @param values numbers, or text @returns [rows] */
  readonly terms: (values: Numbers | readonly (string | null)[]) => Float64Array
}

/** A sum of one term a column. */
export interface LinearSum {
  readonly space: Space
  readonly intercept: number
  readonly columns: readonly LinearColumn[]
}

/**
 * Reads a model of the built-in linear learner from its graph, term by term, in float64 as the graph has them.
 * @returns undefined where it is none
 */
export function readLinear(onnx: Uint8Array): LinearSum | undefined {
  const { graph } = readOnnx(onnx)
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]))
  const numbers = (name: string): Float64Array => doublesOf(constants.get(name))
  const made = (output: string): OnnxNode | undefined => graph.node.find((node) => node.output[0] === output)
  if (!constants.has(':intercept') || made(':sum')?.opType !== 'Sum') return undefined
  const scale = numbers(':scale')[0] ?? 1
  const [means, slopes, missing] = [numbers(':means'), numbers(':slopes'), numbers(':missing-weights')]
  const ofNumbers = (made(':numbers')?.input ?? []).map((name, i): LinearColumn => {
    const [mean, slope, ofMissing] = [means[i] as number, (slopes[i] as number) * scale, (missing[i] ?? 0) * scale]
    return {
      name,
      terms: (values) =>
        Float64Array.from(values as Numbers, (value) => (Number.isNaN(value) ? ofMissing : (value - mean) * slope)),
    }
  })
  const ofTexts = graph.node.flatMap((encoder): LinearColumn[] => {
    const [name, index] = [encoder.input[0], encoder.output[0]]
    if (encoder.opType !== 'LabelEncoder' || name === undefined) return []
    const gather = graph.node.find((node) => node.opType === 'Gather' && node.input[1] === index)
    const weights = numbers(gather?.input[0] ?? '')
    const keys = encoder.attribute.find((each) => each.name === 'keys_strings')?.strings ?? []
    const decoder = new TextDecoder()
    const weightOf = new Map(keys.map((key, i) => [decoder.decode(key), (weights[i] as number) * scale]))
    return [
      {
        name,
        terms: (values) =>
          Float64Array.from(values as readonly (string | null)[], (value) =>
            value === null ? 0 : (weightOf.get(value) ?? 0),
          ),
      },
    ]
  })
  return {
    space: graph.node.some(({ opType }) => opType === 'Sigmoid') ? 'log odds' : 'prediction',
    intercept: (numbers(':intercept')[0] ?? 0) * scale + (numbers(':offset')[0] ?? 0),
    columns: [...ofNumbers, ...ofTexts],
  }
}

const doublesOf = (tensor: OnnxTensor | undefined): Float64Array =>
  tensor === undefined ? new Float64Array(0) : new Float64Array(Uint8Array.from(tensor.rawData).buffer)

import { readFile } from 'node:fs/promises'
import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { datatypeOf, type TensorData, type TensorFacts, type Tensors, type TensorValue } from '../../formats/tensors.ts'

/** A package of a model of tensors alone, as local files. */
export interface LocalTensorModel {
  readonly facts: TensorFacts
  readonly onnxFile: string
  readonly baselineFile: string
}

/** A model of tensors that answers, by ONNX Runtime. */
export interface LoadedTensorModel {
  readonly facts: TensorFacts
  /** @param inputs of the datatypes and shapes that the facts say @throws Error what ONNX Runtime says */
  answer(inputs: Tensors): Promise<Tensors>
  release(): Promise<void>
}

/** One thread within an operator: the same input has the same answer, however many cores there are. */
const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 } as const

/** @throws Error what ONNX Runtime says where it cannot load the model */
export async function loadTensorModel(local: Omit<LocalTensorModel, 'baselineFile'>): Promise<LoadedTensorModel> {
  return { facts: local.facts, ...(await openTensorModel(local.facts, await readFile(local.onnxFile))) }
}

/** The same of a model in memory. */
export async function openTensorModel(
  facts: Pick<TensorFacts, 'inputs' | 'outputs'>,
  onnx: Uint8Array,
): Promise<Omit<LoadedTensorModel, 'facts'>> {
  const ort = await import('../../code/onnxruntime.ts')
  const session = await ort.InferenceSession.create(onnx, options)
  const { inputs, outputs } = facts
  const names = outputs.map(({ name }) => name)
  return {
    async answer(given) {
      const feeds: Record<string, Tensor> = {}
      for (const { name, datatype } of inputs) {
        const { shape, data } = given[name] as TensorValue
        const type = datatypeOf(datatype).name as 'float32'
        feeds[name] = new ort.Tensor(type, data as Float32Array, shape)
      }
      const results = await session.run(feeds as InferenceSession.FeedsType, names)
      return Object.fromEntries(names.map((name) => [name, tensorOf(results[name] as Tensor)]))
    },
    release: () => session.release(),
  }
}

/** Float16 comes as its bits, or, from Node 24 on, as an array of its own over the same bytes. */
function tensorOf({ type, dims, data }: Tensor): TensorValue {
  if (type !== 'float16') return { shape: dims, data: data as TensorData }
  const { buffer, byteOffset, length } = data as Uint16Array
  return { shape: dims, data: new Uint16Array(buffer, byteOffset, length) }
}

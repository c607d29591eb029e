import type { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Numbers } from '../../formats/columns.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { Task } from '../../formats/plan.ts'
import { textsForOnnx } from '../../formats/texts-for-onnx.ts'
import type { LearnerRows, ModelInput } from '../learner.ts'
import { permutedImportance } from '../permuted-importance.ts'
import { adaptGraph, type ForeignModel } from './adapt-graph.ts'

/** What a model from outside is for. */
export interface Adoption {
  readonly inputs: readonly ModelInput[]
  readonly task: Task
  /** What messages call it. */
  readonly file: string
}

/** A model from outside, as learners make them. */
export interface AdoptedModel {
  readonly onnx: Uint8Array
  /** Predictions [rows], in its precision. */
  score(rows: LearnerRows): Promise<Numbers>
  /** How much predictions for some of the rows change when an input is shuffled: shares of 1. */
  importance(rows: LearnerRows, seed: number): Promise<number[]>
  /** Predictions of another program, in the precision of the model's. */
  inItsPrecision(predictions: Float64Array): Numbers
  release(): Promise<void>
}

/**
 * Takes a finished ONNX model in: finds out how it is asked and which of its outputs is the prediction, and makes one of it that is asked as
 * all models are. It takes one matrix [rows, features] of float32 or float64, texts as their places among the known values; or one tensor
 * [rows, 1] a feature, by name. It answers two probabilities, that of class 1, or a number; other outputs are let go.
 * @throws SlipwayError PROGRAM_FAILED with the file, and what is wrong
 */
export async function adoptModel(onnx: Uint8Array, { inputs, task, file }: Adoption): Promise<AdoptedModel> {
  const foreign = await openSession(onnx, file)
  let adapted = onnx
  try {
    const asked = inputsOf(foreign, inputs, file)
    const output = await outputOf(foreign, asked, { inputs, task, file })
    const isReady =
      asked.takes === 'columns' &&
      output.name === outputNames[task] &&
      output.columns === (task === 'binary' ? 2 : 1) &&
      (task === 'regression' || output.type === 'float32')
    if (!isReady) adapted = adaptGraph(onnx, { ...asked, output }, inputs, task)
  } catch (error) {
    throw error instanceof SlipwayError ? error : refused(file, (error as Error).message)
  } finally {
    await foreign.release()
  }
  const session = await openSession(adapted, file)
  const name = outputNames[task]
  const score = async (rows: LearnerRows): Promise<Numbers> => {
    const { [name]: answer } = await session.run(await columnTensors(inputs, rows), [name])
    const data = answer?.data as Numbers
    return task === 'binary' ? data.filter((_, i) => i % 2 === 1) : data
  }
  const probe = await score(twoRows(inputs))
  return {
    onnx: adapted,
    score,
    importance: (rows, seed) => permutedImportance(rows, seed, score),
    inItsPrecision: (predictions) => (probe instanceof Float64Array ? predictions : Float32Array.from(predictions)),
    release: () => session.release(),
  }
}

const outputNames: Readonly<Record<Task, string>> = { binary: 'probabilities', regression: 'prediction' }

const refused = (file: string, what: string, next = 'export the model anew'): SlipwayError =>
  new SlipwayError('PROGRAM_FAILED', `${file}: ${what}`, { next })

async function openSession(onnx: Uint8Array, file: string): Promise<InferenceSession> {
  const ort = await import('onnxruntime-node')
  try {
    return await ort.InferenceSession.create(onnx, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      logSeverityLevel: 4,
    })
  } catch (error) {
    throw refused(file, `ONNX Runtime refuses it: ${(error as Error).message.split('\n')[0]}`)
  }
}

/** How a model is asked. @throws SlipwayError PROGRAM_FAILED where it wants other inputs than there are */
function inputsOf(
  session: InferenceSession,
  inputs: readonly ModelInput[],
  file: string,
): Omit<ForeignModel, 'output'> {
  const given = session.inputMetadata
  const names = given.map(({ name }) => name)
  const [first] = given
  const byName = new Map(inputs.map((input) => [input.name, input]))
  const isColumn = (each: (typeof given)[number]): boolean => {
    const input = byName.get(each.name)
    if (input === undefined || !each.isTensor) return false
    return each.type === (input.kind === 'number' ? 'float32' : 'string') && each.shape.length === 2
  }
  if (given.length === inputs.length && given.every(isColumn))
    return { inputs: names, takes: 'columns', matrix: 'float32' }
  if (given.length === 1 && first?.isTensor && (first.type === 'float32' || first.type === 'float64')) {
    const width = first.shape[1]
    if (first.shape.length === 2 && (typeof width === 'string' || width === -1 || width === inputs.length))
      return { inputs: names, takes: 'matrix', matrix: first.type }
  }
  const shown = given.map((each) =>
    each.isTensor ? `${each.name} ${each.type} [${each.shape.join(', ')}]` : each.name,
  )
  throw refused(
    file,
    `it takes ${shown.join(', ')}; there are ${inputs.length} features, ${inputs.map(({ name }) => name).join(', ')}`,
    `have it take one float32 matrix [rows, ${inputs.length}], or one tensor [rows, 1] a feature by its name`,
  )
}

/** The output that is the prediction, seen by asking for two rows. @throws SlipwayError PROGRAM_FAILED */
async function outputOf(
  session: InferenceSession,
  asked: Omit<ForeignModel, 'output'>,
  { inputs, task, file }: Adoption,
): Promise<ForeignModel['output']> {
  const rows = twoRows(inputs)
  const feeds = asked.takes === 'matrix' ? await matrixTensor(asked, rows) : await columnTensors(inputs, rows)
  const tensors = session.outputMetadata.filter(({ isTensor }) => isTensor).map(({ name }) => name)
  const results = tensors.length === 0 ? {} : await session.run(feeds, tensors)
  const found = tensors.flatMap((name): ForeignModel['output'][] => {
    const { type, dims } = results[name] as Tensor
    const columns = dims.length === 1 ? 0 : dims[1]
    if ((type !== 'float32' && type !== 'float64') || dims.length > 2 || dims[0] !== 2) return []
    return columns === 0 || columns === 1 || columns === 2 ? [{ name, type, columns }] : []
  })
  const isWanted = ({ columns }: ForeignModel['output']): boolean => (task === 'binary' ? columns === 2 : columns < 2)
  const first = found.filter(isWanted)
  const fitting = first.length > 0 || task === 'regression' ? first : found
  const [only, ...others] = fitting.some(({ name }) => name === outputNames[task])
    ? fitting.filter(({ name }) => name === outputNames[task])
    : fitting
  if (only !== undefined && others.length === 0) return only
  const wanted = task === 'binary' ? 'probabilities [rows, 2], or [rows, 1] of class 1' : 'a number a row'
  if (others.length > 0)
    throw refused(
      file,
      `several of its outputs could be the prediction: ${fitting.map(({ name }) => name).join(', ')}`,
      `call the one that is meant ${outputNames[task]}`,
    )
  const lists = session.outputMetadata.filter(({ isTensor }) => !isTensor).map(({ name }) => name)
  throw refused(
    file,
    `none of its outputs is ${wanted}: ${session.outputNames.join(', ')}`,
    lists.length > 0 ? `${lists.join(', ')} holds maps: export it with zipmap=False` : 'export it with such an output',
  )
}

/** Rows that a model can be asked for, whatever it has learnt. */
function twoRows(inputs: readonly ModelInput[]): LearnerRows {
  return { features: inputs.map(() => new Float32Array(2)), labels: new Float64Array(2) }
}

async function matrixTensor({ inputs: [name], matrix }: Omit<ForeignModel, 'output'>, { features }: LearnerRows) {
  const { Tensor } = await import('onnxruntime-node')
  const rows = features[0]?.length ?? 0
  const values = new (matrix === 'float32' ? Float32Array : Float64Array)(rows * features.length)
  features.forEach((column, i) => {
    column.forEach((value, row) => {
      values[row * features.length + i] = value
    })
  })
  return { [name as string]: new Tensor(matrix, values as Float32Array, [rows, features.length]) }
}

async function columnTensors(
  inputs: readonly ModelInput[],
  { features }: Pick<LearnerRows, 'features'>,
): Promise<Record<string, Tensor>> {
  const { Tensor } = await import('onnxruntime-node')
  return Object.fromEntries(
    inputs.map((input, i): [string, Tensor] => {
      const values = features[i] as Float32Array
      if (input.kind === 'number') return [input.name, new Tensor('float32', values, [values.length, 1])]
      const texts = Array.from(values, (code) => input.categories[code] ?? null)
      return [input.name, new Tensor('string', textsForOnnx(texts), [values.length, 1])]
    }),
  )
}

import type { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Feature } from '../../code/run-features.ts'
import { ascendingRows } from '../../formats/answers.ts'
import { brief } from '../../formats/brief.ts'
import { isOfClasses } from '../../formats/code-ref.ts'
import type { Numbers } from '../../formats/columns.ts'
import { fromHalf } from '../../formats/half.ts'
import { textsForOnnx } from '../../formats/texts-for-onnx.ts'
import { MessageWriter } from '../onnx/protobuf.ts'
import type { Brought, Refuse } from './brought.ts'
import { double, elements, half, text } from './elements.ts'
import { type Feed, feedsOf, type KnownFeature, requireEncoder, requireRooms, requireUse } from './feeds.ts'
import { graphFields, withGraph } from './graph-changes.ts'
import { readGraph } from './read-graph.ts'
import { type Answering, answeringOf, type ScoreSource, scoreSourceOf, type Wanted } from './score.ts'
import { openModel } from './session.ts'
import { rewritten, written } from './wire.ts'
import { oldestOpset, sortingOpset, wrapped } from './wrap.ts'

/** Rows that ONNX Runtime gets at a time. */
const batchRows = 4_096

/** Features of rows by name: numbers as the feature function made them, or text. */
export type FeatureRows = Readonly<Record<string, Feature>>

/** A finished model that knows which features feed it. */
export interface FinishedModel {
  /** Features that it takes more of than float32 holds. */
  readonly exact: ReadonlySet<string>
  /** Features that it takes whole numbers of. */
  readonly whole: ReadonlySet<string>
  /**
   * What the model as it was given says of rows [rows], in its own precision; of several answers [rows · answers].
   * @param firstRow number of the first row, from 1, for messages
   * @throws SlipwayError of `refuse` where it cannot score a row, or where that is no score
   */
  predict(features: FeatureRows, firstRow?: number): Promise<Numbers>
  /** What several classes are called, in the order of their probabilities; known after the first rows. */
  classes(): readonly string[] | undefined
  /** The same of rows that were made up: also what is no score. */
  predictAny(features: FeatureRows): Promise<Numbers>
  /** The model as Slipway serves it; after the first rows, which show what shape its scores have. */
  onnx(): Uint8Array
  release(): Promise<void>
}

/** What is said of a finished model before any rows are known. @throws SlipwayError of `refuse` */
export function readModel(brought: Brought, model: Uint8Array) {
  const { refuse } = brought
  try {
    const graph = readGraph(model)
    const opset = graph.opsets.get('')
    if (opset !== undefined && opset < oldestOpset)
      throw refuse(
        `it is of version ${opset} of the operators of ai.onnx, and ${oldestOpset} is the oldest that is served`,
        'convert it with onnx.version_converter',
      )
    requireRooms(refuse, graph)
    return { graph, score: scoreSourceOf(brought, graph) }
  } catch (error) {
    if ((error as Error).name === 'SlipwayError') throw error
    throw refuse(`this is no ONNX model: ${(error as Error).message}`, 'give a file as onnx.save writes it')
  }
}

/**
 * Opens a finished model for features of these names and kinds.
 * @param wanted with the classes that rows are of, where the task has several
 * @throws SlipwayError of `refuse`, that names what does not fit
 */
export async function openFinished(
  brought: Brought,
  wanted: Wanted,
  model: Uint8Array,
  features: readonly KnownFeature[],
): Promise<FinishedModel> {
  const { refuse, float32 = false } = brought
  const { graph, score } = readModel(brought, model)
  if (wanted.task === 'quantiles') requireSorting(refuse, graph.opsets.get(''))
  const feeds = feedsOf(brought, graph, features)
  requireUse(refuse, feeds, features)
  requireEncoder(refuse, graph, feeds)
  const fedBy = (is: (feed: Feed) => boolean) => new Set(feeds.flatMap((feed) => (is(feed) ? feed.features : [])))
  const exact = fedBy(({ element }) => !float32 && elements[element]?.isExact === true)
  const whole = fedBy(({ element }) => elements[element]?.whole !== undefined)
  const texts = new Set(features.flatMap(({ name, kind }) => (kind === 'category' ? [name] : [])))
  const session = await openModel(refuse, answering(model, score))
  const { task } = wanted
  const asked = { refuse, task, feeds, exact, score, session }
  let shape: Answering | undefined
  const answersTo = async (
    rows: FeatureRows,
    firstRow: number,
    check: (answers: Numbers, width: number, stretch: Stretch) => void,
  ): Promise<Numbers> => {
    const count = Object.values(rows)[0]?.length ?? 0
    let answers = newAnswers(score, 0)
    for (let from = 0; from < count; from += batchRows) {
      const to = Math.min(count, from + batchRows)
      const scored = await scores(asked, rows, from, to, firstRow)
      shape ??= answeringOf(brought, score, scored.width, wanted)
      const { width = 1, columns } = shape
      if (scored.width !== shape.width) throw shapeless(refuse, score, scored.dims, to - from)
      if (from === 0) answers = newAnswers(score, count * columns.length)
      for (let row = from; row < to; row++)
        for (const [at, column] of columns.entries())
          answers[row * columns.length + at] = scored.values[(row - from) * width + column] as number
      check(answers, columns.length, { from, to, firstRow })
    }
    if (isOfClasses(task)) return Float32Array.from(answers)
    return task === 'quantiles' ? ascendingRows(answers, shape?.columns.length ?? 1) : answers
  }
  return {
    exact,
    whole,
    predict: (rows, firstRow = 1) => answersTo(rows, firstRow, (...scored) => requireScores(asked, ...scored)),
    predictAny: (rows) => answersTo(rows, 1, () => {}),
    classes: () => shape?.classes,
    onnx() {
      if (shape === undefined) throw new Error('no rows were scored yet')
      return wrapped(model, graph, { task, feeds, exact, texts, score, ...shape })
    },
    release: () => session.release(),
  }
}

/** Quantiles are put in ascending order by an operator that older graphs do not know. */
function requireSorting(refuse: Refuse, opset: number | undefined): void {
  if (opset === undefined || opset >= sortingOpset) return
  throw refuse(
    `it is of version ${opset} of the operators of ai.onnx, and quantiles are sorted by those of ${sortingOpset}`,
    'convert it with onnx.version_converter',
  )
}

const newAnswers = ({ element }: ScoreSource, count: number): Numbers =>
  element === double ? new Float64Array(count) : new Float32Array(count)

interface Asked extends Pick<Wanted, 'task'> {
  readonly refuse: Refuse
  readonly feeds: readonly Feed[]
  readonly exact: ReadonlySet<string>
  readonly score: ScoreSource
  readonly session: InferenceSession
}

/** The model with its scores as its only output. Its nodes and inputs stay as they are. */
function answering(model: Uint8Array, { value, element }: ScoreSource): Uint8Array {
  const type = new MessageWriter().bytes(1, new MessageWriter().int(1, element))
  const output = written(graphFields.output, new MessageWriter().bytes(1, value).bytes(2, type))
  return withGraph(model, (graph) =>
    Buffer.concat([rewritten(graph, (field) => (field.number === graphFields.output ? undefined : field.raw)), output]),
  )
}

async function scores(
  { refuse, feeds, exact, score, session }: Asked,
  rows: FeatureRows,
  from: number,
  to: number,
  firstRow: number,
) {
  const { Tensor } = await import('../../code/onnxruntime.ts')
  const given: Record<string, Tensor> = {}
  for (const feed of feeds) {
    const columns = feed.features.map((name) => {
      const values = feed.places?.get(name)
      return values === undefined ? (rows[name] as Feature) : placesOf(rows[name] as readonly (string | null)[], values)
    })
    const cells = (of: (feature: number, row: number) => unknown): unknown[] =>
      Array.from({ length: (to - from) * columns.length }, (_, i) =>
        of(i % columns.length, from + Math.floor(i / columns.length)),
      )
    const shape = feed.isVector ? [to - from] : [to - from, columns.length]
    if (feed.element === text) {
      const texts = cells((feature, row) => columns[feature]?.[row] ?? null) as (string | null)[]
      given[feed.name] = new Tensor('string', textsForOnnx(texts), shape)
      continue
    }
    const { name, of, whole, noun } = elements[feed.element] as NonNullable<(typeof elements)[number]>
    const numbers = cells((feature, row) => {
      const value = columns[feature]?.[row] as number
      const named = feed.features[feature] as string
      if (whole !== undefined && !(Number.isInteger(value) && value >= whole[0] && value <= whole[1]))
        throw refuse(
          `the feature "${named}" is ${value} in row ${firstRow + row}, and its input "${feed.name}" takes ${noun}s`,
          'make whole numbers of it in the feature function, of missing ones too',
        )
      return exact.has(named) ? value : Math.fround(value)
    }) as number[]
    given[feed.name] = new Tensor(name as 'float32', of(numbers) as Float32Array, shape)
  }
  const results = await session.run(given as InferenceSession.FeedsType).catch((error: Error) => {
    throw refuse(
      `ONNX Runtime cannot score rows ${firstRow + from} to ${firstRow + to - 1} with it: ${brief(error.message, 300)}`,
      'look at what the feature function makes of these rows',
      'try it in ONNX Runtime on the validation rows, with missing values and texts that are not known',
    )
  })
  const { dims, data } = results[score.value] as Tensor
  const width = dims.length === 1 ? undefined : dims[1]
  if (dims.length === 0 || dims.length > 2 || dims[0] !== to - from || width === 0)
    throw shapeless(refuse, score, dims, to - from)
  return { dims, width, values: numbersOf(data, score.element) }
}

/** Texts as their places among values; NaN for any other. */
function placesOf(texts: readonly (string | null)[], values: readonly string[]): Float32Array {
  const places = new Map(values.map((value, place) => [value, place]))
  return Float32Array.from(texts, (value) => places.get(value as string) ?? Number.NaN)
}

function numbersOf(data: Tensor['data'], element: number): ArrayLike<number> {
  if (element !== half) return data as Float32Array | Float64Array
  const { buffer, byteOffset, length } = data as Uint16Array
  return Float32Array.from(new Uint16Array(buffer, byteOffset, length), fromHalf)
}

const shapeless = (refuse: Refuse, { output }: ScoreSource, dims: readonly number[], rows: number) =>
  refuse(
    `its output "${output}" is [${dims.join(', ')}] for ${rows} row${rows === 1 ? '' : 's'}`,
    'export it with scores [rows] or [rows, columns]',
  )

/** What rounding may add to a probability, and to the sum of those of all classes. */
const slack = { one: 1e-4, all: 1e-2 }

/** Rows that were scored at a time. */
interface Stretch {
  readonly from: number
  readonly to: number
  /** The number of the first of all, from 1. */
  readonly firstRow: number
}

function requireScores(
  { refuse, task, score: { output } }: Asked,
  answers: Numbers,
  width: number,
  { from, to, firstRow }: Stretch,
): void {
  const isProbability = (answer: number): boolean => answer >= -slack.one && answer <= 1 + slack.one
  for (let row = from; row < to; row++) {
    let sum = 0
    for (let column = 0; column < width; column++) {
      const answer = answers[row * width + column] as number
      sum += answer
      if (!Number.isFinite(answer))
        throw refuse(
          `its output "${output}" is ${answer} in row ${firstRow + row}`,
          'fill what is missing there in the feature function',
          'export a model that answers a number where values are missing too',
        )
      if (isOfClasses(task) && !isProbability(answer))
        throw refuse(
          `its output "${output}" is ${answer} in row ${firstRow + row}, which is no probability`,
          'export it with probabilities, or name the output or the class that has them',
          'export it with probabilities',
        )
    }
    if (task === 'multiclass' && Math.abs(sum - 1) > slack.all)
      throw refuse(
        `its output "${output}" has ${width} numbers that sum to ${sum} in row ${firstRow + row}: they are no probabilities of classes`,
        'export it with a softmax at its end, or name the output that has probabilities',
        'export it with probabilities',
      )
  }
}

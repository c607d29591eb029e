import { createHash } from 'node:crypto'
import type { InferenceSession, Tensor } from 'onnxruntime-node'
import type { CompiledInput, CompiledModel, CompiledPlan } from '../compiler/compiled-model.ts'
import type { Forest, ScoreColumn } from '../compiler/forest.ts'
import { NotCompilable } from '../compiler/not-compilable.ts'
import { withoutMaps, withoutTransform } from '../compiler/variant.ts'
import { sideBySide } from '../formats/answers.ts'
import type { Digest } from '../formats/artifact.ts'
import { textsForOnnx } from '../formats/texts-for-onnx.ts'
import { base64Of, type GoldenRows } from './compiled-model.ts'

/** Rows that ONNX Runtime gets at a time. */
const batchRows = 4_096
const goldenRows = 64

type Columns = Readonly<Record<string, CompiledInput>>

/**
 * Compares a compiled model with ONNX Runtime row by row, bit by bit: its answers with all that the graph's own outputs
 * say of them, and its sums.
 * @param answered how many of the answers count, the last ones
 * @throws NotCompilable at the first difference, and where ONNX Runtime cannot run the model
 */
export async function compareWithOnnxRuntime(
  onnx: Uint8Array,
  forest: Forest,
  plan: CompiledPlan,
  compiledModel: CompiledModel,
  answered = 1,
) {
  const { output, columns, width } = forest.scores
  const { answering, summing, run, release } = await openSessions(onnx, forest, plan)
  let hash = createHash('sha256')
  let compared = 0
  let golden: { inputs: Record<string, CompiledInput>; answers: Float32Array } | undefined

  const requireSame = (what: string, at: number, expected: Float32Array, got: Float32Array): void => {
    const [a, b] = [new Int32Array(expected.buffer, expected.byteOffset, expected.length), new Int32Array(got.buffer)]
    for (let i = 0; i < a.length; i++)
      if (a[i] !== b[i])
        throw new NotCompilable(`${what} of row ${at + i + 1} is ${got[i]}, ONNX Runtime's ${expected[i]}`)
  }
  const batch = async (inputs: Columns, rows: number, at: number): Promise<Float32Array> => {
    const mine = compiledModel.scoreAll(inputs, rows)
    for (const [name, tensor] of Object.entries(await run(answering, inputs, rows))) {
      if (labelTypes.includes(tensor.type)) continue
      const theirs = tensor.data as Float32Array
      const own = columnsOf(forest, name, tensor, rows)
      hash.update(new Uint8Array(theirs.buffer, theirs.byteOffset, theirs.byteLength))
      own.forEach(({ of, isComplement }, column) => {
        const answers = mine.answers[columns.indexOf(of)]
        if (answers === undefined) return
        const expected = columnOf(theirs, column, own.length)
        requireSame('the answer', at, expected, isComplement ? answers.map((answer) => 1 - answer) : answers)
      })
    }
    if (summing !== undefined) {
      const sums = (await run(summing, inputs, rows))[output]?.data as Float32Array
      columns.forEach((column, i) => {
        requireSame('the sum', at, columnOf(sums, column, width), mine.sums[i] as Float32Array)
      })
    }
    compared += rows
    const last = mine.answers.at(-1) as Float32Array
    golden = { inputs: sliceOf(inputs, 0, Math.min(goldenRows, rows), plan), answers: last.slice(0, goldenRows) }
    return sideBySide(mine.answers.slice(-answered))
  }
  return {
    /** Rows so far. */
    get compared() {
      return compared
    },
    /**
     * @param at how many rows came before, for messages
     * @returns the answers of each row [rows · answers]
     */
    async rows(inputs: Columns, rows: number, at = compared): Promise<Float32Array> {
      if (rows <= batchRows) return batch(inputs, rows, at)
      const answers = new Float32Array(rows * answered)
      for (let from = 0; from < rows; from += batchRows) {
        const to = Math.min(rows, from + batchRows)
        answers.set(await batch(sliceOf(inputs, from, to, plan), to - from, at + from), from * answered)
      }
      return answers
    },
    /** Of ONNX Runtime's answers since the last time, in order. */
    takeDigest(): Digest {
      const digest = `sha256:${hash.digest('hex')}` as const
      hash = createHash('sha256')
      return digest
    },
    /** The first rows of the last batch. */
    golden(): GoldenRows {
      const { inputs, answers } = golden as NonNullable<typeof golden>
      return {
        rows: answers.length,
        inputs: Object.fromEntries(
          Object.entries(inputs).map(([name, values]) => [
            name,
            values instanceof Float32Array ? { float32: base64Of(values) } : [...values],
          ]),
        ),
        answers: base64Of(answers),
      }
    },
    release,
  }
}

/**
 * ONNX Runtime with the model, and where its answers are transformed sums, with the same model before the transform.
 */
async function openSessions(onnx: Uint8Array, forest: Forest, plan: CompiledPlan) {
  const ort = await import('../code/onnxruntime.ts')
  // Of shapes that a converter declared wrongly, as of labels, ONNX Runtime would warn with every batch.
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 } as const
  const open = (bytes: Uint8Array): Promise<InferenceSession> =>
    ort.InferenceSession.create(bytes, options).catch(notRun)
  const answering = await open(withoutMaps(onnx))
  const summing =
    forest.transform === 'as it is'
      ? undefined
      : await open(withoutTransform(onnx, forest.scores.output)).catch(async (error) => {
          await answering.release()
          throw error
        })
  const run = (session: InferenceSession, inputs: Columns, rows: number): Promise<Record<string, Tensor>> => {
    const feeds = plan.inputs.map(({ name, ...input }) => {
      const values = inputs[name] as CompiledInput
      return [
        name,
        values instanceof Float32Array
          ? new ort.Tensor('float32', values, [rows, input.kind === 'number' ? input.width : 1])
          : new ort.Tensor('string', textsForOnnx(values), [rows, 1]),
      ] as const
    })
    return session.run(Object.fromEntries(feeds)).catch(notRun)
  }
  const release = async (): Promise<void> => {
    await answering.release()
    await summing?.release()
  }
  return { answering, summing, run, release }
}

const labelTypes: readonly string[] = ['int32', 'int64', 'string']

function notRun(error: Error): never {
  throw new NotCompilable(`ONNX Runtime cannot run the model: ${error.message}`)
}

/** What the columns of an output are, which has to be of the shape that ONNX Runtime gives it. */
function columnsOf({ outputs }: Forest, name: string, { type, dims }: Tensor, rows: number): readonly ScoreColumn[] {
  const columns = outputs.find((each) => each.name === name)?.columns ?? []
  if (type !== 'float32' || dims.length !== 2 || dims[0] !== rows || dims[1] !== columns.length)
    throw new NotCompilable(
      `ONNX Runtime's output ${name} is ${type} [${dims}], not float32 [${rows},${columns.length}]`,
    )
  return columns
}

function columnOf(scores: Float32Array, column: number, width: number): Float32Array {
  return width === 1 ? scores : scores.filter((_, i) => i % width === column)
}

function sliceOf(inputs: Columns, from: number, to: number, plan: CompiledPlan): Record<string, CompiledInput> {
  return Object.fromEntries(
    plan.inputs.map((input) => {
      const width = input.kind === 'number' ? input.width : 1
      return [input.name, (inputs[input.name] as CompiledInput).slice(from * width, to * width)]
    }),
  )
}

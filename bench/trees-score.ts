import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { compileModel, planOf } from '../lib/compiler/compile.ts'
import { type CompiledModel, type CompiledPlan, startCompiledModel } from '../lib/compiler/compiled-model.ts'
import type { ForestOutput } from '../lib/compiler/forest.ts'
import { median } from './measure.ts'

/*
 * Rows a second by a compiled model and by onnxruntime-node, by turns, on one thread and on two: trees-score.ts
 * <model.onnx> <rows> <columns>. Prints them, the microseconds a single row takes, and how many probabilities differ.
 */
const rounds = 5
const batchRows = 4_096
const repeats = 10

if (isMainThread) await measure()
else serve()

async function measure(): Promise<void> {
  const [onnxFile = '', rowsFile = '', columns = ''] = process.argv.slice(2)
  const onnx = readFileSync(onnxFile)
  const { layout, code, tables } = await compileModel(onnx)
  const plan = planOf(layout)
  const name = plan.inputs[0]?.name as string
  const width = Number(columns) - 1
  const table = new Float32Array(Uint8Array.from(readFileSync(rowsFile)).buffer)
  const rows = Math.floor(table.length / (width + 1))
  const values = new Float32Array(rows * width)
  for (let row = 0; row < rows; row++)
    values.set(table.subarray(row * (width + 1), row * (width + 1) + width), row * width)

  const compiledModel = startCompiledModel(plan, code, tables)
  const {
    name: output,
    columns: { length: classes },
  } = layout.forest.outputs[0] as ForestOutput
  const byOrt = async (session: InferenceSession): Promise<Float32Array> => {
    const all = new Float32Array(rows)
    for (let from = 0; from < rows; from += batchRows) {
      const to = Math.min(rows, from + batchRows)
      const X = new Tensor('float32', values.subarray(from * width, to * width), [to - from, width])
      const scores = (await session.run({ [name]: X }, [output]))[output]
      const data = scores?.data as Float32Array
      for (let i = 0; i < to - from; i++) all[from + i] = data[i * classes + classes - 1] as number
    }
    return all
  }
  const open = (intraOpNumThreads: number): Promise<InferenceSession> =>
    InferenceSession.create(onnx, { intraOpNumThreads, interOpNumThreads: 1 })
  const [one, two] = [await open(1), await open(2)]
  const half = rows >> 1
  const helper = startHelper({ plan, code, tables, name, values: values.slice(half * width), rows: rows - half })
  const own = values.slice(0, half * width)
  const timed = async (work: () => unknown): Promise<number> => {
    const start = performance.now()
    await work()
    return rows / ((performance.now() - start) / 1000)
  }
  const rates: Record<'compiledModel' | 'compiledOnTwo' | 'onnxruntime' | 'onnxruntimeOnTwo', number[]> = {
    compiledModel: [],
    compiledOnTwo: [],
    onnxruntime: [],
    onnxruntimeOnTwo: [],
  }
  for (let round = 0; round <= rounds; round++) {
    const measured = {
      compiledModel: await timed(() => compiledModel.score({ [name]: values }, rows)),
      // Again and again, so that waking the helper does not count.
      compiledOnTwo:
        repeats *
        (await timed(async () => {
          const there = helper.score()
          for (let i = 0; i < repeats; i++) compiledModel.score({ [name]: own }, half)
          await there
        })),
      onnxruntime: await timed(() => byOrt(one)),
      onnxruntimeOnTwo: await timed(() => byOrt(two)),
    }
    // The first round warms up.
    if (round > 0) for (const key of Object.keys(rates) as (keyof typeof rates)[]) rates[key].push(measured[key])
  }
  const single = { [name]: values.slice(0, width) }
  const singles = Array.from({ length: 21 }, () => {
    const start = performance.now()
    for (let i = 0; i < 5_000; i++) compiledModel.score(single, 1)
    return (performance.now() - start) / 5
  })
  const [mine, theirs] = [compiledModel.score({ [name]: values }, rows), await byOrt(one)]
  const differing = mine.reduce((sum, value, i) => sum + (Object.is(value, theirs[i]) ? 0 : 1), 0)
  const medians = Object.fromEntries(Object.entries(rates).map(([key, all]) => [key, median(all)]))
  console.log(JSON.stringify({ ...medians, singleUs: median(singles), rows, differing }))
  process.exit(0)
}

interface Share {
  readonly plan: CompiledPlan
  readonly code: Uint8Array
  readonly tables: Uint8Array
  readonly name: string
  readonly values: Float32Array
  readonly rows: number
}

function startHelper(share: Share): { score(): Promise<void> } {
  const thread = new Worker(fileURLToPath(import.meta.url), { workerData: share })
  return {
    score: () =>
      new Promise((resolve) => {
        thread.once('message', () => resolve())
        thread.postMessage('score')
      }),
  }
}

function serve(): void {
  const { plan, code, tables, name, values, rows } = workerData as Share
  const compiledModel: CompiledModel = startCompiledModel(plan, code, tables)
  parentPort?.on('message', () => {
    for (let i = 0; i < repeats; i++) compiledModel.score({ [name]: values }, rows)
    parentPort?.postMessage('done')
  })
}

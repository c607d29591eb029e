import { z } from 'zod'
import { numberedTexts } from '../formats/texts.ts'

/**
 * What a program needs to know to run a compiled model's code and tables: where a chunk's rows go in and its answers
 * come out. Offsets in bytes; everything is float32 unless it says otherwise.
 */
export const CompiledPlan = z.object({
  /** Inputs in the order of their columns: numbers [rows, width], or text that is looked up. */
  inputs: z.array(
    z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('number'), name: z.string(), width: z.int() }),
      z.object({
        kind: z.literal('category'),
        name: z.string(),
        keys: z.array(z.string()),
        /** null is NaN. */
        codes: z.array(z.number().nullable()),
        otherwise: z.number().nullable(),
      }),
    ]),
  ),
  chunkRows: z.int(),
  sums: z.int(),
  /** The answers of a row are put in ascending order once the code has run. */
  isSorted: z.literal(true).optional(),
  /** [features][chunkRows]. */
  valuesAt: z.int(),
  /** [sums][chunkRows]: before the transform. */
  sumsAt: z.int(),
  /** [sums][chunkRows]. */
  answersAt: z.int(),
})
export type CompiledPlan = z.infer<typeof CompiledPlan>

/** A value of an input: numbers [rows · width], or text (null for missing). */
export type CompiledInput = Float32Array | readonly (string | null)[]

/** A compiled model that runs, in memory of its own: one a thread. */
export interface CompiledModel {
  /**
   * Scores rows and returns the last answer of each: [rows].
   * @param inputs by name, as the plan has them
   */
  score(inputs: Readonly<Record<string, CompiledInput>>, rows: number): Float32Array
  /** All answers and the sums before the transform: [sums][rows]. */
  scoreAll(
    inputs: Readonly<Record<string, CompiledInput>>,
    rows: number,
  ): { readonly answers: Float32Array[]; readonly sums: Float32Array[] }
  readonly memory: ArrayBuffer
  /** Scores what lies in memory: for checks. */
  run(rows: number): void
}

/**
 * Starts a compiled model.
 * @throws WebAssembly.CompileError where the code is broken or the runtime has no 128-bit vectors
 */
export function startCompiledModel(plan: CompiledPlan, code: Uint8Array, tables: Uint8Array): CompiledModel {
  return compiledModelOn(
    plan,
    new WebAssembly.Instance(new WebAssembly.Module(code as Uint8Array<ArrayBuffer>)),
    tables,
  )
}

/** The same of an instance of the code: browsers make large ones asynchronously only. */
export function compiledModelOn(
  plan: CompiledPlan,
  { exports }: { readonly exports: Record<string, unknown> },
  tables: Uint8Array,
): CompiledModel {
  const memory = (exports.memory as WebAssembly.Memory).buffer
  const score = exports.score as (rows: number) => void
  new Uint8Array(memory).set(tables)
  const { chunkRows, sums } = plan
  const chunk = (at: number): Float32Array => new Float32Array(memory, at, chunkRows)
  const perSum = (at: number): Float32Array[] => Array.from({ length: sums }, (_, i) => chunk(at + i * chunkRows * 4))
  const [answers, totals] = [perSum(plan.answersAt), perSum(plan.sumsAt)]
  const last = answers.at(-1) as Float32Array
  const run = (rows: number): void => {
    score(rows)
    if (plan.isSorted) sortRows(answers, rows)
  }

  let column = 0
  const fills = plan.inputs.map((input) => {
    const values = (offset: number): Float32Array => chunk(plan.valuesAt + (column + offset) * chunkRows * 4)
    const fill = input.kind === 'number' ? fillNumbers(input, values) : fillCodes(input, values(0))
    column += input.kind === 'number' ? input.width : 1
    return fill
  })
  const eachChunk = (
    inputs: Readonly<Record<string, CompiledInput>>,
    rows: number,
    take: (from: number, count: number) => void,
  ): void => {
    for (let from = 0; from < rows; from += chunkRows) {
      const count = Math.min(chunkRows, rows - from)
      for (const fill of fills) fill(inputs, from, count)
      run(count)
      take(from, count)
    }
  }
  return {
    memory,
    run,
    score(inputs, rows) {
      const all = new Float32Array(rows)
      eachChunk(inputs, rows, (from, count) => {
        if (count === 1) all[from] = last[0] as number
        else all.set(last.subarray(0, count), from)
      })
      return all
    },
    scoreAll(inputs, rows) {
      const all = { answers: answers.map(() => new Float32Array(rows)), sums: totals.map(() => new Float32Array(rows)) }
      eachChunk(inputs, rows, (from, count) => {
        all.answers.forEach((into, i) => {
          into.set((answers[i] as Float32Array).subarray(0, count), from)
        })
        all.sums.forEach((into, i) => {
          into.set((totals[i] as Float32Array).subarray(0, count), from)
        })
      })
      return all
    },
  }
}

/** Puts the values of each row in ascending order [columns][rows]; equal ones stay in theirs. */
function sortRows(columns: readonly Float32Array[], rows: number): void {
  for (let row = 0; row < rows; row++)
    for (let to = 1; to < columns.length; to++) {
      const value = columns[to]?.[row] as number
      let place = to
      for (; place > 0 && value < (columns[place - 1]?.[row] as number); place--)
        (columns[place] as Float32Array)[row] = columns[place - 1]?.[row] as number
      ;(columns[place] as Float32Array)[row] = value
    }
}

type Fill = (inputs: Readonly<Record<string, CompiledInput>>, from: number, count: number) => void

function fillNumbers(
  { name, width }: { readonly name: string; readonly width: number },
  columnOf: (offset: number) => Float32Array,
): Fill {
  const columns = Array.from({ length: width }, (_, i) => columnOf(i))
  const [first] = columns as [Float32Array]
  return (inputs, from, count) => {
    const values = inputs[name] as Float32Array
    if (width > 1) {
      columns.forEach((column, i) => {
        for (let row = 0; row < count; row++) column[row] = values[(from + row) * width + i] as number
      })
    } else if (count === 1) first[0] = values[from] as number
    else first.set(from === 0 && count === values.length ? values : values.subarray(from, from + count))
  }
}

function fillCodes(input: Extract<CompiledPlan['inputs'][number], { kind: 'category' }>, column: Float32Array): Fill {
  const codes = new Map(input.keys.map((key, i) => [key, input.codes[i] ?? Number.NaN]))
  const otherwise = input.otherwise ?? Number.NaN
  const codeOf = (text: string | null | undefined): number =>
    text == null ? otherwise : (codes.get(text) ?? otherwise)
  let known: readonly (string | null)[] = []
  let knownCodes: readonly number[] = []
  return (inputs, from, count) => {
    const texts = inputs[input.name] as readonly (string | null)[]
    const numbered = count === 1 ? undefined : numberedTexts(texts)
    if (numbered === undefined) {
      for (let row = 0; row < count; row++) column[row] = codeOf(texts[from + row])
      return
    }
    const { values, numbers } = numbered
    if (known !== values) [known, knownCodes] = [values, values.map(codeOf)]
    for (let row = 0; row < count; row++) {
      const text = texts[from + row]
      const number = numbers[from + row] as number
      column[row] = text === known[number] ? (knownCodes[number] as number) : codeOf(text)
    }
  }
}

import { InferenceSession, Tensor } from 'onnxruntime-node'
import { expect } from 'vitest'
import type { Feature } from '../../lib/code/run-features.ts'
import { onnx } from '../../lib/definition/index.ts'
import type { Task } from '../../lib/formats/plan.ts'
import { textsForOnnx } from '../../lib/formats/texts-for-onnx.ts'
import { type Brought, byDefinition, byProgram } from '../../lib/learners/finished/brought.ts'
import type { KnownFeature } from '../../lib/learners/finished/feeds.ts'
import { openFinished } from '../../lib/learners/finished/open.ts'

export type Options = Parameters<typeof onnx>[1]
export type Rows = Readonly<Record<string, Feature>>

/** A model that a definition names, opened for rows: what it says of them as it was given, and as Slipway serves it. */
export const served = (model: Uint8Array, rows: Rows, given: Options = {}, task: Task = 'regression') =>
  servedBy(byDefinition(onnx('m.onnx', given)), model, rows, task)

/** The same of a model that a program exports. @param categories of texts, by feature: as programs are told of them */
export const servedByProgram = (
  model: Uint8Array,
  rows: Rows,
  categories: Readonly<Record<string, readonly string[]>> = {},
  task: Task = 'regression',
) => servedBy(byProgram, model, rows, task, categories)

async function servedBy(
  brought: Brought,
  model: Uint8Array,
  rows: Rows,
  task: Task,
  categories: Readonly<Record<string, readonly string[]>> = {},
) {
  const features = Object.entries(rows).map(
    ([name, values]): KnownFeature => ({
      name,
      kind: ArrayBuffer.isView(values) ? 'number' : 'category',
      ...(categories[name] !== undefined && { categories: categories[name] }),
    }),
  )
  const finished = await openFinished(brought, { task }, model, features)
  const predictions = await finished.predict(rows)
  const wrapped = finished.onnx()
  await finished.release()
  const session = await InferenceSession.create(wrapped, { intraOpNumThreads: 1, logSeverityLevel: 4 })
  const count = predictions.length
  const feeds = Object.entries(rows).map(([name, values]) => {
    if (!ArrayBuffer.isView(values)) return [name, new Tensor('string', textsForOnnx(values as string[]), [count, 1])]
    return finished.exact.has(name)
      ? [name, new Tensor('float64', Float64Array.from(values as Float64Array), [count, 1])]
      : [name, new Tensor('float32', Float32Array.from(values as Float64Array), [count, 1])]
  })
  const results = await session.run(Object.fromEntries(feeds))
  await session.release()
  const output = (task === 'binary' ? results.probabilities : results.prediction) as Tensor
  expect(output.dims).toEqual([count, task === 'binary' ? 2 : 1])
  const data = Array.from(output.data as ArrayLike<number>)
  const answers = task === 'binary' ? data.filter((_, i) => i % 2 === 1) : data
  return { predictions: Array.from(predictions), answers, wrapped, exact: finished.exact, type: output.type, results }
}

/** What a refusal says, in a line. */
export const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => 'served',
    (error) => `${error.code} ${error.message}; ${error.facts?.next}`,
  )

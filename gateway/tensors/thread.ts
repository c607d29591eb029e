import { readFile } from 'node:fs/promises'
import { parentPort, workerData } from 'node:worker_threads'
import type { TensorFacts, Tensors } from '../../lib/formats/tensors.ts'
import { outputWithNaN, summarise } from '../../lib/models/tensors/answer.ts'
import { refusalOf } from '../../lib/models/tensors/refusal.ts'
import { type LocalTensorModel, loadTensorModel } from '../../lib/models/tensors/session.ts'
import { profileCounter } from '../../lib/stats/profile-counter.ts'
import { primaryOf } from '../../lib/stats/tensor-summary.ts'
import { received } from '../bodies/packed.ts'
import type { TensorThreadQuestion, ThreadAnswer } from '../scorer-host.ts'
import { failureOf } from '../scoring.ts'
import { engine, type TensorAnswer } from './scorer.ts'

/*
 * A model of tensors in a thread of its own: however long an answer takes, it keeps up nobody but those who wait for
 * the same model. Answers come in the order of the questions.
 */
const say = (answer: ThreadAnswer, transfer: ArrayBuffer[] = []): void => parentPort?.postMessage(answer, transfer)

try {
  const local = workerData as LocalTensorModel
  const { facts } = local
  const model = await loadTensorModel(local)
  const counter = profileCounter(JSON.parse(await readFile(local.baselineFile, 'utf8')))
  let queue = Promise.resolve()
  parentPort?.on('message', (question: TensorThreadQuestion) => {
    queue = queue.then(() => carryOut(question))
  })
  say({ ready: true, engine })

  async function carryOut(question: TensorThreadQuestion): Promise<void> {
    const { id } = question
    if ('profile' in question) return say({ id, profile: counter.take() })
    const tensors = received<Tensors>(question.tensors)
    try {
      const { count } = question
      const outputs = await model.answer(tensors)
      requireNumbers(facts, outputs)
      const summaries = summarise(facts, tensors, outputs)
      // Warming up is not traffic.
      if (count) counter.add(summaries)
      const primary = summaries[primaryOf(summaries) ?? '']
      const scores = primary instanceof Float64Array ? primary : new Float64Array(0)
      const answer: TensorAnswer = { outputs, scores }
      say({ id, answer }, buffersOf(outputs))
    } catch (error) {
      const { kind, message, inBundle } = failureOf(error)
      const refusal = refusalOf(message, facts, tensors)
      say({
        id,
        failed: refusal === undefined ? { kind, message, inBundle } : { kind: 'request', message: refusal, inBundle },
      })
    }
  }
} catch (error) {
  say({ broken: error instanceof Error ? error.message : String(error) })
}

/** @throws Error that names an output that holds NaN */
function requireNumbers(facts: TensorFacts, answer: Tensors): void {
  const name = outputWithNaN(facts, answer)
  if (name !== undefined) throw new Error(`its output "${name}" holds NaN`)
}

/** The memory of an answer, which can be handed over where nothing else lies in it. */
function buffersOf(answer: Tensors): ArrayBuffer[] {
  const buffers = Object.values(answer).flatMap(({ data }) =>
    Array.isArray(data) || data.byteLength !== data.buffer.byteLength ? [] : [data.buffer as ArrayBuffer],
  )
  return [...new Set(buffers)]
}

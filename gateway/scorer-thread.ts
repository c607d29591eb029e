import { readFile } from 'node:fs/promises'
import { parentPort, workerData } from 'node:worker_threads'
import type { Features } from '../lib/code/run-features.ts'
import type { Column } from '../lib/formats/columns.ts'
import { openExplainer } from '../lib/models/explainer.ts'
import { type LocalModel, loadModel } from '../lib/models/model.ts'
import { profileCounter } from '../lib/stats/profile-counter.ts'
import { received } from './bodies/packed.ts'
import type { ThreadAnswer, ThreadQuestion } from './scorer-host.ts'
import { decisionsOf, failureOf, type InputColumns } from './scoring.ts'

/*
 * A model in a thread of its own: user code and ONNX Runtime block this thread and nobody else. Answers come in the
 * order of the questions.
 */
const say = (answer: ThreadAnswer, transfer: ArrayBuffer[] = []): void => parentPort?.postMessage(answer, transfer)

try {
  const local = workerData as LocalModel
  const model = await loadModel(local)
  const counter = profileCounter(JSON.parse(await readFile(local.baselineFile, 'utf8')), local.facts)
  let opened: ReturnType<typeof openExplainer> | undefined
  let queue = Promise.resolve()
  parentPort?.on('message', (question: ThreadQuestion) => {
    queue = queue.then(() => carryOut(question))
  })
  say({ ready: true, engine: model.engine })

  async function carryOut(question: ThreadQuestion): Promise<void> {
    if ('profile' in question) return say({ id: question.id, profile: counter.take() })
    try {
      const columns = received<InputColumns>(question.columns)
      const kind = 'explain' in question ? question.explain : question.kind
      const features = kind === 'rows' ? model.makeFeatures(columns as Record<string, Column>) : (columns as Features)
      if ('explain' in question) {
        opened ??= openExplainer(local, model)
        const explanations = await (await opened)?.explain(features)
        if (explanations === undefined) throw new Error('its package keeps no explanations')
        return say({ id: question.id, explained: { explanations, features } })
      }
      if ('counted' in question) {
        const { counted } = question
        counter.add(features, counted.predictions, counted.decisions)
        return say({ id: question.id, scored: counted })
      }
      const predictions = await model.scoreFeatures(features)
      const decisions = decisionsOf(model, kind, columns, predictions)
      // Warming up is not traffic.
      if (question.count) counter.add(features, predictions, decisions)
      const own = predictions.byteLength === predictions.buffer.byteLength ? predictions : predictions.slice()
      say({ id: question.id, scored: { predictions: own, decisions } }, [own.buffer as ArrayBuffer])
    } catch (error) {
      const { kind, message, inBundle } = failureOf(error)
      say({ id: question.id, failed: { kind, message, inBundle } })
    }
  }
} catch (error) {
  say({ broken: error instanceof Error ? error.message : String(error) })
}

import { parentPort } from 'node:worker_threads'
import { warmRealm } from '../lib/code/realm/realm.ts'
import { plainError } from '../lib/code/thread-errors.ts'
import type { Progress } from '../lib/jobs/step-work.ts'
import { type JobCall, type JobMessage, jobs } from './jobs.ts'

const say = (message: JobMessage): void => parentPort?.postMessage(message)

let last = 0
const onProgress: Progress = (what, done) => {
  if (performance.now() - last < 200) return
  last = performance.now()
  say({ progress: { what, done } })
}

parentPort?.on('message', async (call: JobCall) => {
  if ('warm' in call) return warm(call.warm)
  const { name, order } = call
  try {
    const job = await jobs[name]()
    say({ result: await job(order as never, onProgress) })
  } catch (error) {
    say({ error: plainError(error) })
  }
})

/** Loads ahead what jobs with user code need. What cannot be loaded is the job's to complain of. */
async function warm(packages: readonly string[]): Promise<void> {
  try {
    await Promise.all([jobs.trainModel(), jobs.proveRows(), jobs.evaluateModel(), jobs.judgeGates()])
    warmRealm(packages)
  } catch {}
}

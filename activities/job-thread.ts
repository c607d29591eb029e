import { parentPort, workerData } from 'node:worker_threads'
import { SlipwayError } from '../pipelines/errors.ts'
import { type JobMessage, type JobName, jobs, type Progress } from './jobs.ts'

const say = (message: JobMessage): void => parentPort?.postMessage(message)

let last = 0
const onProgress: Progress = (what, done) => {
  if (performance.now() - last < 200) return
  last = performance.now()
  say({ progress: { what, done } })
}

const { name, order } = workerData as { name: JobName; order: never }
try {
  say({ result: await jobs[name](order, onProgress) })
} catch (error) {
  const { message, stack } = error as Error
  say({
    error:
      error instanceof SlipwayError
        ? { code: error.code, message, facts: plainFacts(error), stack }
        : { code: 'INTERNAL', message, facts: {}, stack },
  })
}

function plainFacts({ facts }: SlipwayError) {
  return JSON.parse(JSON.stringify(facts)) as SlipwayError['facts']
}

import { parentPort } from 'node:worker_threads'
import { SlipwayError } from '../pipelines/errors.ts'
import { type JobCall, type JobMessage, jobs, type Progress } from './jobs.ts'

const say = (message: JobMessage): void => parentPort?.postMessage(message)

let last = 0
const onProgress: Progress = (what, done) => {
  if (performance.now() - last < 200) return
  last = performance.now()
  say({ progress: { what, done } })
}

parentPort?.on('message', async ({ name, order }: JobCall) => {
  try {
    const job = await jobs[name]()
    say({ result: await job(order as never, onProgress) })
  } catch (error) {
    const { message, stack } = error as Error
    say({
      error:
        error instanceof SlipwayError
          ? { code: error.code, message, facts: plainFacts(error), stack }
          : { code: 'INTERNAL', message, facts: {}, stack },
    })
  }
})

function plainFacts({ facts }: SlipwayError) {
  return JSON.parse(JSON.stringify(facts)) as SlipwayError['facts']
}

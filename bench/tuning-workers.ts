import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'
import { slipway } from '../test/support/cli.ts'
import { openKillableWorkers } from '../test/support/killable-workers.ts'
import { loansSql, writeLoans } from '../test/support/project.ts'
import type { Figure } from './measure.ts'

const [trials, rows] = [50, 60_000]

/**
 * Seconds that the tuning of a model takes on so many workers, each a process with a processor core of its own, as on
 * so many machines: the time of its workflow, from servers and a store that hold nothing.
 */
async function secondsOn(workers: number): Promise<number> {
  const place = await openKillableWorkers()
  const running: ChildProcess[] = []
  try {
    await place.project.data('data/loans.parquet', loansSql(rows))
    const tune = 'tune: { trees: [60, 120], leaves: [15, 31], learningRate: [0.02, 0.4] }'
    writeLoans(place.project, {
      learner: `trees(), ${tune}, budget: { trials: ${trials} }`,
      must: '[auc.atLeast(0.5)]',
    })
    for (let core = 0; core < workers; core++) {
      const command = ['--cpu-list', String(core), process.execPath, join(packageRoot, 'dist', 'worker.js')]
      running.push(spawn('taskset', command, { env: { ...process.env, ...place.env }, stdio: 'ignore' }))
    }
    const { code, stderr } = await slipway(place.project.root, ['run', 'loans', '--wait', '--json'], place.env)
    if (code !== 0) throw new Error(`the run ended with ${code}: ${stderr}`)
    for await (const { startTime, closeTime } of place.client.workflow.list({ query: 'WorkflowType = "tuneModel"' }))
      if (closeTime !== undefined) return (closeTime.getTime() - startTime.getTime()) / 1000
    throw new Error('no workflow tuned anything')
  } finally {
    for (const worker of running) worker.kill('SIGKILL')
    await place.stop()
  }
}

/** The same trials on one worker and on two: true of a machine whose two cores have nothing else to do. */
export async function measureTuningWorkers(): Promise<Figure> {
  const [two, one] = [await secondsOn(2), await secondsOn(1)]
  return {
    what: `${trials} trials of built-in trees on ${rows.toLocaleString('en')} rows: workflow of the tuning with one worker on one core, against two workers on a core each (how many times as fast)`,
    ours: `${two.toFixed(1)} s`,
    theirs: `${one.toFixed(1)} s`,
    ratio: one / two,
    limit: 1.8,
    bound: 'at least',
  }
}

import { createActivities } from '../activities/index.ts'
import { type ActivityDeps, runStep, type StepOrder } from '../activities/step.ts'
import { pipeline } from '../lib/definition/index.ts'
import type { Plan } from '../lib/formats/plan.ts'
import type { StepOutcome } from '../lib/formats/step-inputs.ts'
import { digestOf } from '../lib/store/digest.ts'
import { putBytes } from '../lib/store/objects.ts'
import { putPlan } from '../lib/store/plans.ts'
import { type Figure, interleaved } from './measure.ts'
import { benchQueue, withBenchWorker } from './worker.ts'

const branches = 100

/**
 * A branch is one `p.step`, all of which may work at once. Each has code of its own: equal steps would be done once.
 */
function planOf(round: number): Plan {
  const names = Array.from({ length: branches }, (_, i) => `b${i + 1}`)
  const note = () => ({ outputs: { note: '' } })
  let functions = 0
  return pipeline('notes', { parallel: branches }, (p) => {
    p.each(names, (p) => p.step('note', { run: note, inputs: {}, outputs: { note: 'text/plain' } }))
  }).compile(() => {
    const name = `note ${functions++} of round ${round}`
    return { name, file: 'note.ts', digest: digestOf(name), host: {} }
  })
}

/** The activities of a worker, but that the function of a step is not called: its note is stored at once. */
function createBranchActivities(deps: ActivityDeps) {
  const { store } = deps
  return {
    ...createActivities(deps),
    async bare(name: string): Promise<void> {
      await putBytes(store, `bare ${name}`, 'text/plain')
    },
    runOwnStep: (order: StepOrder<'step'>): Promise<StepOutcome> =>
      runStep(deps, order, async ({ step }) => ({
        outputs: [{ name: 'note', ...(await putBytes(store, step.run?.name ?? '', 'text/plain')) }],
        facts: {},
      })),
  }
}

/**
 * What branches cost over as many bare activities, all started at once by one workflow. An activity asks the store
 * once; a step eight times: for its record, for the lease and to take it, again for the record, to store artifact,
 * trace and record, and to give the lease back. That is most of the difference.
 */
export async function measureBranches(): Promise<Figure> {
  const { ours, theirs, processor } = await withBenchWorker(createBranchActivities, ({ deps, client, spent }) => {
    const execute = (workflow: string, round: number, ...args: unknown[]) =>
      client.workflow.execute(workflow, { taskQueue: benchQueue, workflowId: `${workflow}-${round}`, args })
    const run = async (round: number): Promise<void> => {
      const { digest } = await putPlan(deps.store, planOf(round))
      const of = { runId: `r${round}`, pipeline: 'notes', planDigest: digest, sources: {}, snapshots: {}, origin: {} }
      await execute('runPipeline', round, of)
    }
    return interleaved(15, run, (round) => execute('bareAtOnce', round, `at-once-${round}`, branches), spent)
  })
  const ms = (seconds: number): string => (seconds * 1000).toFixed(0)
  const told = (wall: number, busy: number): string => `${ms(wall)} ms (processor ${ms(busy)})`
  return {
    what: `a run of ${branches} branches of one step each that stores one artifact (lease, record, lineage; no thread for user code), against ${branches} bare activities that write one S3 object each, started at once by one workflow`,
    ours: told(ours, processor.ours),
    theirs: told(theirs, processor.theirs),
    ratio: ours / theirs,
    limit: 1.3,
  }
}

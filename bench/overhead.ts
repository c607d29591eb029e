import { type ActivityDeps, runStep } from '../activities/step.ts'
import { digestOf } from '../lib/store/digest.ts'
import { putBytes } from '../lib/store/objects.ts'
import { type Figure, interleaved } from './measure.ts'
import { benchQueue, withBenchWorker } from './worker.ts'

const stepsARun = 20

function createBenchActivities(deps: ActivityDeps) {
  const { store } = deps
  return {
    async bare(name: string): Promise<void> {
      await putBytes(store, `bare ${name}`, 'text/plain')
    },
    async trivialStep(name: string): Promise<void> {
      const step = {
        id: 'split',
        kind: 'split',
        table: 'none',
        rule: { by: 'hash', column: name, validation: 0.1, test: 0.1, seed: 0 },
      } as const
      const inputs = { table: { digest: digestOf('input'), mediaType: 'text/plain', size: 5 } }
      await runStep(deps, { run: 'bench', step, inputs }, async () => ({
        outputs: [{ name: 'table', ...(await putBytes(store, `step ${name}`, 'text/plain')) }],
        facts: {},
      }))
    },
  }
}
export type BenchActivities = ReturnType<typeof createBenchActivities>

/** What a step costs over a bare Temporal activity that writes one S3 object, on the same servers. */
export async function measureOverhead(): Promise<Figure> {
  const { ours, theirs, processor } = await withBenchWorker(createBenchActivities, ({ client, spent }) => {
    const execute = (workflow: string) => (round: number) =>
      client.workflow.execute(workflow, {
        taskQueue: benchQueue,
        workflowId: `${workflow}-${round}`,
        args: [`${workflow}-${round}`, stepsARun],
      })
    return interleaved(15, execute('trivialSteps'), execute('bareActivities'), spent)
  })
  const aStep = (seconds: number): string => ((seconds * 1000) / stepsARun).toFixed(1)
  const told = (wall: number, busy: number): string => `${aStep(wall)} ms a step (processor ${aStep(busy)})`
  return {
    what: `a trivial step (artifact, record, lineage) against a bare activity that writes one S3 object, ${stepsARun} in a row`,
    ours: told(ours, processor.ours),
    theirs: told(theirs, processor.theirs),
    ratio: ours / theirs,
    limit: 1.4,
  }
}

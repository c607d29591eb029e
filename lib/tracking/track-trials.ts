import type { RunRecord } from '../formats/records.ts'
import { TrialTimes, Tuning } from '../formats/tuning.ts'
import { getJson } from '../store/objects.ts'
import type { Store } from '../store/store.ts'
import type { MlflowRun, MlflowServer } from './mlflow.ts'

/** By it a trial is found again: `<run>/<step>/<number>`. */
const trialTag = 'slipway.trial'

/** What the trials of a run are written below. */
interface Parent {
  readonly experiment: string
  readonly run: MlflowRun
  readonly record: RunRecord
}

/** Writes the trials of a run, each as a run of its own below it; those that are there already are left alone. */
export async function trackTrials(store: Store, server: MlflowServer, parent: Parent): Promise<void> {
  for (const { kind, name, outputs } of parent.record.steps) {
    const digestOf = (output: string): string | undefined => outputs.find((each) => each.name === output)?.digest
    const [trials, times] = [digestOf('trials'), digestOf('times')]
    // What was kept of an earlier run has no times: its trials are below that one.
    if (kind !== 'tune' || trials === undefined || times === undefined) continue
    const took = new Map((await getJson(store, times, TrialTimes)).map((each) => [each.number, each]))
    const { loss, objective, trials: all } = await getJson(store, trials, Tuning)
    for (const trial of all)
      await trackTrial(server, parent, {
        ...trial,
        loss,
        objective,
        step: name,
        seconds: took.get(trial.number)?.seconds ?? 0,
      })
  }
}

type Told = Tuning['trials'][number] &
  Pick<Tuning, 'loss' | 'objective'> & { readonly step: string; readonly seconds: number }

async function trackTrial(server: MlflowServer, { experiment, run, record }: Parent, trial: Told): Promise<void> {
  const { number, step, parameters, share, result, metrics = {}, loss, objective, job, seconds } = trial
  const tag = { key: trialTag, value: `${record.runId}/${step}/${number}` }
  if ((await server.findRun(experiment, tag)) !== undefined) return
  const at = Date.parse(record.startedAt)
  const made = await server.createRun(experiment, `${record.runId} ${step} ${number}`, at, [
    { key: 'mlflow.parentRunId', value: run.info.run_id },
    tag,
  ])
  const known = { ...metrics, ...(result.state === 'done' && objective === undefined && { [loss]: result.loss }) }
  await server.logBatch(
    made.info.run_id,
    Object.entries(known).map(([key, value]) => ({ key, value, timestamp: at, step: 0 })),
    Object.entries({ ...parameters, share, ...(job !== undefined && { job }) }).map(([key, value]) => ({
      key,
      value: String(value),
    })),
  )
  const status = result.state === 'done' ? 'FINISHED' : 'FAILED'
  await server.endRun(made.info.run_id, status, at + Math.round(seconds * 1_000))
}

import type { StoreContext } from '../client/context.ts'
import type { RunDocument } from '../client/run-document.ts'
import { readTuningsOf } from '../client/run-reports.ts'
import { shortDigest } from '../lib/formats/artifact.ts'
import { show } from '../lib/formats/show-number.ts'
import { parametersInWords } from '../lib/formats/step-kinds/tune-step.ts'
import { comparedBy, type TrialTimes, type Tuning } from '../lib/formats/tuning.ts'
import { bestFirst } from '../lib/stats/tuning/best-first.ts'
import { colors } from './colors.ts'
import { seconds, table } from './output.ts'

/** Trials that are shown with a run: the best. The artifact shows all. */
const trialsOfRun = 10

/** A line a trial, the best first. */
export function trialTable(tuning: Tuning, times: TrialTimes = [], most = Number.POSITIVE_INFINITY): string {
  const { trials, chosen, theirs } = tuning
  const { name: compared, shown } = comparedBy(tuning)
  const took = new Map(times.map((time) => [time.number, time]))
  const isShared = trials.some(({ share }) => share < 1)
  const others = [...new Set(trials.flatMap(({ metrics = {} }) => Object.keys(metrics)))].filter(
    (name) => name !== tuning.loss && name !== compared,
  )
  const names = others.slice(0, 2)
  const hasJobs = trials.some(({ job }) => job !== undefined)
  const rows = bestFirst(trials)
    .slice(0, most)
    .map(({ number, share, parameters, result, job, metrics = {} }) => [
      `${number}${number === chosen ? ' *' : ''}${number === theirs ? ' +' : ''}`,
      ...(isShared ? [`${show(share * 100)} %`] : []),
      parametersInWords(parameters),
      result.state === 'done'
        ? show(shown(result.loss))
        : `failed: ${took.get(number)?.message?.split('\n')[0] ?? result.why}`,
      ...names.map((name) => (metrics[name] === undefined ? '' : show(metrics[name]))),
      ...(times.length > 0 ? [seconds(took.get(number)?.seconds ?? 0)] : []),
      ...(hasJobs ? [job ?? ''] : []),
    ])
  const head = ['trial', ...(isShared ? ['rows'] : []), 'parameters', compared, ...names]
  return table([...head, ...(times.length > 0 ? ['time'] : []), ...(hasJobs ? ['training job'] : [])], rows)
}

/** The trials of a run, in lines; those that are gone from the store are left out. */
export async function trialLines(context: StoreContext, run: Pick<RunDocument, 'steps'>): Promise<string[]> {
  return (await readTuningsOf(context, run)).flatMap(({ step, trials, tuning, times }) => {
    const more = tuning.trials.length - trialsOfRun
    const left = more > 0 ? `, and ${more} more: slipway show ${shortDigest(trials)}` : ''
    return [
      `\n${colors.bold(step)}  the best of ${tuning.trials.length} trials${left}; * was chosen${tuning.theirs === undefined ? '' : ', SageMaker holds + for the best'}`,
      trialTable(tuning, times, trialsOfRun),
    ]
  })
}

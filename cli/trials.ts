import type { RunDocument } from '../client/run-document.ts'
import { shortDigest } from '../lib/formats/artifact.ts'
import { show } from '../lib/formats/show-number.ts'
import { parametersInWords } from '../lib/formats/step-kinds/tune-step.ts'
import { comparedBy, TrialTimes, Tuning } from '../lib/formats/tuning.ts'
import { bestFirst } from '../lib/stats/tuning/best-first.ts'
import { getJson } from '../lib/store/objects.ts'
import type { Store } from '../lib/store/store.ts'
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
export async function trialLines(store: Store, { steps }: Pick<RunDocument, 'steps'>): Promise<string[]> {
  const found = steps.map(async ({ kind, name, outputs }) => {
    const digestOf = (output: string): string | undefined => outputs.find((each) => each.name === output)?.digest
    const [trials, times] = kind === 'tune' ? [digestOf('trials'), digestOf('times')] : []
    const tuning = trials === undefined ? undefined : await getJson(store, trials, Tuning).catch(() => undefined)
    if (trials === undefined || tuning === undefined) return []
    const took = times === undefined ? [] : await getJson(store, times, TrialTimes).catch(() => [])
    const more = tuning.trials.length - trialsOfRun
    const left = more > 0 ? `, and ${more} more: slipway show ${shortDigest(trials)}` : ''
    return [
      `\n${colors.bold(name)}  the best of ${tuning.trials.length} trials${left}; * was chosen${tuning.theirs === undefined ? '' : ', SageMaker holds + for the best'}`,
      trialTable(tuning, took, trialsOfRun),
    ]
  })
  return (await Promise.all(found)).flat()
}

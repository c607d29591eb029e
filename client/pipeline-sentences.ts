import { metricsInWords } from '../lib/formats/check.ts'
import type { EndpointState } from './endpoint-states.ts'
import type { PipelineState } from './pipelines.ts'

/** How much somebody should look: `broken` is the only one in red. */
export type Tone = 'well' | 'busy' | 'asks' | 'broken'

type Known = Omit<PipelineState, 'sentences' | 'tone'>

/** How a pipeline stands, in sentences, and how much that calls for somebody. */
export function sentencesOf(known: Known, now: Date): Pick<PipelineState, 'sentences' | 'tone'> {
  const { endpoints, last, models } = known
  const going = known.going ?? []
  const served = endpoints.map((endpoint) => servedInWords(endpoint, endpoints.length > 1, now))
  const alarms = endpoints.flatMap(({ endpoint, check }) =>
    check?.incident == null
      ? []
      : [`${endpoint} alarms since ${when(check.incident.since, now)}: ${check.incident.reasons.join('; ')}.`],
  )
  const asks = [
    ...going.flatMap(({ progress }) =>
      progress?.waitingFor == null ? [] : [`A run waits for ${progress.waitingFor.role}.`],
    ),
    ...endpoints.flatMap(({ endpoint, rollout }) =>
      rollout?.waitingForApproval == null
        ? []
        : [`The rollout of ${endpoint} waits for ${rollout.waitingForApproval}.`],
    ),
  ]
  const runs = going.flatMap(({ progress }) =>
    progress === null
      ? ['A run waits for a worker.']
      : progress.waitingFor === null
        ? [`A run goes on: ${progress.stage}.`]
        : [],
  )
  const ended = last === null ? [] : [endedInWords(last, now)]
  const registered =
    endpoints.length > 0
      ? []
      : models.flatMap(({ name, champion, versions }) =>
          champion === null
            ? versions === 0
              ? []
              : [`${name} has ${versions} versions and no champion.`]
            : [`Version ${champion} of ${name} is champion.`],
        )
  const isBroken = alarms.length > 0 || last?.status === 'failed'
  const tone: Tone = isBroken
    ? 'broken'
    : asks.length > 0 || isUndecided(last?.status) || endpoints.some(({ rollout }) => rollout?.suspended)
      ? 'asks'
      : going.length > 0 || endpoints.some(({ rollout }) => rollout !== null)
        ? 'busy'
        : 'well'
  const first = last?.status === 'failed' ? ended : []
  return {
    tone,
    sentences: [...alarms, ...first, ...asks, ...served, ...registered, ...runs, ...(first.length > 0 ? [] : ended)],
  }
}

const isUndecided = (status: string | undefined): boolean =>
  status === 'inconclusive' || status === 'gate failed' || status === 'rolled back'

function servedInWords({ endpoint, version, since, rollout }: EndpointState, isNamed: boolean, now: Date): string {
  const from = since === null ? '' : ` since ${when(since, now)}`
  const serves = `${isNamed ? `${endpoint} serves` : 'Serves'} version ${version}${from}`
  if (rollout === null) return `${serves}.`
  const { candidate, mode, share, reason, paused, suspended } = rollout
  const percent = `${Number((share * 100).toPrecision(3))} %`
  const takes =
    mode === 'shadow'
      ? `version ${candidate} is asked besides`
      : mode === 'bake'
        ? `version ${candidate} takes all`
        : `version ${candidate} takes ${percent}`
  if (suspended) return `${serves}; version ${candidate} gets nothing while nobody watches its rollout.`
  const held = paused ? ' and is paused' : reason === null ? '; no worker answers' : ` and is held: ${reason}`
  return `${serves}; ${takes}${held}.`
}

function endedInWords({ status, finishedAt, metrics, error }: NonNullable<PipelineState['last']>, now: Date): string {
  const at = when(finishedAt, now)
  if (status === 'succeeded') {
    const measured = metricsInWords(metrics, 1)
    return `Last run ended well ${at}${measured === '' ? '' : `: ${measured}`}.`
  }
  return `Last run ${status === 'failed' ? 'failed' : `ended ${status}`} ${at}${error === null ? '' : `: ${error.message}`}.`
}

/** `today at 09:40`, `Tuesday`, `3 Nov`: a moment as people say it. All times are UTC. */
export function when(iso: string, now: Date): string {
  const then = new Date(iso)
  const days = Math.floor(now.getTime() / 86_400_000) - Math.floor(then.getTime() / 86_400_000)
  if (days === 0) return `${iso.slice(11, 16)} UTC`
  if (days === 1) return 'yesterday'
  const say = (options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...options }).format(then)
  if (days > 1 && days < 7) return say({ weekday: 'long' })
  return say({ day: 'numeric', month: 'short', ...(days > 300 && { year: 'numeric' }) })
}

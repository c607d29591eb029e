import { userInfo } from 'node:os'
import { WorkflowUpdateFailedError } from '@temporalio/client'
import { hostVersions } from '../../code/host.ts'
import { planPipeline } from '../../code/plan.ts'
import { SlipwayError } from '../../pipelines/errors.ts'
import type { RolloutRecord } from '../../pipelines/records.ts'
import { describeStrategy, durationMs } from '../../pipelines/rollout.ts'
import { type Route, routeInWords } from '../../pipelines/route.ts'
import { type ReplayedLook, replayRollout } from '../../stats/replay.ts'
import { type Block, type MetricVerdict, type RolloutState, sharesInWords } from '../../stats/rollout.ts'
import {
  type SimulatedRollout,
  type SimulationSummary,
  simulateRollout,
  summarise,
  type Traffic,
} from '../../stats/simulate.ts'
import { listKeys } from '../../store/documents.ts'
import { type EvidenceEntry, readEvidence, readRolloutEnd, readRolloutStart } from '../../store/rollouts.ts'
import { listEndpoints, readRoute } from '../../store/routes.ts'
import type { Store } from '../../store/store.ts'
import {
  abortUpdate,
  approveRolloutUpdate,
  pauseUpdate,
  promoteUpdate,
  type RolloutStatus,
  resumeUpdate,
  rolloutStatusQuery,
  rolloutWorkflowId,
} from '../../workflows/messages.ts'
import { colors } from '../colors.ts'
import { type CliContext, openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, say, seconds, table } from '../output.ts'

/** A route, or a word about which there are. */
export async function requireRoute(store: Store, endpoint: string): Promise<Route> {
  const route = await readRoute(store, endpoint)
  if (route !== undefined) return route
  const all = await listEndpoints(store)
  throw new SlipwayError('NOT_FOUND', `there is no endpoint "${endpoint}"; there are ${all.join(', ') || 'none yet'}`, {
    next: 'give the pipeline a p.deploy, and run it',
  })
}

/** What an endpoint serves, and where its rollout stands. */
export async function status(endpoint: string, options: JsonOption): Promise<number> {
  const context = openContext()
  const route = await requireRoute(context.store, endpoint)
  const live = route.rollout === null ? undefined : await liveStatus(context, route.rollout.id)
  const last = live === undefined ? await lastRollout(context.store, endpoint) : undefined
  if (options.json === true) {
    printJson({ endpoint, route, rollout: live ?? null, last: last ?? null })
    return 0
  }
  print(`${colors.bold(endpoint)}  ${routeInWords(route)}  ${colors.dim(`revision ${route.revision}`)}`)
  if (live !== undefined) showLive(live)
  else if (route.rollout !== null) print(`  rollout ${route.rollout.id}: no worker answers; it goes on when one does`)
  else if (last !== undefined)
    print(`  last rollout ${last.id}: ${last.outcome} after ${seconds(last.seconds)}: ${last.reason}`)
  return 0
}

async function liveStatus({ temporal }: CliContext, id: string): Promise<RolloutStatus | undefined> {
  try {
    const { client } = await temporal()
    return await client.workflow.getHandle(rolloutWorkflowId(id)).query(rolloutStatusQuery)
  } catch {
    return undefined
  }
}

function showLive({
  id,
  stage,
  stageNumber,
  stages,
  paused,
  reason,
  verdicts,
  decisions,
  seconds: age,
}: RolloutStatus): void {
  print(`  rollout ${id}, ${seconds(age)}: ${stage}, step ${stageNumber} of ${stages}${paused ? ', paused' : ''}`)
  print(`  ${reason}`)
  print('')
  print(verdictTable(verdicts))
  for (const { stage: where, action, reason: why, by } of decisions)
    print(`  ${where.padEnd(12)} ${action}${by === undefined ? '' : ` by ${by}`}: ${why}`)
}

function verdictTable(verdicts: readonly MetricVerdict[]): string {
  const number = (value: number | null): string => (value === null ? '' : value.toPrecision(3))
  return table(
    ['metric', 'verdict', 'shares', 'e (worse)', 'e (not worse)'],
    verdicts.map((verdict) => [
      verdict.metric,
      verdict.verdict,
      sharesInWords(verdict),
      number(verdict.harm),
      number(verdict.notWorse),
    ]),
  )
}

/** The rollout of an endpoint that ended last. Ids sort by time. */
async function lastRollout(store: Store, endpoint: string): Promise<RolloutRecord | undefined> {
  const keys = await listKeys(store, `rollouts/${endpoint}-`, Number.POSITIVE_INFINITY)
  const ended = keys.filter((key) => key.endsWith('/end.json')).sort()
  const id = ended.at(-1)?.split('/')[1]
  return id === undefined ? undefined : readRolloutEnd(store, id)
}

const updates = {
  approve: approveRolloutUpdate,
  pause: pauseUpdate,
  resume: resumeUpdate,
  promote: promoteUpdate,
  rollback: abortUpdate,
}

/** Asks the rollout of an endpoint for something, by name of who asks. */
export async function act(
  verb: keyof typeof updates,
  endpoint: string,
  { reason = 'no reason given', json }: JsonOption & { reason?: string },
): Promise<number> {
  const { store, temporal } = openContext()
  const { rollout } = await requireRoute(store, endpoint)
  if (rollout === null)
    throw new SlipwayError('USAGE', `no rollout of ${endpoint} is going on`, {
      next: verb === 'rollback' ? `slipway rollback ${endpoint}` : `slipway rollout status ${endpoint}`,
    })
  const { client } = await temporal()
  const decision = { by: userInfo().username, reason }
  try {
    await client.workflow.getHandle(rolloutWorkflowId(rollout.id)).executeUpdate(updates[verb], { args: [decision] })
  } catch (error) {
    if (!(error instanceof WorkflowUpdateFailedError)) throw error
    throw new SlipwayError('USAGE', error.cause?.message ?? error.message, {
      next: `slipway rollout status ${endpoint}`,
    })
  }
  if (json === true) printJson({ endpoint, rollout: rollout.id, asked: verb, ...decision })
  else print(`asked rollout ${rollout.id} to ${verb}`)
  return 0
}

export interface SimulateOptions extends JsonOption {
  readonly runs?: string
  readonly traffic?: string
  readonly baseError?: string
  readonly harm?: string
}

/** Pretends rollouts of a pipeline by its own policy: with a candidate that does harm, and with one that is the same. */
export async function simulate(pipeline: string, options: SimulateOptions): Promise<number> {
  const { settings } = openContext()
  const { plan } = await planPipeline(settings.root, pipeline, hostVersions())
  const step = plan.steps.find((each) => each.kind === 'deploy')
  if (step === undefined)
    throw new SlipwayError('USAGE', `pipeline "${pipeline}" deploys nothing`, {
      next: 'add p.deploy to its definition',
    })
  const runs = Number(options.runs ?? 1000)
  if (!Number.isInteger(runs) || runs < 1 || runs > 1_000_000)
    throw new SlipwayError('USAGE', `--runs ${options.runs}: expected 1 to 1000000`)
  const traffic = trafficOf(options)
  const identical = await pretend(runs, 'identical', (seed) =>
    simulateRollout(step.policy, { ...traffic, candidateErrors: traffic.baseErrors }, seed),
  )
  const harmful = await pretend(runs, 'harmful', (seed) => simulateRollout(step.policy, traffic, seed))
  if (options.json === true) {
    printJson({ ...harmful, identical, policy: step.policy, traffic })
    return 0
  }
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
  const line = (
    name: string,
    { rolledBack, promoted, inconclusive, detectSeconds, promoteSeconds, harmed }: SimulationSummary,
  ): string[] => [
    name,
    percent(rolledBack),
    percent(promoted),
    percent(inconclusive),
    detectSeconds === null ? '' : seconds(detectSeconds),
    promoteSeconds === null ? '' : seconds(promoteSeconds),
    harmed.toFixed(1),
  ]
  print(
    `${describeStrategy(step.policy)}; ${traffic.requestsPerMinute} requests a minute, ${percent(traffic.baseErrors)} errors; ${runs} rollouts each`,
  )
  print(
    table(
      ['candidate', 'rolled back', 'promoted', 'inconclusive', 'until rolled back', 'until promoted', 'harmed'],
      [line('identical', identical), line(`errors ${percent(traffic.candidateErrors)}`, harmful)],
    ),
  )
  print(
    `P(false rollback) ${percent(identical.rolledBack)}, declared ${percent(step.policy.alpha.rollback)}; P(missed regression) ${percent(harmful.promoted)}`,
  )
  return 0
}

async function pretend(
  runs: number,
  what: string,
  one: (seed: number) => SimulatedRollout,
): Promise<SimulationSummary> {
  const rollouts: SimulatedRollout[] = []
  let said = Date.now()
  for (let seed = 0; seed < runs; seed++) {
    rollouts.push(one(seed))
    if (Date.now() - said > 2_000) {
      said = Date.now()
      say(colors.dim(`  ${what}: ${seed + 1} of ${runs}`))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return summarise(rollouts)
}

function trafficOf({ traffic = '2000/min', baseError = '0.5%', harm = '2x' }: SimulateOptions): Traffic {
  const rate = /^(\d+(?:\.\d+)?)\/(s|min|h)$/.exec(traffic)
  const base = Number(/^(\d+(?:\.\d+)?)%$/.exec(baseError)?.[1]) / 100
  const times = Number(/^(\d+(?:\.\d+)?)x$/.exec(harm)?.[1])
  if (rate === null)
    throw new SlipwayError('USAGE', `--traffic ${traffic}: expected a rate`, { next: 'for example 2000/min' })
  if (!(base >= 0 && base < 1))
    throw new SlipwayError('USAGE', `--base-error ${baseError}: expected a share`, { next: 'for example 0.2%' })
  if (!(times > 0)) throw new SlipwayError('USAGE', `--harm ${harm}: expected a factor`, { next: 'for example 2x' })
  const requestsPerMinute = (Number(rate[1]) * 60_000) / durationMs(`1${rate[2] === 'min' ? 'm' : rate[2]}`)
  return {
    requestsPerMinute,
    baseErrors: base,
    candidateErrors: Math.min(1, base * times),
    // As rollouts look: every two seconds, or less often where so little comes in.
    windowSeconds: Math.min(60, Math.max(2, 1_500 / requestsPerMinute)),
  }
}

/** Every decision of a rollout with its evidence; with `replay` each is recomputed from it and compared. */
export async function explain(id: string, options: JsonOption & { replay?: boolean }): Promise<number> {
  const { store } = openContext()
  const start = await readRolloutStart(store, id)
  if (start === undefined)
    throw new SlipwayError('NOT_FOUND', `there is no rollout ${id}`, { next: 'slipway rollout status <endpoint>' })
  const end = await readRolloutEnd(store, id)
  const looks = await readLooks(store, id)
  const replayed = replayRollout(
    start.policy,
    start.state as unknown as RolloutState,
    looks.map((look) => ({ ...look, blocks: look.blocks as unknown as Block[] })),
    end?.decisions.at(-1) ?? null,
  )
  const differing = replayed.filter(({ same }) => same === false)
  const compared = replayed.filter(({ same }) => same !== null).length
  const verified = options.replay === true && differing.length > 0 ? 16 : 0
  if (options.json === true) {
    printJson({
      start,
      end: end ?? null,
      looks: replayed,
      replay: { compared, differing: differing.map(({ seq }) => seq) },
    })
    return verified
  }
  print(
    `${colors.bold(id)}  ${start.endpoint}: version ${start.champion.version} → ${start.candidate.version}, ${describeStrategy(start.policy)}`,
  )
  print(end === undefined ? '  going on' : `  ${end.outcome} after ${seconds(end.seconds)}: ${end.reason}`)
  for (const look of replayed)
    if (look.recorded !== null && (look.recorded.action !== 'hold' || look.same === false)) showLook(look)
  if (options.replay === true) {
    print(
      differing.length === 0
        ? colors.green(`\nreplay: ${compared} decisions recomputed from ${looks.length} looks, all the same`)
        : colors.red(
            `\nreplay: ${differing.length} of ${compared} decisions differ, first at look ${differing[0]?.seq}`,
          ),
    )
  }
  return verified
}

function showLook({ seq, at, recorded, recomputed, same }: ReplayedLook): void {
  print('')
  print(
    `${new Date(at).toISOString()}  look ${seq}, ${recorded?.stage}: ${colors.bold(recorded?.action ?? '')}${recorded?.by === undefined ? '' : ` by ${recorded.by}`}: ${recorded?.reason}`,
  )
  print(verdictTable(recomputed.verdicts))
  if (same === false) print(colors.red(`  recomputed: ${recomputed.action}: ${recomputed.reason}`))
}

async function readLooks(store: Store, id: string): Promise<EvidenceEntry[]> {
  const looks: EvidenceEntry[] = []
  for (;;) {
    const next = await Promise.all(Array.from({ length: 16 }, (_, i) => readEvidence(store, id, looks.length + i)))
    const found = next.slice(0, next.indexOf(undefined) < 0 ? 16 : next.indexOf(undefined)) as EvidenceEntry[]
    looks.push(...found)
    if (found.length < 16) return looks
  }
}

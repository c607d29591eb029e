import { hostVersions } from '../../lib/code/host.ts'
import { planPipeline } from '../../lib/code/plan.ts'
import { durationMs } from '../../lib/definition/duration.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { describeStrategy, labelErrorsRule } from '../../lib/formats/rollout-policy.ts'
import {
  type SimulatedRollout,
  type SimulationSummary,
  simulateRollout,
  summarise,
  type Traffic,
} from '../../lib/stats/simulate.ts'
import { findRoot } from '../../workers/settings.ts'
import { colors } from '../colors.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, say, seconds, table } from '../output.ts'

export interface SimulateOptions extends JsonOption {
  readonly runs?: string
  readonly traffic?: string
  readonly baseError?: string
  readonly baseLabelErrors?: string
  readonly harm?: string
}

/**
 * Pretends rollouts of a pipeline by its own policy: with a candidate that does harm, and with one that is the same.
 */
export async function simulate(pipeline: string, options: SimulateOptions): Promise<number> {
  const { plan } = await planPipeline(findRoot(), pipeline, hostVersions())
  const step = plan.steps.find((each) => each.kind === 'deploy')
  if (step === undefined)
    throw new SlipwayError('USAGE', `pipeline "${pipeline}" deploys nothing`, {
      next: 'add p.deploy to its definition',
    })
  if (step.policy.strategy.kind === 'guardrails')
    throw new SlipwayError(
      'USAGE',
      `"${step.endpoint}" is moved by SageMaker's guardrails: alarms decide, no evidence`,
      {
        next: 'a canary of Slipway’s own can be simulated: canary: { steps: [5, 25, 50] }',
      },
    )
  const runs = Number(options.runs ?? 1000)
  if (!Number.isInteger(runs) || runs < 1 || runs > 1_000_000)
    throw new SlipwayError('USAGE', `--runs ${options.runs}: expected 1 to 1000000`)
  const rule = labelErrorsRule(step.policy)
  const traffic = trafficOf(options, rule?.afterMs ?? 0)
  const identical = await pretend(runs, 'identical', (seed) =>
    simulateRollout(
      step.policy,
      { ...traffic, candidateErrors: traffic.baseErrors, candidateLabelErrors: traffic.baseLabelErrors },
      seed,
    ),
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
    `${describeStrategy(step.policy)}; ${traffic.requestsPerMinute} requests a minute, ${percent(traffic.baseErrors)} errors${rule === undefined ? '' : `, ${percent(traffic.baseLabelErrors)} label errors`}; ${runs} rollouts each`,
  )
  print(
    table(
      ['candidate', 'rolled back', 'promoted', 'inconclusive', 'until rolled back', 'until promoted', 'harmed'],
      [
        line('identical', identical),
        line(
          `errors ${percent(traffic.candidateErrors)}${rule === undefined ? '' : `, label errors ${percent(traffic.candidateLabelErrors)}`}`,
          harmful,
        ),
      ],
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

function trafficOf(
  { traffic = '2000/min', baseError = '0.5%', baseLabelErrors = '20%', harm = '2x' }: SimulateOptions,
  afterMs: number,
): Traffic {
  const rate = /^(\d+(?:\.\d+)?)\/(s|min|h)$/.exec(traffic)
  const share = (text: string): number => Number(/^(\d+(?:\.\d+)?)%$/.exec(text)?.[1]) / 100
  const [base, mistaken] = [share(baseError), share(baseLabelErrors)]
  const times = Number(/^(\d+(?:\.\d+)?)x$/.exec(harm)?.[1])
  if (rate === null)
    throw new SlipwayError('USAGE', `--traffic ${traffic}: expected a rate`, { next: 'for example 2000/min' })
  if (!(base >= 0 && base < 1))
    throw new SlipwayError('USAGE', `--base-error ${baseError}: expected a share`, { next: 'for example 0.2%' })
  if (!(mistaken >= 0 && mistaken < 1))
    throw new SlipwayError('USAGE', `--base-label-errors ${baseLabelErrors}: expected a share`, {
      next: 'for example 20%',
    })
  if (!(times > 0)) throw new SlipwayError('USAGE', `--harm ${harm}: expected a factor`, { next: 'for example 2x' })
  const requestsPerMinute = (Number(rate[1]) * 60_000) / durationMs(`1${rate[2] === 'min' ? 'm' : rate[2]}`)
  return {
    requestsPerMinute,
    baseErrors: base,
    candidateErrors: Math.min(1, base * times),
    baseLabelErrors: mistaken,
    candidateLabelErrors: Math.min(1, mistaken * times),
    // As rollouts look: every two seconds, or less often where so little comes in, or so late.
    windowSeconds: Math.max(Math.min(60, Math.max(2, 1_500 / requestsPerMinute)), afterMs / 200_000),
  }
}

import { SlipwayError } from '../formats/errors.ts'
import { Guardrails, longestUpdate, updateTakes, waitsOf } from '../formats/guardrails.ts'
import type { Hosting } from '../formats/hosting.ts'
import type { RolloutPolicy } from '../formats/rollout-policy.ts'
import { type Duration, durationMs } from './duration.ts'

/** How SageMaker itself moves an endpoint, by exactly one way of shifting, and which alarms have it go back. */
export type GuardrailsOptions = {
  /** Names of CloudWatch alarms on the endpoint, one to ten. */
  readonly alarms: readonly string[]
  /** How long they are watched after every step, the last one too: at most an hour. */
  readonly wait: Duration
} & (
  | { readonly canary: { readonly percent: number } }
  | { readonly linear: { readonly percent: number } }
  | { readonly allAtOnce: true }
)

/** The name that the variant of a guarded endpoint has where none is given: alarms are set on it once. */
export const guardedVariant = 'AllTraffic'

const example = "for example guardrails: { alarms: ['loans-errors'], canary: { percent: 25 }, wait: '10m' }"

/** @throws SlipwayError DEFINITION_INVALID for what SageMaker would not take, or would not watch */
export function guardrailsOf(endpoint: string, options: GuardrailsOptions): Guardrails {
  const refuse = (why: string, next = example): never => {
    throw new SlipwayError('DEFINITION_INVALID', `endpoint "${endpoint}": guardrails: ${why}`, { next })
  }
  if (options.alarms.length === 0)
    refuse(
      'without alarms SageMaker watches nothing, and takes nothing back',
      'name alarms of CloudWatch, or leave guardrails out: allAtOnce: true does the same',
    )
  const ways = ['canary', 'linear', 'allAtOnce'].filter((way) => way in options)
  if (ways.length !== 1) refuse(`name one of canary, linear, allAtOnce; named are ${ways.join(', ') || 'none'}`)
  const parsed = Guardrails.safeParse({ alarms: options.alarms, shift: shiftOf(options), waitSeconds: waitOf(options) })
  if (parsed.success) {
    const total = waitsOf(parsed.data) + updateTakes
    if (total > longestUpdate)
      refuse(
        `its waits and the start of instances are ${total} s, and SageMaker gives an update up after ${longestUpdate} s`,
        'take larger steps, or wait less',
      )
    return parsed.data
  }
  const [issue] = parsed.error.issues
  const bounds = { canary: 'percent is 1 to 50', linear: 'percent is 10 to 50', allAtOnce: '' }
  const where = issue?.path.join('.') ?? ''
  const way = ways[0] as keyof typeof bounds
  if (where.startsWith('shift')) return refuse(`${way}: ${bounds[way]}, whole, of the instances`)
  if (where === 'waitSeconds') return refuse(`wait is 1 s to 1 h; it is ${options.wait}`)
  return refuse(`${where}: ${issue?.message}`)
}

function shiftOf(options: GuardrailsOptions): unknown {
  if ('canary' in options) return { kind: 'canary', ...options.canary }
  return 'linear' in options ? { kind: 'linear', ...options.linear } : { kind: 'allAtOnce' }
}

const waitOf = ({ wait }: GuardrailsOptions): number => durationMs(wait) / 1_000

/**
 * Refuses guardrails where SageMaker would not keep them, and would move everything at once.
 * @param refuse what is asked, why not, what next
 */
export function requireGuardable(
  { strategy, shadow }: RolloutPolicy,
  { serverless, instance = '', count = 1, autoscaling, keepPrevious }: Hosting,
  refuse: (what: string, why: string, next: string) => never,
): void {
  if (strategy.kind !== 'guardrails') return
  const all = 'SageMaker would move everything at once, unwatched'
  if (serverless !== undefined)
    refuse('guardrails', `not kept of serverless endpoints: ${all}`, 'deploy it with allAtOnce: true, or to instances')
  if (/^ml\.(inf1|eia\d)\./.test(instance))
    refuse('guardrails', `not kept on ${instance}: ${all}`, 'take other instances, or deploy with allAtOnce: true')
  if (shadow !== null)
    refuse('shadow', `guardrails keep one variant, and a shadow is another: ${all}`, 'leave shadow out, or guardrails')
  if (keepPrevious !== undefined)
    refuse('keepPrevious', `guardrails keep one variant, and the version before is another: ${all}`, 'leave it out')
  const { shift } = strategy.guardrails
  if (shift.kind === 'allAtOnce') return
  const instances = Math.min(count, autoscaling?.min ?? count)
  const least = Math.ceil(100 / shift.percent)
  if (instances < least)
    refuse(
      `guardrails: ${shift.kind} of ${shift.percent} %`,
      `it is less than one of ${instances} instance${instances === 1 ? '' : 's'}`,
      `take larger steps, at most 50 %, or ${least} instances${autoscaling === undefined ? '' : ' (count and autoscaling.min)'}`,
    )
}

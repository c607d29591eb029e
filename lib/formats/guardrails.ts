import { z } from 'zod'

/** The most that SageMaker waits for one update, seconds. */
export const longestUpdate = 28_800
/** What an update may take besides its waits, seconds: instances that start, and go. */
export const updateTakes = 2_700

/**
 * How SageMaker itself moves an endpoint to a candidate, in one update, and what has it go back: its deployment
 * guardrails.
 */
export const Guardrails = z.object({
  /** Names of CloudWatch alarms: when one goes off while the update lasts, SageMaker takes it back. */
  alarms: z.array(z.string().min(1).max(255).regex(/\S/)).min(1).max(10),
  /** Shares of instances, in percent, that get their share of traffic at a step. */
  shift: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('canary'), percent: z.int().min(1).max(50) }),
    z.object({ kind: z.literal('linear'), percent: z.int().min(10).max(50) }),
    z.object({ kind: z.literal('allAtOnce') }),
  ]),
  /** How long alarms are watched after every step, the last one too, seconds. */
  waitSeconds: z.int().min(1).max(3_600),
})
export type Guardrails = z.infer<typeof Guardrails>

/** How long SageMaker waits in an update, all steps together, seconds. */
export function waitsOf({ shift, waitSeconds }: Guardrails): number {
  const steps = { canary: () => 2, linear: (percent: number) => Math.ceil(100 / percent), allAtOnce: () => 1 }
  return waitSeconds * steps[shift.kind]('percent' in shift ? shift.percent : 100)
}

/** After so long SageMaker gives an update up, seconds. */
export const timeoutOf = (guardrails: Guardrails): number =>
  Math.min(longestUpdate, Math.max(600, waitsOf(guardrails) + updateTakes))

/** `SageMaker's canary of 25 %, 600 s a step, unless loans-errors goes off`: guardrails in words. */
export function guardrailsInWords({ shift, waitSeconds, alarms }: Guardrails): string {
  const how = shift.kind === 'allAtOnce' ? 'move all at once' : `${shift.kind} of ${shift.percent} %`
  return `SageMaker's ${how}, ${waitSeconds} s a step, unless ${alarms.join(' or ')} goes off`
}

import { metricsInWords } from '../check.ts'
import type { GateResult } from '../records.ts'

type Facts = Readonly<Record<string, unknown>>

/** `1,234`: a number among facts, for people. */
export const count = (value: unknown): string => String(value).replace(/\B(?=(\d{3})+$)/g, ',')

/** Metrics among facts, for people. */
export const metrics = (value: unknown): string => metricsInWords(value as Record<string, number>)

/** How many gates a step judged, and how many failed; records of 0.6 and before name all of them. */
export function gateCounts({ gates, judged, failed }: Facts): { readonly judged: number; readonly failed: number } {
  const all = (gates ?? []) as GateResult[]
  return {
    judged: (judged as number | undefined) ?? all.length,
    failed: (failed as number | undefined) ?? all.filter(({ passed }) => !passed).length,
  }
}

/** `2 of 3 passed` */
export function gatesPassed(facts: Facts): string {
  const { failed, judged } = gateCounts(facts)
  if (judged === 0) return 'nothing else is served that it could be worse than'
  return `${judged - failed} of ${judged} passed`
}

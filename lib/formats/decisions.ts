import { z } from 'zod'
import { Digest } from './artifact.ts'

/*
 * What a function of the user's makes of a model's scores and rows, one value a row: the output `answer`. Called
 * decisions here, for answers are what a model itself says.
 */

export const DecisionKind = z.enum(['number', 'boolean', 'text'])
export type DecisionKind = z.infer<typeof DecisionKind>

/** Decisions of rows, [rows]: numbers, truth values as 0 and 1, or texts. Which of them, their type says. */
export type Decisions = Float64Array | Uint8Array | readonly string[]

/** What a package says of the function that decides. */
export const DecisionFacts = z.object({
  name: z.string(),
  digest: Digest,
  host: z.record(z.string(), z.string()),
  kind: DecisionKind,
})
export type DecisionFacts = z.infer<typeof DecisionFacts>

/** What decisions are called: the tensor, the field and the column of answers. */
export const decisionOutput = 'answer'

export const kindOfDecisions = (decisions: Decisions): DecisionKind =>
  decisions instanceof Float64Array ? 'number' : decisions instanceof Uint8Array ? 'boolean' : 'text'

/** Decisions of no row yet. */
export function newDecisions(kind: DecisionKind, rows: number): Float64Array | Uint8Array | string[] {
  if (kind === 'number') return new Float64Array(rows)
  return kind === 'boolean' ? new Uint8Array(rows) : new Array<string>(rows).fill('')
}

/** Puts decisions of some rows among those of all. @param at the row that they begin with */
export function putDecisions(all: Float64Array | Uint8Array | string[], some: Decisions, at: number): void {
  for (let i = 0; i < some.length; i++) all[at + i] = some[i] as never
}

/** Those of some of the rows. */
export const sliceDecisions = (decisions: Decisions, from: number, to: number): Decisions =>
  decisions.slice(from, to) as Decisions

/** The decision of a row as people and JSON have it. */
export function decisionAt(decisions: Decisions, row: number): number | boolean | string {
  const value = decisions[row] as number | string
  return decisions instanceof Uint8Array ? value === 1 : value
}

/** Decisions as a column of profiles: truth values by their names. */
export function decisionColumn(decisions: Decisions): Float64Array | readonly string[] {
  if (!(decisions instanceof Uint8Array)) return decisions
  return Array.from(decisions, (value) => (value === 1 ? 'true' : 'false'))
}

/** Whether two decide one row alike; numbers up to rounding. */
export function isSameDecision(left: Decisions, right: Decisions, row: number): boolean {
  const [a, b] = [decisionAt(left, row), decisionAt(right, row)]
  if (typeof a !== 'number' || typeof b !== 'number') return a === b
  return Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(a), Math.abs(b))
}

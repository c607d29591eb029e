import { z } from 'zod'

/** What a cross is made of in a row: a text, a number (float32), or nothing. */
const Part = z.union([z.string(), z.number(), z.null()])

/**
 * Features combined into one number: the mean label of the training rows that have the same values in all of them,
 * drawn to the mean of all rows where they are few. It travels in the model's package, and is looked up before the
 * trees see a row.
 */
export const Cross = z.object({
  name: z.string(),
  /** The features it is made of, in order. */
  of: z.array(z.string()).min(1),
  /** For combinations that training has not seen. */
  prior: z.number(),
  /** A value for each combination that it has: its parts, then the value. */
  cells: z.array(z.tuple([z.array(Part), z.number()])),
})
export type Cross = z.infer<typeof Cross>

/** What the number made of some features is called. */
export function crossName(of: readonly string[]): string {
  return `mean(${of.join(', ')})`
}

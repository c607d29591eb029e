import { z } from 'zod'
import { Digest } from './artifact.ts'

/**
 * A user function, bundled and stored: found by its digest, shown by its name. Only `digest` and `host` are identity.
 */
export const CodeRef = z.object({
  name: z.string(),
  file: z.string(),
  digest: Digest,
  /** Packages the bundle takes from its host, with the versions it was planned with. */
  host: z.record(z.string(), z.string()),
})
export type CodeRef = z.infer<typeof CodeRef>

export const Task = z.enum(['binary', 'regression', 'multiclass', 'quantiles', 'ranking'])
export type Task = z.infer<typeof Task>

/** Whether labels are classes: others are numbers, of a ranking how much a row is worth. */
export const isOfClasses = (task: Task): boolean => task === 'binary' || task === 'multiclass'

/** The column predicted, and the function that makes labels of it; without one the column is the label. */
export const TargetRef = z.object({
  column: z.string(),
  code: CodeRef.optional(),
  /** Of several targets: all their columns, of which `column` is the first. */
  columns: z.array(z.string()).min(2).optional(),
  /** Of several quantiles: their levels, ascending. */
  levels: z.array(z.number().gt(0).lt(1)).min(2).optional(),
  /** Of a ranking: the column that says which rows are ranked among each other. */
  group: z.string().optional(),
})
export type TargetRef = z.infer<typeof TargetRef>

/** The columns that labels are made of. */
export const targetColumns = ({
  column,
  columns,
}: {
  readonly column: string
  readonly columns?: readonly string[] | undefined
}): readonly string[] => columns ?? [column]

/** What the numbers of a row are called, where there are several: the targets' columns, or the quantiles' levels. */
export const targetOutputs = ({ columns, levels }: Pick<TargetRef, 'columns' | 'levels'>): string[] | undefined =>
  columns ?? levels?.map(String)

/** A target in a step key: plans of one number a row have the keys that they always had. */
export const targetInKey = ({ column, columns, levels, group }: TargetRef): Readonly<Record<string, unknown>> => ({
  target: column,
  ...(columns !== undefined && { targets: columns }),
  ...(levels !== undefined && { levels }),
  ...(group !== undefined && { group }),
})

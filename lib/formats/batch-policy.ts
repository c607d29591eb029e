import { z } from 'zod'
import { CsvOptions, formatOf, TableFormat } from './table-format.ts'
import { TransformPolicy } from './transform-policy.ts'

/**
 * How a table is scored, whole: what is read, what is written, and what becomes of rows that break the model's
 * contract.
 */
export const BatchPolicy = z.object({
  /** When, in cron's five fields (crontab(5)), UTC; null only when asked. */
  cron: z.string().nullable(),
  /**
   * Files: a path, a folder or a glob in the project, `s3://…`, or an `https://` address. `{date}` and `{hour}` are
   * filled in.
   */
  from: z.string().min(1),
  /** A folder in the project or `s3://…/`; null leaves the parts in the store, where the manifest names them. */
  to: z.string().min(1).nullable(),
  /** Of the files; their compression is told by their names: `.gz`, `.zst`. */
  format: TableFormat,
  ...CsvOptions.shape,
  write: z.enum(['parquet', 'csv']),
  onBadRow: z.enum(['quarantine', 'fail']),
  /** Share of rows that may be quarantined; more, and nothing is published. */
  maxBadRows: z.number().min(0).lt(1),
  /** Columns whose values occur once together: later rows with the same ones are bad. */
  keys: z.array(z.string()),
  /** Columns of the input that go into the output; null takes the model's inputs. */
  keep: z.array(z.string()).nullable(),
  /** Columns of the output whose values become folders, `origin=ORD/`. */
  partitionBy: z.array(z.string()),
  /** Whether the output has a column that says why each answer is what it is. */
  explain: z.literal(true).optional(),
  /** Where rows are scored; missing: on Slipway's workers. */
  on: TransformPolicy.optional(),
  /** How late a schedule that was missed may still begin, ms. */
  catchupMs: z.number().nonnegative(),
  /** What happens when the one before is not done. */
  overlap: z.enum(['skip', 'wait', 'allow']),
})
export type BatchPolicy = z.infer<typeof BatchPolicy>

/** The format that a name tells, without its compression; a folder is taken for parquet. */
export function inputFormatOf(from: string): TableFormat {
  return formatOf(from) ?? 'parquet'
}

/** What names one batch of many: its day, and its hour where a template asks for it. `2001-06-01`, `2001-06-01T14`. */
export function partitionAt({ from, to }: Pick<BatchPolicy, 'from' | 'to'>, time: Date): string {
  const iso = time.toISOString()
  return `${from}${to ?? ''}`.includes('{hour}') ? iso.slice(0, 13) : iso.slice(0, 10)
}

/** A template with its day and hour. */
export function fillIn(template: string, partition: string): string {
  return template.replaceAll('{date}', partition.slice(0, 10)).replaceAll('{hour}', partition.slice(11, 13))
}

/** The name of a batch for people and commands. */
export const batchId = (owner: string, name: string, partition: string): string => `${owner}/${name}/${partition}`

import { z } from 'zod'
import { cronCalendars } from './cron.ts'
import { SlipwayError } from './errors.ts'
import { CsvOptions, delimiterOf, formatOf, TableFormat } from './format.ts'
import { type Duration, durationMs } from './rollout.ts'

/** How a table is scored, whole: what is read, what is written, and what becomes of rows that break the model's contract. */
export const BatchPolicy = z.object({
  /** When, in cron's five fields (crontab(5)), UTC; null only when asked. */
  cron: z.string().nullable(),
  /** Files: a path, a folder or a glob in the project, `s3://…`, or an `https://` address. `{date}` and `{hour}` are filled in. */
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
  /** How late a schedule that was missed may still begin, ms. */
  catchupMs: z.number().nonnegative(),
  /** What happens when the one before is not done. */
  overlap: z.enum(['skip', 'wait', 'allow']),
})
export type BatchPolicy = z.infer<typeof BatchPolicy>

export interface BatchOptions {
  /** Cron's five fields, UTC: `0 2 * * *`. Without it the batch runs when it is asked for. */
  readonly cron?: string | undefined
  readonly from: string
  readonly to: string
  /** By default told by the name. */
  readonly format?: TableFormat | undefined
  /** Of CSV; by default a comma, and a tab where the name ends with `.tsv`. */
  readonly delimiter?: CsvOptions['delimiter'] | undefined
  /** Of CSV; default true. */
  readonly header?: boolean | undefined
  readonly write?: 'parquet' | 'csv' | undefined
  /** Default `quarantine`. */
  readonly onBadRow?: 'quarantine' | 'fail' | undefined
  /** Default 0.01. */
  readonly maxBadRows?: number | undefined
  readonly keys?: readonly string[] | undefined
  readonly keep?: readonly string[] | undefined
  readonly partitionBy?: readonly string[] | undefined
  /** Default 1 day. */
  readonly catchup?: Duration | undefined
  /** Default `wait`. */
  readonly overlap?: 'skip' | 'wait' | 'allow' | undefined
}

/** Names a batch may not have: they are other schedules', or a command's. */
const reserved = ['monitor', 'gather', 'retrain', 'score', 'list']

/** @throws SlipwayError DEFINITION_INVALID */
export function batchPolicyOf(
  name: string,
  options: Omit<BatchOptions, 'to'> & { readonly to: string | null },
): BatchPolicy {
  const refuse = (what: string, next: string): never => {
    throw new SlipwayError('DEFINITION_INVALID', `batch "${name}": ${what}`, { next })
  }
  if (reserved.includes(name)) refuse(`${reserved.join(', ')} are taken`, 'choose another name')
  const { cron, from, to } = options
  if (cron !== undefined) {
    try {
      cronCalendars(cron)
    } catch (error) {
      const { message, facts } = error as SlipwayError
      refuse(message, facts.next ?? '')
    }
    for (const [what, template] of [
      ['from', from],
      ['to', to],
    ] as const)
      if (template?.includes('{date}') !== true)
        refuse(
          `${what} "${template}" does not name its day, so every day would be the same`,
          'put {date} into it, and {hour} where it runs more often',
        )
  }
  const delimiter = options.delimiter ?? delimiterOf(from)
  const parsed = BatchPolicy.safeParse({
    cron: cron?.trim() ?? null,
    from,
    to,
    format: options.format ?? inputFormatOf(from),
    ...(delimiter === ',' ? {} : { delimiter }),
    ...(options.header === undefined ? {} : { header: options.header }),
    write: options.write ?? 'parquet',
    onBadRow: options.onBadRow ?? 'quarantine',
    maxBadRows: options.maxBadRows ?? 0.01,
    keys: [...(options.keys ?? [])],
    keep: options.keep === undefined ? null : [...options.keep],
    partitionBy: [...(options.partitionBy ?? [])],
    catchupMs: durationMs(options.catchup ?? '1d'),
    overlap: options.overlap ?? 'wait',
  })
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  return refuse(`${issue?.path.join('.')}: ${issue?.message}`, 'correct the batch')
}

/** The format that a name tells, without its compression; a folder is taken for parquet. */
export function inputFormatOf(from: string): TableFormat {
  return formatOf(from) ?? 'parquet'
}

/** What names one batch of many: its day, and its hour where a template asks for it. `2001-06-01`, `2001-06-01T14`. */
export function slotAt({ from, to }: Pick<BatchPolicy, 'from' | 'to'>, time: Date): string {
  const iso = time.toISOString()
  return `${from}${to ?? ''}`.includes('{hour}') ? iso.slice(0, 13) : iso.slice(0, 10)
}

/** A template with its day and hour. */
export function fillIn(template: string, slot: string): string {
  return template.replaceAll('{date}', slot.slice(0, 10)).replaceAll('{hour}', slot.slice(11, 13))
}

/** The name of a batch for people and commands. */
export const batchId = (owner: string, name: string, slot: string): string => `${owner}/${name}/${slot}`

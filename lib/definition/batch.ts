import { requireNoSecret } from '../formats/address.ts'
import { BatchPolicy, inputFormatOf } from '../formats/batch-policy.ts'
import { SlipwayError } from '../formats/errors.ts'
import { type CsvOptions, delimiterOf, type TableFormat } from '../formats/table-format.ts'
import type { TransformPolicy } from '../formats/transform-policy.ts'
import { cronCalendars } from './cron.ts'
import { type Duration, durationMs } from './duration.ts'

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
  /** One more column, `explanation`: why each answer is what it is. The package must have been made with `explain`. */
  readonly explain?: boolean | undefined
  /** Where rows are scored: by default on Slipway's workers, else `sagemakerTransform({ … })`. */
  readonly on?: TransformPolicy | undefined
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
  requireNoSecret(from)
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
  if (options.on !== undefined && options.explain === true)
    refuse('explanations are not made by SageMaker', 'leave explain out, or on')
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
    ...(options.explain === true && { explain: true }),
    ...(options.on !== undefined && { on: options.on }),
    catchupMs: durationMs(options.catchup ?? '1d'),
    overlap: options.overlap ?? 'wait',
  })
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  return refuse(`${issue?.path.join('.')}: ${issue?.message}`, 'correct the batch')
}

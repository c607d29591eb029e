import { z } from 'zod'
import { RowSchema } from '../row-schema.ts'
import { SplitRule } from '../split-rule.ts'
import { ArtifactId, NamedStepId, readOf, StepId } from '../step-id.ts'
import { CsvOptions, TableFormat } from '../table-format.ts'
import { stepKind } from './step-kind.ts'
import { count } from './words.ts'

/** Fixes the bytes of a source. */
export const snapshot = stepKind({
  shape: z.object({
    id: NamedStepId,
    kind: z.literal('snapshot'),
    from: z.string(),
    /**
     * Of files that `{date}` in `from` tells apart: those of so many days, the last of them `until`, or the day of the
     * run.
     */
    last: z.object({ days: z.int().positive(), until: z.iso.date().nullable() }).optional(),
    format: TableFormat,
    ...CsvOptions.shape,
    schema: RowSchema,
  }),
  schemas: ['schema'],
  refs: [],
  notInKey: ['from', 'last'],
  version: 2,
  hosts: ['@duckdb/node-api'],
  links: () => ({}),
  reads: () => ({}),
  activity: { name: 'snapshotSource', within: '6h' },
  order: ({ id }, { sources, snapshots }) => ({ source: sources[id] ?? '', use: snapshots[id] }),
  planned: ({ from }) => `snapshot • ${from}`,
  made: ({ reused, rows, files, read }) =>
    reused === true
      ? `${count(rows)} rows of the snapshot given`
      : `${count(rows)} rows in ${count(files)} file${files === 1 ? '' : 's'}${read === undefined ? '' : `, ${read}`}`,
})

/** Checks every row against the schema. */
export const validate = stepKind({
  shape: z.object({
    id: StepId,
    kind: z.literal('validate'),
    table: ArtifactId,
    schema: RowSchema,
    /** Share of bad rows up to which the run goes on without them. */
    maxBadRows: z.number().min(0).lt(1),
    /** Column names to the least share of rows that must have a value. */
    completeness: z.record(z.string(), z.number().min(0).max(1)),
    /** Sets of columns whose values may occur only once together. */
    unique: z.array(z.array(z.string()).min(1)),
  }),
  schemas: ['schema'],
  refs: ['table'],
  version: 2,
  hosts: ['@duckdb/node-api'],
  links: ({ table }) => ({ table }),
  reads: ({ table }) => ({ table: readOf(table) }),
  activity: { name: 'validateTable', within: '2h' },
  planned: ({ schema, maxBadRows }) => `validate • ${schema.length} columns, at most ${maxBadRows * 100} % bad rows`,
  made: ({ verdict }) => String(verdict),
})

/** Cuts a table into train, validation and test. */
export const split = stepKind({
  shape: z.object({ id: StepId, kind: z.literal('split'), table: ArtifactId, rule: SplitRule }),
  refs: ['table'],
  version: 2,
  hosts: ['@duckdb/node-api'],
  links: ({ table }) => ({ table }),
  reads: ({ table }) => ({ table: readOf(table) }),
  activity: { name: 'splitIntoParts', within: '2h' },
  planned: ({ rule }) =>
    rule.by === 'random' ? 'split • at random' : `split • by ${rule.by} of ${rule.column}${cutoffOf(rule)}`,
  made: ({ train, validation, test, undated, missed }) =>
    [
      `${count(train)} train, ${count(validation)} validation, ${count(test)} test`,
      ...(undated === undefined ? [] : [`${count(undated)} without a date left out`]),
      ...(missed === undefined ? [] : [`note: ${missed}`]),
    ].join('; '),
})

/** Where the split of a backtest ends. */
function cutoffOf(rule: SplitRule): string {
  if (rule.by !== 'age') return ''
  if (rule.cutoff !== undefined) return `, cutoff ${rule.cutoff}`
  return rule.agoMs === undefined ? '' : `, cutoff ${rule.agoMs / 86_400_000} days ago`
}

import { requireNoSecret } from '../../formats/address.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { SplitRule } from '../../formats/split-rule.ts'
import type { StepOf } from '../../formats/step-kinds/index.ts'
import { recordedId } from '../../formats/step-names.ts'
import { delimiterOf, formatOf, type TableFormat } from '../../formats/table-format.ts'
import type { Builder } from '../builder.ts'
import { rowSchemaOf } from '../contract/from-zod.ts'
import { type Duration, durationMs } from '../duration.ts'
import type { AnyTable, Split, SplitBy } from '../handles.ts'
import { add, idIn, nextId, type Place } from '../recording.ts'

export const snapshot =
  (at: Place): Builder['snapshot'] =>
  (source, { from, last, schema, format, na, delimiter, header }) => {
    requireNoSecret(from)
    const columns = rowSchemaOf(schema, na)
    const parted = delimiter ?? delimiterOf(from)
    const id = add(at.recording, {
      id: idIn(at, recordedId('snapshot', source)),
      kind: 'snapshot',
      from,
      ...daysOf(source, from, last),
      format: format ?? requireFormat(from),
      ...(parted === ',' ? {} : { delimiter: parted }),
      ...(header === undefined ? {} : { header }),
      schema: columns,
    })
    return { kind: 'table', id, name: source, schema: columns }
  }

export const validate =
  (at: Place): Builder['validate'] =>
  (table, { maxBadRows = 0, completeness = {}, unique = [] } = {}) => {
    const id = add(at.recording, {
      id: nextId(at, 'validate'),
      kind: 'validate',
      table: table.id,
      schema: table.schema,
      maxBadRows,
      completeness: completeness as Record<string, number>,
      unique: unique.map((columns) => [...columns]),
    })
    return { kind: 'table', id, name: table.name, schema: table.schema }
  }

export const split =
  (at: Place): Builder['split'] =>
  (table, rule) =>
    splitBy(at, table, splitRuleOf(rule))

/** Records the split of a table by a rule as a plan holds it. */
export function splitBy<Row>(at: Place, table: AnyTable, rule: SplitRule): Split<Row> {
  const id = add(at.recording, { id: nextId(at, 'split'), kind: 'split', table: table.id, rule })
  const part = <P extends 'train' | 'validation' | 'test'>(which: P) => ({ kind: 'part' as const, id, part: which })
  return {
    kind: 'split',
    id,
    schema: table.schema,
    train: part('train'),
    validation: part('validation'),
    test: part('test'),
  }
}

interface Ages {
  readonly by: string
  readonly test: Duration
  readonly validation: Duration
  readonly window?: Duration | undefined
}

/** A split by age as a plan holds it: as of the newest row. */
export function ageRule({ by, test, validation, window }: Ages): Extract<SplitRule, { by: 'age' }> {
  return {
    by: 'age',
    column: by,
    validationMs: durationMs(validation),
    testMs: durationMs(test),
    windowMs: window === undefined ? null : durationMs(window),
    until: null,
  }
}

/** @throws SlipwayError DEFINITION_INVALID */
function splitRuleOf<Row>(rule: SplitBy<Row>): SplitRule {
  if ('validationFrom' in rule)
    return { by: 'time', column: rule.by, validationFrom: rule.validationFrom, testFrom: rule.testFrom }
  if ('by' in rule) return ageRule(rule)
  const { seed = 0 } = rule
  const { validation, test } = 'random' in rule ? rule.random : rule
  if (validation + test >= 1)
    throw new SlipwayError('DEFINITION_INVALID', `shares of ${validation} and ${test} leave no rows to train on`, {
      next: 'ask for less than all, for example validation: 0.2, test: 0.2',
    })
  if ('random' in rule) return { by: 'random', validation, test, seed }
  if ('byHashOf' in rule) return { by: 'hash', column: rule.byHashOf, validation, test, seed }
  return { by: 'stratum', column: rule.stratifiedBy, validation, test, seed }
}

/** The days a source is read for, if its address is one of days. @throws SlipwayError DEFINITION_INVALID */
function daysOf(source: string, from: string, last: Duration | undefined): Pick<StepOf<'snapshot'>, 'last'> {
  if (from.includes('{date}') !== (last !== undefined))
    throw new SlipwayError(
      'DEFINITION_INVALID',
      last === undefined
        ? `source "${source}" has {date} in its address, and does not say which days`
        : `source "${source}" reads the last ${last}, and its address has no {date} that tells the days apart`,
      { next: "write both, for example { from: 'data/{date}/*.parquet', last: '90d' }" },
    )
  if (last === undefined) return {}
  const days = durationMs(last) / durationMs('1d')
  if (Number.isInteger(days) && days > 0) return { last: { days, until: null } }
  throw new SlipwayError('DEFINITION_INVALID', `source "${source}" reads the last ${last}: these are no whole days`, {
    next: "for example last: '90d'",
  })
}

/** @throws SlipwayError DEFINITION_INVALID */
function requireFormat(from: string): TableFormat {
  const format = formatOf(from)
  if (format !== undefined) return format
  throw new SlipwayError('DEFINITION_INVALID', `cannot tell the format of "${from}" from its name`, {
    next: "say format: 'parquet', 'csv' or 'json'",
  })
}

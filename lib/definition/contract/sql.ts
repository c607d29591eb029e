import { type ColumnRule, isText } from '../../formats/row-schema.ts'
import { blank, digits, epochMs, epochText, nan, time, truths, untruths } from './grammar.ts'
import type { Rule, RuleKind, RuleOf } from './rules.ts'

/** An identifier, quoted. */
export const name = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`
/** A string literal, quoted. */
export const text = (value: string): string => `'${value.replaceAll("'", "''")}'`
/** A number literal: written through text, for a long decimal fraction would be a DECIMAL and lose its last bit. */
const double = (value: number): string => `${text(String(value))}::DOUBLE`

/** How a value lies in a table: as its own type, as a cell of text, or as JSON. */
export type Carrier = 'typed' | 'cell' | 'json'

/** A column as a scan reads it. */
export interface SqlColumn {
  /** The value as the contract means it; null where it is missing or no value of the type. */
  readonly value: string
  /** What there was, in its own type (of JSON, as text); null where it is missing. */
  readonly raw: string
  /** Whether there may be something that is no value of the type. */
  readonly mayMistype: boolean
}

const matches = (column: string, expression: string): string =>
  `regexp_full_match(${column}, ${text(`${blank}(${expression})${blank}`)})`

/**
 * The SQL that reads a column by its contract.
 * @param column SQL of what lies there
 * @param type DuckDB's type of it, where the carrier is `typed`
 */
export function sqlColumn(rule: ColumnRule, carrier: Carrier, column: string, type = ''): SqlColumn {
  if (carrier === 'typed') return typed(rule, column, type)
  if (carrier === 'json') return json(rule, column)
  const na = rule.na === undefined || rule.na.length === 0 ? '' : ` OR ${column} IN (${rule.na.map(text).join(', ')})`
  const blankToo = rule.type === 'string' ? '' : ` OR ${matches(column, '')}`
  const nanToo = rule.type === 'number' || rule.type === 'integer' ? ` OR ${matches(column, nan)}` : ''
  const isMissing = `${column} = ''${na}${blankToo}${nanToo}`
  const own = cell(rule.type, column)
  // Without texts of its own that mean it, what is missing has no value anyway, but in a column of text.
  const value =
    na !== ''
      ? `CASE WHEN ${isMissing} THEN NULL ELSE ${own} END`
      : rule.type === 'string'
        ? `nullif(${column}, '')`
        : own
  // The expressions of what is missing are looked at only where there is no value: they cost more than reading it.
  const raw =
    rule.type === 'string'
      ? value
      : `CASE WHEN ${value} IS NOT NULL THEN ${column} WHEN ${isMissing} THEN NULL ELSE ${column} END`
  return { value, raw, mayMistype: rule.type !== 'string' }
}

/** A cell that is not missing, as a value; null where it is none of the type. */
function cell(type: ColumnRule['type'], column: string): string {
  const value = {
    // DuckDB reads separators (1_000) and nothing else beyond the grammar; NaN is missing.
    number: `CASE WHEN contains(${column}, '_') THEN NULL ELSE nullif(TRY_CAST(${column} AS DOUBLE), 'NaN'::DOUBLE) END`,
    integer: '',
    bigint: digitsSql(column),
    boolean: `CASE WHEN ${isOneOf(column, truths)} THEN true WHEN ${isOneOf(column, untruths)} THEN false END`,
    string: column,
    timestamp: timeSql(column),
  }
  return value[type === 'integer' ? 'number' : type]
}

const isOneOf = (column: string, words: readonly string[]): string =>
  matches(column, `(?i)(${words.join('|').replaceAll('.', '[.]')})`)
const digitsSql = (column: string): string =>
  `CASE WHEN ${matches(column, digits)} THEN TRY_CAST(trim(${column}, ${text(' \t\n\v\f\r')}) AS HUGEINT)::VARCHAR END`

const plainTime = '[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])?'

/** A text of the grammar as a TIMESTAMP in UTC. */
function timeSql(column: string): string {
  const trimmed = `upper(trim(${column}, ${text(' \t\n\v\f\r')}))`
  // DuckDB wants seconds where there is a zone, and no space before it.
  const close = `regexp_replace(${trimmed}, ' (Z|UTC|[+-][0-9:]+)$', '\\1')`
  const withSeconds = `regexp_replace(regexp_replace(${close}, 'UTC$', 'Z'), '^(.{10}[T ][0-9]{2}:[0-9]{2})($|[Z+-])', '\\1:00\\2')`
  // Milliseconds are what columns hold: digits past them are cut off, not rounded.
  const full = `regexp_replace(${withSeconds}, '([.][0-9]{3})[0-9]+', '\\1')`
  const whole = `TRY_CAST(${trimmed} AS BIGINT)`
  // Most times are written plainly.
  const plain = `length(${column}) IN (10, 19) AND regexp_full_match(${column}, ${text(plainTime)})`
  return `CASE WHEN ${plain} THEN TRY_CAST(${column} AS TIMESTAMP) WHEN ${matches(column, time)} THEN TRY_CAST(${full} AS TIMESTAMPTZ)::TIMESTAMP WHEN ${matches(column, epochText)} THEN ${epochSql(whole)} END`
}

const epochSql = (ms: string): string =>
  `CASE WHEN abs(${ms}) < ${epochMs.below} AND NOT (abs(${ms}) >= ${epochMs.secondsFrom} AND abs(${ms}) < ${epochMs.secondsBelow}) THEN make_timestamp_ms(${ms}::BIGINT) END`

function typed({ type }: ColumnRule, column: string, own: string): SqlColumn {
  const asIs = (value: string, mayMistype = false): SqlColumn => ({ value, raw: column, mayMistype })
  const isFloat = own === 'DOUBLE' || own === 'FLOAT'
  switch (type) {
    case 'number':
    case 'integer': {
      const value = own === 'DOUBLE' ? column : `${column}::DOUBLE`
      return isFloat
        ? {
            value: `CASE WHEN isnan(${column}) THEN NULL ELSE ${value} END`,
            raw: `CASE WHEN isnan(${column}) THEN NULL ELSE ${column} END`,
            mayMistype: false,
          }
        : asIs(value)
    }
    case 'bigint': {
      if (own === 'VARCHAR') return asIs(digitsSql(column), true)
      if (!isFloat) return asIs(`${column}::VARCHAR`)
      const isWhole = `${column} = trunc(${column}) AND abs(${column}) <= ${Number.MAX_SAFE_INTEGER}`
      return {
        value: `CASE WHEN ${isWhole} THEN TRY_CAST(${column} AS BIGINT)::VARCHAR END`,
        raw: `CASE WHEN isnan(${column}) THEN NULL ELSE ${column} END`,
        mayMistype: true,
      }
    }
    case 'boolean':
      return asIs(`${column}::BOOLEAN`)
    case 'string':
      return asIs(`${column}::VARCHAR`)
    case 'timestamp':
      return own === 'DATE' || own === ''
        ? asIs(`${column}::TIMESTAMP`)
        : asIs(`CASE WHEN isfinite(${column}::TIMESTAMP) THEN ${column}::TIMESTAMP END`, true)
  }
}

function json({ type }: ColumnRule, column: string): SqlColumn {
  const said = `(${column}->>'$')`
  const is = (...types: string[]): string => `json_type(${column}) IN (${types.map(text).join(', ')})`
  const numbers = ['DOUBLE', 'UBIGINT', 'BIGINT', 'HUGEINT', 'UHUGEINT']
  const asNumber = `TRY_CAST(${said} AS DOUBLE)`
  const isNan = `(${is('DOUBLE')} AND isnan(${asNumber}))`
  const isSafe = `${asNumber} = trunc(${asNumber}) AND abs(${asNumber}) <= ${Number.MAX_SAFE_INTEGER}`
  const value: Record<ColumnRule['type'], string> = {
    number: `CASE WHEN ${is(...numbers)} AND NOT isnan(${asNumber}) THEN ${asNumber} END`,
    integer: `CASE WHEN ${is(...numbers)} AND NOT isnan(${asNumber}) THEN ${asNumber} END`,
    bigint: `CASE WHEN ${is('VARCHAR')} THEN ${digitsSql(said)} WHEN ${is(...numbers)} AND ${isSafe} THEN TRY_CAST(${asNumber} AS BIGINT)::VARCHAR END`,
    boolean: `CASE WHEN ${is('BOOLEAN')} THEN ${said} = 'true' END`,
    string: `CASE WHEN ${is('VARCHAR')} THEN ${said} END`,
    timestamp: `CASE WHEN ${is('VARCHAR')} THEN ${timeSql(said)} WHEN ${is(...numbers)} AND ${isSafe} THEN ${epochSql(asNumber)} END`,
  }
  return {
    value: value[type],
    raw: `CASE WHEN json_type(${column}) = 'NULL' OR ${isNan} THEN NULL ELSE ${said} END`,
    mayMistype: true,
  }
}

/**
 * SQL that is true for a value that breaks a rule: of numbers, times and booleans. Texts are checked by `check.ts`,
 * each once.
 */
export const broken: {
  readonly [Kind in RuleKind]?: (
    rule: RuleOf<Kind>,
    column: string,
    literal: (value: number | string) => string,
  ) => string
} = {
  finite: (_, column) => `NOT isfinite(${column})`,
  whole: (_, column) => `${column} <> trunc(${column})`,
  safe: (_, column) => `abs(${column}) > ${Number.MAX_SAFE_INTEGER}`,
  minimum: ({ value }, column, literal) => `${column} < ${literal(value)}`,
  exclusiveMinimum: ({ value }, column, literal) => `${column} <= ${literal(value)}`,
  maximum: ({ value }, column, literal) => `${column} > ${literal(value)}`,
  exclusiveMaximum: ({ value }, column, literal) => `${column} >= ${literal(value)}`,
  multipleOf: ({ value }, column, literal) => {
    if (typeof value === 'string') return `${column} % ${literal(value)} <> 0`
    const ratio = `(${column} / ${literal(value)})`
    return `abs(${ratio} - round(${ratio})) >= ${double(4 * Number.EPSILON)} * greatest(abs(${ratio}), 1)`
  },
  oneOf: ({ values }, column, literal) =>
    `${column} NOT IN (${values.map((value) => (typeof value === 'boolean' ? String(value) : literal(value))).join(', ')})`,
}

const textKinds: readonly RuleKind[] = ['minLength', 'maxLength', 'pattern', 'format', 'oneOf']

/** Whether a rule is checked once a text, by `check.ts`. */
export const isTextRule = (rule: Rule, column: ColumnRule): boolean => isText(column) && textKinds.includes(rule.kind)

/**
 * SQL that is true for a row whose value breaks a rule that is no text rule.
 * @param column the value's, as `sqlColumn` reads it
 */
export function brokenSql(rule: Rule, { type }: ColumnRule, column: string): string {
  const render = broken[rule.kind] as
    | ((rule: Rule, column: string, literal: (value: number | string) => string) => string)
    | undefined
  if (render === undefined) throw new Error(`the rule ${rule.kind} is none of a ${type}`)
  if (type === 'bigint') return render(rule, `${column}::HUGEINT`, (value) => `${text(String(value))}::HUGEINT`)
  if (type === 'timestamp') {
    if (rule.kind === 'finite') return 'false'
    return render(rule, `epoch_ms(${column})`, String)
  }
  return render(rule, column, (value) => double(value as number))
}

import { Broken, valueReader } from '../definition/contract/read.ts'
import { type ColumnRule, isText, type RowSchema } from '../formats/row-schema.ts'
import { seededRandom } from '../stats/random.ts'

/** A row as clients send it. */
export type Row = Readonly<Record<string, unknown>>

/** Of a value, before one that breaks the contract is taken: so do most of the rows then. */
const mostDraws = 100
const day = 86_400_000
/** Times come from the years 2000 to 2029 where the contract does not say which there are: milliseconds since 1970. */
const times = [Date.UTC(2000, 0, 1), Date.UTC(2029, 11, 31)] as const

/**
 * Rows made up from a contract: they show what a model answers, and hold nothing of the data that it was trained on.
 * Most of them keep the contract; patterns are met only by the texts that are given.
 * @param texts values that columns of text may have, where the contract does not name theirs
 */
export function* madeUpRows(schema: RowSchema, texts: readonly string[], seed = 1): Generator<Row> {
  const next = seededRandom(seed)
  const values = schema.map((rule) => valueMaker(rule, texts, next))
  for (;;) yield Object.fromEntries(schema.map(({ name }, i) => [name, values[i]?.()]))
}

function valueMaker(rule: ColumnRule, texts: readonly string[], next: () => number): () => unknown {
  const present = presentValue(rule, texts, next)
  const read = valueReader(rule)
  /** Limits that are excluded, and what rounding leads past them: drawn again. */
  const kept = (): unknown => {
    let value = present()
    for (let tries = 1; tries < mostDraws && read(value) instanceof Broken; tries++) value = present()
    return value
  }
  return () => (rule.nullable && next() % 6 === 0 ? null : kept())
}

function presentValue(rule: ColumnRule, texts: readonly string[], next: () => number): () => unknown {
  const oneOf = (values: readonly unknown[]): unknown => values[next() % values.length]
  if (rule.enum !== undefined) return () => oneOf(rule.enum as readonly unknown[])
  if (rule.type === 'boolean') return () => next() % 2 === 0
  if (isText(rule) && rule.type === 'string') return () => oneOf(texts)
  const [least, most] = limitsOf(rule)
  const step = Number(rule.multipleOf ?? (rule.type === 'number' ? 0 : 1))
  const number = (): number => {
    // Small numbers and round ones are likelier than their share of the range: trees part them more often.
    const share = next() / 2 ** 32
    const value = least + (most - least) * (next() % 2 === 0 ? share : share ** 4)
    return step === 0 ? value : Math.round(value / step) * step
  }
  if (rule.type === 'timestamp') return () => (next() % 2 === 0 ? number() : Math.round(number() / day) * day)
  return rule.type === 'bigint' ? () => String(Math.round(number())) : number
}

/** Between which numbers a column's values are drawn. */
function limitsOf(rule: ColumnRule): readonly [number, number] {
  const [from, to] = rule.type === 'timestamp' ? times : [-1_000, 1_000]
  const low = rule.minimum ?? rule.exclusiveMinimum
  const high = rule.maximum ?? rule.exclusiveMaximum
  const least = low === undefined ? (high === undefined ? from : Math.min(from, Number(high) - 1_000)) : Number(low)
  const most = high === undefined ? Math.max(to, least + 1_000) : Number(high)
  return [least, most]
}

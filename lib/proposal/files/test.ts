import { type Examples, examplesOf } from '../examples.ts'
import type { Proposal, ProposedColumn } from '../propose.ts'
import type { Template } from '../templates.ts'
import { keyOf, literal } from '../words.ts'

/** `pipeline.test.ts`: what the features are of some rows, and the pipeline from contract to gates on made-up rows. */
export function testFile(proposal: Proposal, template: Template): string {
  const { name, target, columns } = proposal
  const examples = examplesOf(proposal)
  const rows = [...examples.columns.values()][0]?.length ?? 0
  const inWords = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'][rows] ?? rows
  const targeted = target.positive === undefined ? '' : targetTest(proposal)
  const gate = target.task === 'binary' ? 'auc' : target.task === 'regression' ? 'r2' : 'accuracy'
  const patience = template === 'python' ? ', 600_000' : ', 120_000'
  const unknown = columns.find(({ role, profile }) => role === 'feature' && profile.reading.kind !== 'text')
  return `import { tryPipeline } from 'slipway/testing'
import { describe, expect, it } from 'vitest'
import { features${target.positive === undefined ? '' : ', target'} } from './features.ts'
import pipeline from './pipeline.ts'
import rows from './rows.json' with { type: 'json' }

describe(${literal(name)}, () => {
  it('shows the model what it should see of ${inWords} rows', () => {
    const seen = features({
${entries(
  examples.columns,
  ({ profile }) => keyOf(profile.name),
  (column) => column,
)}
    })
    expect(seen).toEqual({
${featureEntries(examples)}
    })
  })
${targeted}
  it('goes from made-up rows through contract, split, features, training and package to its gates', async () => {
    const { steps, gates } = await tryPipeline(pipeline, rows)
    expect(steps.find(({ kind }) => kind === 'validate')?.rows).toBe(rows.length)
    expect(gates.map(({ metric }) => metric)).toContain('${gate}')
  }${patience})
${unknown === undefined ? '' : refusal(unknown)}})
`
}

/** A broken row is refused by the contract: of the first column that can be broken. */
const refusal = ({ profile, convert }: ProposedColumn): string =>
  convert !== undefined
    ? ''
    : `
  it('refuses rows that break its contract', async () => {
    const broken = rows.map((row) => ({ ...row, ${keyOf(profile.name)}: 'something else' }))
    await expect(tryPipeline(pipeline, broken)).rejects.toMatchObject({ code: 'DATA_CONTRACT' })
  }, 120_000)
`

function entries<Key>(
  values: ReadonlyMap<Key, readonly (number | string)[]>,
  nameOf: (key: Key) => string,
  columnOf: (key: Key) => ProposedColumn,
): string {
  return [...values].map(([key, list]) => `      ${nameOf(key)}: ${columnLiteral(columnOf(key), list)},`).join('\n')
}

function featureEntries({ features }: Examples): string {
  return [...features]
    .map(([{ name, column, made }, list]) =>
      made === 'as it is'
        ? `      ${keyOf(name)}: ${columnLiteral(column, list)},`
        : `      ${name}: Float32Array.of(${list.join(', ')}),`,
    )
    .join('\n')
}

/** A column as feature functions see it. */
function columnLiteral({ profile, nullable }: ProposedColumn, values: readonly (number | string)[]): string {
  const { kind } = profile.reading
  if (kind === 'time')
    return `Float64Array.of(${values.map((ms) => `Date.parse(${literal(timeText(Number(ms)))})`).join(', ')})`
  if (kind === 'number') return `Float64Array.of(${values.join(', ')})`
  if (kind === 'boolean') return `${nullable ? 'Float64Array' : 'Uint8Array'}.of(${values.join(', ')})`
  return `[${values.map((text) => literal(String(text))).join(', ')}]`
}

const timeText = (ms: number): string => new Date(ms).toISOString().replace(/T00:00:00\.000Z$/, '')

function targetTest({ target }: Proposal): string {
  const other = target.classes.find((text) => text !== target.positive) as string
  const isNumber = target.column.reading.kind === 'number'
  const value = (text: string): string => (isNumber ? String(Number(text)) : literal(text))
  const list = [target.positive as string, other].map(value).join(', ')
  return `
  it('predicts ${inQuotes(target.positive as string)}', () => {
    expect(target(${isNumber ? `Float64Array.of(${list})` : `[${list}]`})).toEqual(Uint8Array.of(1, 0))
  })
`
}

const inQuotes = (text: string): string => literal(text).slice(1, -1)

import { featuresOf, type ProposedFeature } from '../examples.ts'
import type { Proposal } from '../propose.ts'
import { keyOf, literal } from '../words.ts'
import { commentOf } from './schema.ts'

const ofTime: Readonly<Record<Exclude<ProposedFeature['made'], 'as it is'>, string>> = {
  weekday: 'new Date(ms).getUTCDay()',
  month: 'new Date(ms).getUTCMonth() + 1',
  hour: 'new Date(ms).getUTCHours()',
}

/** `features.ts`: what the model sees of a row, and what is predicted where that takes a function. */
export function featuresFile(proposal: Proposal): string {
  const features = featuresOf(proposal)
  const used = [...new Set(features.map(({ column }) => column))]
  const names = used.map(({ profile, variable }) =>
    profile.name === variable ? variable : `${keyOf(profile.name)}: ${variable}`,
  )
  const picked = used.map(({ profile }) => literal(profile.name)).join(' | ')
  const made = features.map(({ name, column, made }) =>
    made === 'as it is'
      ? `    ${name === column.variable ? name : `${keyOf(name)}: ${column.variable}`},`
      : `    ${name}: Float32Array.from(${column.variable}, (ms) => ${ofTime[made]}),`,
  )
  const list = used.length > 6 ? `{\n  ${names.join(',\n  ')},\n}` : `{ ${names.join(', ')} }`
  return `import type { ColumnsOf } from 'slipway'
import type { z } from 'zod'
import type { Row } from './schema.ts'

type Columns = ColumnsOf<z.infer<typeof Row>>

/**
 * What the model sees of a row: whole columns in, columns of the same length out. Numbers and times (ms since 1970) are
 * Float64Array, texts string[]; a missing number is NaN, a missing text null. Make ratios, differences, logarithms
 * here: the function travels with the model, and requests go through it too.
 */
export function features(${list}: Pick<Columns, ${picked}>) {
  return {
${made.join('\n')}
  }
}
${targetFunction(proposal)}`
}

/** The function that makes zeros and ones of two other values; nothing where the column is the target as it is. */
function targetFunction({ target }: Proposal): string {
  const { column, positive } = target
  if (positive === undefined) return ''
  const isNumber = column.reading.kind === 'number'
  const value = isNumber ? String(Number(positive)) : literal(positive)
  return `
${commentOf(`What is predicted: 1 where ${JSON.stringify(column.name)} is ${value}, else 0.`).join('\n')}
export function target(values: Columns[${literal(column.name)}]) {
  return Uint8Array.from(values as ArrayLike<unknown>, (value) => (value === ${value} ? 1 : 0))
}
`
}

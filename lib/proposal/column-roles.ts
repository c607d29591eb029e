import type { ColumnProfile, Relation, TableProfile } from './profile.ts'
import { isFreeText, isGroup, isIdentifier } from './roles.ts'
import type { ProposedSplit } from './split.ts'
import type { ProposedTarget } from './target.ts'

/** What a column is for, and why. */
export interface Role {
  readonly role: 'target' | 'feature' | 'split' | 'left out'
  readonly why: string
}

/** A column with few values, each in so many rows on average, proves something by going along with the target. */
const [fewValues, rowsEach] = [20, 5]

/** What each column of a table is for. */
export function rolesOf(
  table: TableProfile,
  {
    target,
    split,
    taken,
  }: { readonly target: ProposedTarget; readonly split: ProposedSplit; readonly taken: readonly string[] | undefined },
  relations: readonly Relation[],
): Map<ColumnProfile, Role> {
  const related = new Map(relations.map((relation) => [relation.name, relation]))
  return new Map(
    table.columns.map((column): [ColumnProfile, Role] => {
      if (column === target.column) return [column, { role: 'target', why: target.why }]
      if (column === split.column) return [column, { role: 'split', why: split.why }]
      if (taken?.includes(column.name)) return [column, { role: 'feature', why: '' }]
      if (taken !== undefined) return [column, { role: 'left out', why: 'the model does not take it' }]
      const problem = problemOf(column, table) ?? leakOf(related.get(column.name), table, target)
      return [column, problem === undefined ? { role: 'feature', why: '' } : { role: 'left out', why: problem }]
    }),
  )
}

/** Why a column says nothing by itself. */
function problemOf(column: ColumnProfile, table: TableProfile): string | undefined {
  const { name, reading, distinct, present, values, max, min } = column
  if (name === '__proto__') return 'JavaScript gives this name a meaning of its own; rename it in the file'
  if (present === 0) return 'it has no value in any row'
  if (reading.kind === 'nested') return 'it holds lists or objects, or values of several types'
  if (distinct < 2) return `it is ${JSON.stringify(values[0]?.[0] ?? '')} in every row`
  if (present < table.looked * 0.02) return `it is missing in all rows but ${present}`
  if (isIdentifier(column, table)) return 'an identifier, another value in every row: a model would learn rows by heart'
  if (isGroup(column, table)) return 'it names who or what a row is of, and new ones will come'
  if (isFreeText(column)) return `a text with ${distinct.toLocaleString('en')} different values: no categories`
  if (reading.kind === 'number' && Math.max(Math.abs(min ?? 0), Math.abs(max ?? 0)) > 2 ** 53)
    return 'its numbers have more digits than a number of JavaScript keeps'
  return undefined
}

/** Why a column would tell the target instead of helping to predict it, or says nothing that another does not say. */
function leakOf(relation: Relation | undefined, table: TableProfile, target: ProposedTarget): string | undefined {
  if (relation === undefined) return undefined
  const { groups, pure, correlation, sameAs, missingTells } = relation
  const aim = target.column.name
  if (Math.abs(correlation) > 0.9999) return `it is ${aim} again, in other units at most: nobody knows it before`
  const isClass = target.task !== 'regression'
  if (isClass && groups >= 2 && groups <= fewValues && pure === groups && table.looked >= groups * rowsEach)
    return `it tells ${aim} in every row: it is ${aim} under another name, or known only afterwards`
  if (isClass && missingTells) return `it is there for one ${aim} only, so it is known only afterwards`
  if (sameAs !== undefined) return `the same as ${sameAs} in every row`
  return undefined
}

import { SlipwayError } from '../../formats/errors.ts'
import type { RowSchema } from '../../formats/row-schema.ts'
import { Name } from '../../formats/step-id.ts'
import type { Builder } from '../builder.ts'
import type { ViewRows } from '../derived.ts'
import { add, nextId, type Place } from '../recording.ts'
import { type TableOptions, table } from './derived.ts'

export const feature = (at: Place): Builder['feature'] => {
  const make = (
    name: string,
    { key: named, known, ...made }: TableOptions & ViewRows<Record<string, Date>, string>,
  ) => {
    const { error } = Name.safeParse(name)
    if (error !== undefined) throw invalid(`a view cannot be called ${JSON.stringify(name)}`, error.issues[0]?.message)
    if (at.recording.steps.some((step) => step.kind === 'publish' && step.view === name))
      throw invalid(
        `pipeline "${at.recording.pipeline}" publishes view "${name}" twice`,
        at.branch === '' ? 'leave one p.feature out' : 'put the item of the branch into its name',
      )
    const { id, schema } = table(at)(name, made as never)
    const time = known ?? null
    const key = typeof named === 'string' ? [named] : [...(named ?? [])]
    requireKey(name, schema, key, time)
    const published = add(at.recording, {
      id: nextId(at, 'publish'),
      kind: 'publish',
      table: id,
      view: name,
      schema,
      key,
      known: time,
    })
    return { kind: 'table', id: published, name, schema, key, known: time }
  }
  return make as Builder['feature']
}

/** Columns that there are, each once; `known` holds times. @throws SlipwayError DEFINITION_INVALID */
function requireKey(view: string, schema: RowSchema, key: readonly string[], known: string | null): void {
  const columns = schema.map(({ name }) => name).join(', ')
  if (key.length === 0) throw invalid(`view "${view}" has no key`, `say key: …, of ${columns}`)
  for (const [i, column] of key.entries()) {
    if (!schema.some(({ name }) => name === column))
      throw invalid(`view "${view}": its key "${column}" is no column of its schema`, `it has ${columns}`)
    if (key.indexOf(column) < i) throw invalid(`view "${view}": its key names "${column}" twice`, 'name it once')
    if (column === known) throw invalid(`view "${view}": "${column}" is a key and a time`, 'leave it out of key')
  }
  const times = schema.filter(({ type }) => type === 'timestamp').map(({ name }) => name)
  if (known !== null && !times.includes(known))
    throw invalid(
      `view "${view}": known "${known}" is no column of its schema that holds times`,
      `there ${times.length === 0 ? 'is none' : `are ${times.join(', ')}`}`,
    )
}

const invalid = (what: string, next?: string): SlipwayError => new SlipwayError('DEFINITION_INVALID', what, { next })

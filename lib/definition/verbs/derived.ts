import type { z } from 'zod'
import type { UserFunction } from '../../formats/columns.ts'
import { SlipwayError } from '../../formats/errors.ts'
import type { RowSchema } from '../../formats/row-schema.ts'
import type { AsOf, OwnOutput } from '../../formats/step-kinds/derived-steps.ts'
import { recordedId } from '../../formats/step-names.ts'
import type { Builder } from '../builder.ts'
import { rowSchemaOf } from '../contract/from-zod.ts'
import type { Tables } from '../derived.ts'
import { durationMs } from '../duration.ts'
import type { AnyTable } from '../handles.ts'
import { stepProgram } from '../processing.ts'
import { add, idIn, nextId, type Place } from '../recording.ts'

/** What both forms of a table say. */
export interface TableOptions {
  readonly from: Tables
  readonly schema: z.ZodObject
  readonly sql?: string
  readonly run?: UserFunction
}

export const table = (at: Place): Builder['table'] => {
  const make = (name: string, { from, schema, sql, run }: TableOptions) => {
    if ((sql === undefined) === (run === undefined))
      throw invalid(
        `table "${name}" is made by ${sql === undefined ? 'nothing' : 'both sql and run'}`,
        'give it one of sql and run',
      )
    const isList = Array.isArray(from)
    const named = (isList ? from.map((each: AnyTable) => [each.name, each]) : Object.entries(from)) as [
      string,
      AnyTable,
    ][]
    requireNames(
      `the tables that table "${name}" is made of`,
      named.map(([called]) => called),
    )
    const columns = rowSchemaOf(schema)
    const id = add(at.recording, {
      id: idIn(at, recordedId('table', name)),
      kind: 'table',
      from: Object.fromEntries(named.map(([called, each]) => [called, each.id])),
      ...(sql === undefined ? {} : { sql }),
      ...(run === undefined ? {} : { run: at.recording.codeOf(run, 'run') }),
      ...(run !== undefined && isList ? { order: named.map(([called]) => called) } : {}),
      schema: columns,
    })
    return { kind: 'table', id, name, schema: columns }
  }
  return make as Builder['table']
}

export const join =
  (at: Place): Builder['join'] =>
  (left, right, { on, asOf, prefix }) => {
    const stands: string = prefix ?? ''
    const {
      at: asked,
      event,
      known,
      within,
    } = asOf as Omit<AsOf, 'known' | 'within'> & {
      known?: string | null
      within?: string
    }
    if (known === undefined)
      throw invalid(
        `p.join of ${left.name} and ${right.name} does not say when a row of ${right.name} was known`,
        `say asOf: { …, known: column }, of ${timesOf(right).join(', ')}, or known: null where it was known as it happened`,
      )
    for (const [which, column] of [
      [left, asked],
      [right, event],
      [right, known],
    ] as const)
      if (column !== null && !timesOf(which).includes(column))
        throw invalid(
          `p.join: "${column}" is no column of ${which.name} that holds times`,
          `there ${timesOf(which).length === 0 ? 'is none' : `are ${timesOf(which).join(', ')}`}`,
        )
    requireKeys(left, right, on, [event, known])
    const schema = joinedSchema(left, right, on, stands)
    const id = add(at.recording, {
      id: nextId(at, 'join'),
      kind: 'join',
      left: left.id,
      right: right.id,
      on: [...on],
      asOf: { at: asked, event, known, ...(within !== undefined && { within: durationMs(within) }) },
      prefix: stands,
      schema,
    })
    return { kind: 'table', id, name: left.name, schema }
  }

export const step =
  (at: Place): Builder['step'] =>
  (name, { inputs, outputs, run }) => {
    requireNames(`the outputs of step "${name}"`, Object.keys(outputs))
    const read = Object.entries(inputs).map(([called, handle]): [string, string] => [
      called,
      'part' in handle ? `${handle.id}.${handle.part}` : handle.id,
    ])
    const id = idIn(at, recordedId('step', name))
    const made = Object.entries(outputs).map(([called, output]) => [
      called,
      typeof output === 'string' ? mediaOutput(name, called, output) : { schema: rowSchemaOf(output) },
    ]) as [string, OwnOutput][]
    add(at.recording, {
      id,
      kind: 'step',
      inputs: Object.fromEntries(read),
      ...(typeof run === 'object'
        ? { program: stepProgram(name, run, Object.keys(inputs), Object.keys(outputs)) }
        : { run: at.recording.codeOf(run as UserFunction, 'run') }),
      outputs: Object.fromEntries(made),
    })
    const handles = made.map(([called, output]) => {
      const handle = { id: `${id}.${called}`, name: called }
      return [
        called,
        'schema' in output ? { ...handle, kind: 'table', schema: output.schema } : { ...handle, kind: 'artifact' },
      ]
    })
    return Object.fromEntries(handles)
  }

function mediaOutput(step: string, output: string, mediaType: string): OwnOutput {
  if (/^[\w.+-]+\/[\w.+-]+$/.test(mediaType)) return { mediaType }
  throw invalid(
    `output "${output}" of step "${step}" is of no media type: "${mediaType}"`,
    "say 'text/html', 'application/json' or another one",
  )
}

/**
 * Some names, each once, whatever the case: SQL does not tell `Orders` from `orders`. @throws SlipwayError
 * DEFINITION_INVALID
 */
function requireNames(what: string, names: readonly string[]): void {
  if (names.length === 0) throw invalid(`there are none among ${what}`, 'name one at least')
  for (const [i, name] of names.entries()) {
    if (!/^[A-Za-z][A-Za-z0-9_-]{0,62}$/.test(name))
      throw invalid(`among ${what} is "${name}"`, 'names here are letters, digits, dashes and underscores, at most 63')
    if (names.slice(0, i).some((other) => other.toLowerCase() === name.toLowerCase()))
      throw invalid(`among ${what} is "${name}" twice`, 'give each a name of its own: from: { one: …, other: … }')
  }
}

const timesOf = ({ schema }: AnyTable): string[] =>
  schema.filter(({ type }) => type === 'timestamp').map(({ name }) => name)

/** Keys that both tables have, of one type, and that are none of the times. @throws SlipwayError DEFINITION_INVALID */
function requireKeys(left: AnyTable, right: AnyTable, on: readonly string[], times: readonly (string | null)[]): void {
  for (const key of on) {
    const [own, other] = [left, right].map(({ schema }) => schema.find(({ name }) => name === key))
    const lacking = own === undefined ? left : right
    if (own === undefined || other === undefined)
      throw invalid(
        `p.join: ${lacking.name} has no column "${key}"`,
        `it has ${lacking.schema.map(({ name }) => name).join(', ')}`,
      )
    if (own.type !== other.type)
      throw invalid(
        `p.join: "${key}" is ${own.type} in ${left.name} and ${other.type} in ${right.name}`,
        'declare it the same in both schemas',
      )
    if (times.includes(key)) throw invalid(`p.join: "${key}" is a key and a time`, 'leave it out of on')
  }
}

/** The columns of a join. @throws SlipwayError DEFINITION_INVALID where two have one name */
function joinedSchema(left: AnyTable, right: AnyTable, on: readonly string[], prefix: string): RowSchema {
  const added = right.schema
    .filter(({ name }) => !on.includes(name))
    .map((rule) => ({ ...rule, name: `${prefix}${rule.name}`, nullable: true }))
  const taken = new Set(left.schema.map(({ name }) => name.toLowerCase()))
  const twice = added.find(({ name }) => taken.has(name.toLowerCase()))
  if (twice === undefined) return [...left.schema, ...added]
  throw invalid(
    `p.join: ${left.name} and ${right.name} both have a column "${twice.name}"`,
    `say prefix: '${right.name}_', which stands before the columns of ${right.name}`,
  )
}

const invalid = (what: string, next: string): SlipwayError => new SlipwayError('DEFINITION_INVALID', what, { next })

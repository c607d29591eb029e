import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadFunction } from '../code/load.ts'
import type { LocalCode } from '../code/local-code.ts'
import { inWords, withUserFunction } from '../code/user-fault.ts'
import type { LocalTable } from '../data/table.ts'
import { wholeColumns } from '../data/whole-columns.ts'
import { writeColumns } from '../data/write-columns.ts'
import { canonicalJson } from '../formats/canonical.ts'
import type { UserFunction } from '../formats/columns.ts'
import { SlipwayError } from '../formats/errors.ts'
import type { RowSchema } from '../formats/row-schema.ts'
import type { OwnOutput } from '../formats/step-kinds/derived-steps.ts'
import type { Progress } from './step-work.ts'

/** Something that a function reads: a table, or a file as it is. */
export type LocalInput = { readonly table: LocalTable } | { readonly file: string; readonly mediaType: string }

/** A function of the user that makes a table of tables. */
export interface TableOrder {
  readonly name: string
  readonly code: LocalCode
  /** Packages that it takes from its host, with their versions. */
  readonly host: Readonly<Record<string, string>>
  readonly tables: Readonly<Record<string, LocalTable>>
  /** Of a function that takes tables one by one: their names in that order. */
  readonly order: readonly string[] | undefined
  readonly schema: RowSchema
  /** Where the table is written, parquet. */
  readonly file: string
}

/** A function of the user over artifacts. */
export interface OwnStepOrder {
  readonly name: string
  readonly code: LocalCode
  /** Packages that it takes from its host, with their versions. */
  readonly host: Readonly<Record<string, string>>
  readonly inputs: Readonly<Record<string, LocalInput>>
  readonly outputs: Readonly<Record<string, OwnOutput>>
  readonly folder: string
}

/** What a step of one's own made: the files of its outputs in its folder, with the rows of those that are tables. */
export interface OwnStepMade {
  readonly outputs: Readonly<Record<string, { readonly file: string; readonly rows?: number }>>
  readonly facts: Readonly<Record<string, unknown>>
}

/** Facts are for people and for records, not for data. Characters of their JSON. */
const mostFacts = 10_000

/**
 * Makes a table by a function of the user, over whole columns.
 * @returns its rows
 * @throws SlipwayError STEP_FAILED, TABLE_SCHEMA
 */
export async function runTable(
  { name, code, tables, order, schema, file }: TableOrder,
  onProgress: Progress,
): Promise<number> {
  onProgress(`running ${code.name}`, 0.1)
  const read: Record<string, unknown> = {}
  for (const [table, local] of Object.entries(tables)) read[table] = await wholeColumns(local)
  const given = order === undefined ? [read] : order.map((table) => read[table])
  const made = await call(code, `table "${name}"`, given)
  onProgress('writing the table', 0.8)
  return writeColumns(made, schema, `table "${name}"`, file)
}

/**
 * Runs a step of one's own: a function from tables, as whole columns, and other artifacts, as bytes, to the outputs
 * that the step declares.
 * @throws SlipwayError STEP_FAILED, TABLE_SCHEMA
 */
export async function runOwnStep(
  { name, code, inputs, outputs, folder }: OwnStepOrder,
  onProgress: Progress,
): Promise<OwnStepMade> {
  onProgress(`running ${code.name}`, 0.1)
  const read: Record<string, unknown> = {}
  for (const [input, local] of Object.entries(inputs)) read[input] = await opened(local)
  const what = `step "${name}"`
  const made = (await call(code, what, [read])) as { outputs?: Record<string, unknown>; facts?: unknown } | undefined
  requireOutputs(what, made?.outputs, Object.keys(outputs))
  const facts = requireFacts(what, made?.facts ?? {})
  onProgress('writing outputs', 0.8)
  const written: Record<string, { file: string; rows?: number }> = {}
  for (const [output, declared] of Object.entries(outputs)) {
    const content = made?.outputs?.[output]
    const path = join(folder, output)
    if ('schema' in declared) {
      const rows = await writeColumns(content, declared.schema, `"${output}" of ${what}`, path)
      written[output] = { file: output, rows }
      continue
    }
    if (typeof content !== 'string' && !(content instanceof Uint8Array))
      throw failed(`${what} makes "${output}" of ${typeof content}`, 'return it as a string or a Uint8Array')
    await writeFile(path, content)
    written[output] = { file: output }
  }
  return { outputs: written, facts }
}

async function opened(input: LocalInput): Promise<unknown> {
  if ('table' in input) return wholeColumns(input.table)
  const bytes = new Uint8Array(await readFile(input.file))
  return { mediaType: input.mediaType, bytes, text: () => new TextDecoder().decode(bytes) }
}

/** Calls a fresh instance of the user's function. @throws SlipwayError STEP_FAILED */
async function call(code: LocalCode, what: string, given: readonly unknown[]): Promise<unknown> {
  const userFunction: UserFunction = loadFunction(await readFile(code.file, 'utf8'), code.digest)
  return withUserFunction(userFunction, 'STEP_FAILED', `${code.name} of ${what} throws`, 'mend the function', () => {
    const made = userFunction(...given)
    if (typeof (made as PromiseLike<unknown> | undefined)?.then !== 'function') return made
    throw failed(
      `${code.name} of ${what} returns a Promise`,
      'take `async` away: what it needs is there when it begins',
    )
  })
}

/** All outputs that were declared, and no others. @throws SlipwayError STEP_FAILED */
function requireOutputs(what: string, made: unknown, declared: readonly string[]): void {
  if (typeof made !== 'object' || made === null)
    throw failed(`${what} returns no outputs`, `return { outputs: { ${declared.join(', ')} } }`)
  const names = Object.keys(made)
  const missing = declared.find((name) => !names.includes(name))
  if (missing !== undefined) throw failed(`${what} does not make "${missing}"`, 'return it among the outputs')
  const extra = names.find((name) => !declared.includes(name))
  if (extra !== undefined)
    throw failed(`${what} makes "${extra}", which it does not declare`, 'declare it in outputs, or leave it out')
}

/** Facts as JSON. @throws SlipwayError STEP_FAILED */
function requireFacts(what: string, facts: unknown): Readonly<Record<string, unknown>> {
  try {
    const text = canonicalJson(facts)
    if (text.startsWith('{') && text.length <= mostFacts) return JSON.parse(text)
    throw failed(
      `the facts of ${what} are ${text.length} characters of JSON`,
      `return an object of at most ${mostFacts}`,
    )
  } catch (error) {
    if (error instanceof SlipwayError) throw error
    throw failed(
      `the facts of ${what} are no JSON: ${inWords(error)}`,
      'return numbers, texts, lists and objects of them',
    )
  }
}

const failed = (message: string, next: string): SlipwayError => new SlipwayError('STEP_FAILED', message, { next })

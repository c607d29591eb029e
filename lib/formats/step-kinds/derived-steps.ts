import { z } from 'zod'
import { CodeRef } from '../code-ref.ts'
import { RowSchema } from '../row-schema.ts'
import { ArtifactId, NamedStepId, readOf, StepId } from '../step-id.ts'
import { describeStepProgram, StepProgram, stepProgramInKey } from '../step-program.ts'
import { type Read, stepKind } from './step-kind.ts'
import { count } from './words.ts'

/** The times of a point-in-time join. */
export const AsOf = z.object({
  /** Column of the left table: when each of its rows asks. */
  at: z.string(),
  /** Column of the right table: when what a row says happened. */
  event: z.string(),
  /** Column of the right table: when that was known; null where it was known as it happened. */
  known: z.string().nullable(),
  /** How old what happened may be when it is asked for, ms; absent for any age. */
  within: z.number().positive().optional(),
})
export type AsOf = z.infer<typeof AsOf>

const readAll = (refs: Readonly<Record<string, string>>): Readonly<Record<string, Read>> =>
  Object.fromEntries(Object.entries(refs).map(([name, ref]) => [name, readOf(ref)]))
const rowsMade = ({ rows }: Readonly<Record<string, unknown>>): string => `${count(rows)} rows`

/** Makes a table of others: by SQL, or by a function of the user. */
export const table = stepKind({
  shape: z.object({
    id: NamedStepId,
    kind: z.literal('table'),
    /** What it is made of, by the names it reads it under. */
    from: z.record(z.string(), ArtifactId),
    sql: z.string().optional(),
    run: CodeRef.optional(),
    /** Of a function that takes tables one by one: their names in that order. */
    order: z.array(z.string()).optional(),
    schema: RowSchema,
  }),
  schemas: ['schema'],
  refs: ['from'],
  notInKey: ['run'],
  version: 1,
  hosts: ['@duckdb/node-api', 'v8'],
  code: ({ run }) => ({ run }),
  links: ({ from }) => ({ from }),
  reads: ({ from }) => readAll(from),
  activity: { name: 'deriveTable', within: '6h' },
  runsUserCode: true,
  isLeased: true,
  planned: ({ from, run }) => `table • ${run === undefined ? 'SQL' : run.name} over ${Object.keys(from).join(', ')}`,
  made: rowsMade,
})

/** Joins two tables in time. */
export const join = stepKind({
  shape: z.object({
    id: StepId,
    kind: z.literal('join'),
    left: ArtifactId,
    right: ArtifactId,
    on: z.array(z.string()),
    asOf: AsOf,
    /** What stands before the names of the right table's columns. */
    prefix: z.string(),
    schema: RowSchema,
  }),
  schemas: ['schema'],
  refs: ['left', 'right'],
  version: 1,
  hosts: ['@duckdb/node-api'],
  links: ({ left, right }) => ({ left, right }),
  reads: ({ left, right }) => ({ left: readOf(left), right: readOf(right) }),
  activity: { name: 'joinTables', within: '6h' },
  isLeased: true,
  planned: ({ on, asOf: { at, event, known, within } }) =>
    `join • ${on.length === 0 ? '' : `on ${on.join(', ')}, `}${event}${known === null ? '' : ` and ${known}`} by ${at}${within === undefined ? '' : `, at most ${within / 3_600_000} h old`}`,
  made: ({ rows, matched }) => `${count(rows)} rows, ${count(matched)} of them with a row of the right table`,
})

/** What a step of one's own makes: a table of a schema, or bytes of a media type. */
export const OwnOutput = z.union([z.object({ schema: RowSchema }), z.object({ mediaType: z.string() })])
export type OwnOutput = z.infer<typeof OwnOutput>

/** Runs a function or a program of the user over artifacts. */
export const step = stepKind({
  shape: z.object({
    id: NamedStepId,
    kind: z.literal('step'),
    inputs: z.record(z.string(), ArtifactId),
    /** One of the two. */
    run: CodeRef.optional(),
    program: StepProgram.optional(),
    outputs: z.record(z.string(), OwnOutput),
  }),
  refs: ['inputs'],
  notInKey: ['run'],
  inKey: ({ program }) => (program === undefined ? {} : { program: stepProgramInKey(program) }),
  version: 1,
  hosts: ['@duckdb/node-api', 'v8'],
  code: ({ run }) => ({ run }),
  links: ({ inputs }) => ({ inputs }),
  reads: ({ inputs }) => readAll(inputs),
  activity: { name: 'runOwnStep', within: '24h' },
  runsUserCode: true,
  isLeased: true,
  planned: ({ run, program, outputs }) =>
    `step • ${program === undefined ? run?.name : describeStepProgram(program)} makes ${Object.keys(outputs).join(', ')}`,
})

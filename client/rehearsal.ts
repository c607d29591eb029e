import { statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { builtFile, hostVersions } from '../lib/code/host.ts'
import { keptVerdict } from '../lib/code/kept-verdict.ts'
import { nearest } from '../lib/code/nearest.ts'
import type { PlannedPipeline } from '../lib/code/plan.ts'
import { withSourcePlace } from '../lib/code/source-map.ts'
import { errorFrom } from '../lib/code/thread-errors.ts'
import { strayFault } from '../lib/code/user-fault.ts'
import { dialectOf } from '../lib/data/local-table.ts'
import { canonicalJson } from '../lib/formats/canonical.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { Plan, StepOf } from '../lib/formats/plan.ts'
import { showDuration } from '../lib/formats/show-duration.ts'
import { nameOfStep } from '../lib/formats/step-names.ts'
import { schemaOfTable } from '../lib/formats/table-schema.ts'
import {
  type Rehearsal,
  type RehearsalOrder,
  Rehearsals,
  type RehearsedQuery,
  type RehearsedSource,
} from '../lib/jobs/rehearsal.ts'
import { digestOfJson } from '../lib/store/digest.ts'
import type { FirstFiles } from './first-files.ts'
import type { RehearsalMessage } from './rehearse-thread.ts'

/** Functions that are not done with a handful of rows after this never will be, ms. */
const patienceMs = 30_000

/** What of a snapshot's source is looked at; undefined where nothing is read for it. */
export type LookAt = (step: StepOf<'snapshot'>) => Promise<FirstFiles | undefined>

/**
 * Tries a plan on the first rows of its sources, before anything is stored.
 * @throws SlipwayError what the run would end with, with the place in the user's sources
 */
export async function rehearsePlan(
  root: string,
  { plan, bundles, models }: PlannedPipeline,
  lookAt: LookAt,
): Promise<Rehearsal[]> {
  const sources: RehearsedSource[] = []
  const passedOver: Rehearsal[] = []
  for (const step of plan.steps) {
    const first = step.kind === 'snapshot' ? await lookAt(step) : undefined
    if (step.kind !== 'snapshot' || first === undefined) continue
    const { from, files, isPart } = first
    const table = { files, format: step.format, dialect: dialectOf(step), schema: step.schema }
    if (files.length === 0) passedOver.push({ from, read: 0, broken: 0, tried: 0, passedOver: true })
    else sources.push({ from, table, isPart, ...whatFollows(plan, step) })
  }
  const code = Object.fromEntries([...bundles].map(([digest, bundle]) => [digest, bundle.code]))
  const queries = queriesOf(plan)
  const digest = digestOfJson({
    queries,
    sources: sources.map(withTimes),
    code: Object.keys(code).sort(),
    host: hostVersions(),
  })
  const { verdict } = await keptVerdict(
    { root, pipeline: plan.pipeline, check: 'rehearsal', digest },
    Rehearsals,
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'slipway-rehearsal-'))
      try {
        return await inThread({ queries, sources, code, folder, ...(models && { models }) })
      } catch (error) {
        throw await withSourcePlace(withNearest(error), (digest) => bundles.get(digest)?.sourceMap)
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
  )
  return [...verdict, ...passedOver]
}

/** The SQL of the plan's tables. */
function queriesOf(plan: Plan): RehearsedQuery[] {
  return plan.steps.flatMap((step) => {
    if (step.kind !== 'table' || step.sql === undefined) return []
    const tables = Object.entries(step.from).map(([name, id]) => [name, schemaOfTable(plan, id)])
    const query = { name: nameOfStep(step), sql: step.sql, schema: step.schema }
    return { query, tables: Object.fromEntries(tables) }
  })
}

/** A source with the times of its files: what stays the same while they do. */
function withTimes(source: RehearsedSource): unknown {
  const times = source.table.files.map((file) => statSync(typeof file === 'string' ? file : file.path).mtimeMs)
  return { ...source, times }
}

/** What a plan does with the rows of a snapshot. */
function whatFollows(plan: Plan, { id }: StepOf<'snapshot'>): Pick<RehearsedSource, 'maxBadRows' | 'trains'> {
  const isOf = (table: string): boolean => {
    const step = plan.steps.find((each) => each.id === table)
    return table === id || (step?.kind === 'validate' && isOf(step.table))
  }
  const checks = plan.steps.flatMap((step) => (step.kind === 'validate' && isOf(step.table) ? step.maxBadRows : []))
  const splits = plan.steps.flatMap((step) => (step.kind === 'split' && isOf(step.table) ? step.id : []))
  /** Trainings by all they say but their names and splits: those of a backtest see the same of a row. */
  const alike = new Map<string, StepOf<'train'>>()
  for (const step of plan.steps)
    if (step.kind === 'train' && splits.includes(step.split)) {
      const said = canonicalJson({ ...step, id: '', split: '' })
      if (!alike.has(said)) alike.set(said, step)
    }
  return {
    maxBadRows: checks.length === 0 ? null : Math.min(...checks),
    trains: [...alike.values()],
  }
}

function inThread(order: RehearsalOrder): Promise<Rehearsal[]> {
  return new Promise<Rehearsal[]>((done, fail) => {
    const thread = new Worker(builtFile('rehearse-thread'), { workerData: order })
    let timer: NodeJS.Timeout | undefined
    const end = (say: () => void): void => {
      clearTimeout(timer)
      void thread.terminate()
      say()
    }
    const tooLong = new SlipwayError(
      'FEATURES_FAILED',
      `the functions and SQL of the pipeline are not done with a handful of rows after ${showDuration(patienceMs)}`,
      { next: 'look for a loop that never ends' },
    )
    thread.on('message', (message: RehearsalMessage) => {
      if ('running' in message) timer ??= setTimeout(() => end(() => fail(tooLong)), patienceMs)
      else if ('done' in message) end(() => done(message.done))
      else end(() => fail(errorFrom(message.error)))
    })
    thread.on('error', (error) => end(() => fail(strayFault(error) ?? error)))
    thread.on('exit', (exit) => end(() => fail(new Error(`the thread of the rehearsal ended with ${exit}`))))
  })
}

/** A missing column with the one that may be meant. */
function withNearest(error: unknown): unknown {
  if (!(error instanceof SlipwayError) || error.code !== 'COLUMN_MISSING') return error
  const { column, columns } = error.facts as { column?: string; columns?: readonly string[] }
  const meant = nearest(column ?? '', columns ?? [])
  if (meant === undefined || error.facts.next !== 'correct the schema or the file') return error
  return new SlipwayError(error.code, error.message, { ...error.facts, next: `did you mean "${meant}"?` })
}

/** What was looked at, in a sentence a source. */
export function rehearsalInWords({ from, read, broken, tried, passedOver }: Rehearsal): string {
  if (passedOver === true) return `${from}: not looked at, for its first file is large and elsewhere`
  const bad = broken === 0 ? '' : `, ${broken} of them break the contract`
  const went = tried === 0 ? 'none went through the functions' : `${tried} went through the functions`
  return `${from}: the first ${read} rows were read${bad}; ${went}`
}

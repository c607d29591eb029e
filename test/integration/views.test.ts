import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rowsOf, text, withDuckDb } from '../../lib/data/duckdb.ts'
import { localTable } from '../../lib/data/local-table.ts'
import { shortDigest } from '../../lib/formats/artifact.ts'
import type { PublishedView } from '../../lib/formats/view.ts'
import { listKeys } from '../../lib/store/documents.ts'
import { readView } from '../../lib/store/views.ts'
import type { CliResult } from '../support/cli.ts'
import { openPlace, type Place } from '../support/place.ts'

/*
 * Two pipelines share a view, whose definition both import. It is published, read at points in time, edited, disagreed
 * on, and changed, by real processes.
 */
let place: Place
const sql = `SELECT passenger, landed AS as_of, loaded AS known_at,
  sum(delay) OVER (PARTITION BY passenger ORDER BY landed, loaded) AS delays FROM trips`

beforeAll(async () => {
  place = await openPlace()
  // What a passenger's trip was like is known days after it has landed, at times after the next one.
  await place.project.data(
    'data/trips.parquet',
    `SELECT 'p' || (i * 7919) % 20 AS passenger, TIMESTAMP '2024-01-01' + INTERVAL (i * 5) HOUR AS landed,
      TIMESTAMP '2024-01-01' + INTERVAL (i * 5 + (i * 31) % 700) HOUR AS loaded, ((i * 104729) % 90)::DOUBLE AS delay
      FROM range(600) t(i)`,
  )
  await place.project.data(
    'data/bookings.parquet',
    `SELECT i AS id, 'p' || (i * 31) % 25 AS passenger, TIMESTAMP '2024-01-02' + INTERVAL (i * 7) HOUR AS booked
      FROM range(400) t(i)`,
  )
  place.project.write(
    'shared/schema.ts',
    `import { z } from 'zod'
export const Trip = z.object({ passenger: z.string(), landed: z.date(), loaded: z.date(), delay: z.number() })
export const Booking = z.object({ id: z.int(), passenger: z.string(), booked: z.date() })
export const History = z.object({ passenger: z.string(), as_of: z.date(), known_at: z.date(), delays: z.number() })
export const Count = z.object({ seen: z.int() })
`,
  )
  writeDefinition('shared/history.ts', sql)
  for (const name of ['arrivals', 'refunds']) writePipeline(name)
})
afterAll(() => place?.close())

function writeDefinition(
  file: string,
  query: string,
  { more = ", known: 'known_at'", schema = 'History' }: { more?: string; schema?: string } = {},
): void {
  place.project.write(
    file,
    `import { z } from 'zod'
import { History } from './schema.ts'
export const history = { sql: \`${query}\`, schema: ${schema}, key: 'passenger'${more} } as const
`,
  )
}
function writePipeline(name: string, { view = 'history', definition = 'history' } = {}): void {
  place.project.write(
    `pipelines/${name}/pipeline.ts`,
    `import { pipeline } from 'slipway'
import { history } from '../../shared/${definition}.ts'
import { Booking, Count, Trip } from '../../shared/schema.ts'

export default pipeline('${name}', (p) => {
  const trips = p.snapshot('trips', { from: 'data/trips.parquet', schema: Trip })
  const bookings = p.snapshot('bookings', { from: 'data/bookings.parquet', schema: Booking })
  const past = p.feature('${view}', { ...history, from: { trips } })
  const seen = p.join(bookings, past, { on: ['passenger'], asOf: { at: 'booked', event: 'as_of', known: 'known_at' } })
  p.table('counts', { from: { seen }, sql: 'SELECT count(delays) AS seen FROM seen -- ${name}', schema: Count })
})
`,
  )
}

interface Step {
  readonly name: string
  readonly cached: boolean
  readonly outputs: readonly { readonly name: string; readonly digest: string }[]
}
const done = async (pipeline: string, ...more: string[]): Promise<{ runId: string; steps: readonly Step[] }> => {
  const result = await place.run('run', pipeline, '--wait', '--json', ...more)
  expect(result, result.stderr).toMatchObject({ code: 0 })
  return JSON.parse(result.stdout)
}
interface PlannedView {
  readonly view: string
  readonly definition: string
  readonly state: string
  readonly usedBy: readonly string[]
  readonly stale: readonly { readonly pipeline: string; readonly steps?: readonly string[] }[]
}
const plannedView = async (pipeline: string): Promise<PlannedView> => {
  const result = await place.run('plan', pipeline, '--json')
  expect(result, result.stderr).toMatchObject({ code: 0 })
  const { views } = JSON.parse(result.stdout)
  expect(views).toHaveLength(1)
  return views[0]
}
const published = async (view = 'history'): Promise<PublishedView> => {
  const found = await readView(place.store.store, view)
  if (found === undefined) throw new Error(`${view} is not published`)
  return found
}
const startedRuns = async (): Promise<number> => (await listKeys(place.store.store, 'runs/')).length
const errorOf = ({ stdout }: CliResult): { code: string; message: string; next: string } => JSON.parse(stdout).error
const stepOf = (steps: readonly Step[], wanted: string): Step => steps.find(({ name }) => name === wanted) as Step
const rowsIn = async (digest: string): Promise<Record<string, unknown>[]> => {
  const { files } = await localTable(place.store.store, digest)
  const paths = files.map((file) => text(typeof file === 'string' ? file : file.path))
  return withDuckDb(1, (connection) => rowsOf(connection, `FROM read_parquet([${paths.join(', ')}])`))
}

describe('a view that two pipelines share', () => {
  it('is published by the first, and costs the second nothing', async () => {
    expect(await plannedView('arrivals')).toMatchObject({ state: 'new', usedBy: [], stale: [] })
    const first = await done('arrivals')
    expect((await place.run('show', first.runId)).stdout).toContain('600 rows of 20 keys, revision 1')
    const view = await published()
    expect(view).toMatchObject({ revision: 1, run: first.runId, key: ['passenger'], known: 'known_at' })
    expect(view.table).toEqual({ digest: stepOf(first.steps, 'history').outputs[0]?.digest, rows: 600 })

    expect(await plannedView('refunds')).toMatchObject({
      state: 'same',
      definition: view.definition,
      usedBy: ['arrivals'],
    })
    const second = await done('refunds')
    expect(second.steps.filter(({ cached }) => !cached).map(({ name }) => name)).toEqual(['counts'])
    expect(Object.keys((await published()).pipelines).sort()).toEqual(['arrivals', 'refunds'])
  })

  it('is shown with who uses it', async () => {
    const { definition, run } = await published()
    const all = await place.run('show', 'views')
    expect(all.stdout).toMatch(new RegExp(`history +2 +${shortDigest(definition)} +600 .* arrivals, refunds`))
    const one = await place.run('show', 'view:history')
    expect(one.stdout).toContain(`by run ${run}`)
    expect(one.stdout).toContain('key passenger; known by known_at')
    expect(JSON.parse((await place.run('show', 'view:history', '--json')).stdout)).toEqual(await published())
    const unknown = await place.run('show', 'view:histori', '--json')
    expect(unknown.code).toBe(2)
    expect(errorOf(unknown)).toMatchObject({ code: 'NOT_FOUND', next: 'did you mean "view:history"?' })
  })

  it('is joined in time: no row that is newer than the event, or was written later', async () => {
    const { steps } = await done('arrivals')
    const joined = await rowsIn(stepOf(steps, 'join').outputs[0]?.digest as string)
    const past = await rowsIn((await published()).table.digest)
    expect(joined).toHaveLength(400)
    let found = 0
    for (const { passenger, booked, as_of, known_at, delays } of joined) {
      const isPast = (time: unknown): boolean => Number(time) <= Number(booked)
      const seen = past.filter((row) => row.passenger === passenger && isPast(row.as_of) && isPast(row.known_at))
      const newest = seen.sort((a, b) => Number(b.as_of) - Number(a.as_of))[0]
      expect({ as_of, known_at, delays }).toEqual({
        as_of: newest?.as_of ?? null,
        known_at: newest?.known_at ?? null,
        delays: newest?.delays ?? null,
      })
      if (newest !== undefined) found++
    }
    expect(found).toBeGreaterThan(100)
  })

  it('lists both pipelines as stale, to both, when its definition is edited; a run is refused with both digests', async () => {
    const before = await published()
    writeDefinition('shared/history.ts', sql.replace('sum', 'max'))
    const runs = await startedRuns()
    for (const pipeline of ['arrivals', 'refunds']) {
      const view = await plannedView(pipeline)
      expect(view).toMatchObject({ state: 'disagrees', usedBy: ['arrivals', 'refunds'] })
      const steps = ['history', 'publish', 'join', 'counts']
      expect(view.stale).toEqual(
        ['arrivals', 'refunds'].map((name) => (name === pipeline ? { pipeline, steps } : { pipeline: name })),
      )
      const shown = await place.run('plan', pipeline)
      expect(shown.stdout).toContain(
        `view history ${shortDigest(view.definition)}: published ${shortDigest(before.definition)}`,
      )
      expect(shown.stdout).toContain(
        `stale: ${pipeline === 'arrivals' ? 'arrivals (history, publish, join, counts); refunds' : 'arrivals; refunds (history, publish, join, counts)'}`,
      )

      const refused = await place.run('run', pipeline, '--wait', '--json')
      expect(refused.code).toBe(2)
      const { code, message, next } = errorOf(refused)
      expect(code).toBe('VIEW_DISAGREES')
      for (const digest of [view.definition, before.definition]) expect(message).toContain(shortDigest(digest))
      expect(message).toContain(pipeline === 'arrivals' ? 'which refunds uses' : 'which arrivals uses')
      expect(next).toContain(`--change-view history`)
    }
    expect(await place.run('run', 'arrivals', '--local', '--json')).toMatchObject({ code: 0 })
    expect(await published()).toEqual(before)
    expect(await startedRuns()).toBe(runs)
    const wrong = await place.run('run', 'arrivals', '--change-view', 'histories', '--json')
    expect(wrong.code).toBe(2)
    expect(errorOf(wrong).next).toBe('its views are history')
  })

  it('changes when somebody says so; those who stay behind are refused until they follow', async () => {
    const before = await published()
    await done('arrivals', '--change-view', 'history')
    const changed = await published()
    expect(changed).toMatchObject({ since: changed.revision })
    expect(changed.definition).not.toBe(before.definition)

    // A pipeline with the definition of before.
    writeDefinition('shared/old-history.ts', sql)
    writePipeline('refunds', { definition: 'old-history' })
    expect(await plannedView('refunds')).toMatchObject({
      state: 'disagrees',
      definition: before.definition,
      usedBy: ['arrivals'],
      stale: [{ pipeline: 'arrivals' }, { pipeline: 'refunds' }],
    })
    expect(await plannedView('arrivals')).toMatchObject({ state: 'same', stale: [{ pipeline: 'refunds' }] })
    expect((await place.run('show', 'view:history')).stdout).toMatch(/refunds +\w{12} +\S+ +stale/)
    const refused = await place.run('run', 'refunds', '--json')
    expect(refused.code).toBe(2)
    for (const { definition } of [before, changed]) expect(errorOf(refused).message).toContain(shortDigest(definition))

    writePipeline('refunds')
    await done('refunds')
    expect(await published()).toMatchObject({ since: changed.since })
    expect(await plannedView('arrivals')).toMatchObject({ usedBy: ['arrivals', 'refunds'], stale: [] })
  })

  it('is its pipeline’s to change while nobody else uses it', async () => {
    writeDefinition('shared/own.ts', sql)
    writePipeline('alone', { view: 'own', definition: 'own' })
    await done('alone')
    writeDefinition('shared/own.ts', sql.replace('sum', 'min'))
    expect(await plannedView('alone')).toMatchObject({
      state: 'changes',
      stale: [
        {
          pipeline: 'alone',
          steps: ['history', 'publish', 'join', 'counts'].map((step) => step.replace('history', 'own')),
        },
      ],
    })
    await done('alone')
    expect(await published('own')).toMatchObject({ revision: 2, since: 2 })
  })
})

describe('two publications at once', () => {
  it('that do not agree leave one definition, whatever dies meanwhile; the other run ends with both digests', async () => {
    writeDefinition('shared/one.ts', sql.replace('sum', 'avg'))
    writeDefinition('shared/other.ts', sql.replace('sum', 'median'))
    const rivals = ['one', 'other']
    for (const name of rivals) writePipeline(name, { view: 'rival', definition: name })
    const definitions = await Promise.all(rivals.map(async (name) => (await plannedView(name)).definition))
    const commands = rivals.map((name) => place.begin('run', name, '--wait', '--json'))
    await Promise.any(commands.map((command) => command.said(' run ')))
    place.worker.kill()
    const results = await Promise.all(commands.map((command) => command.result))
    const lost = results.findIndex(({ code }) => code !== 0)
    const [loser, winner] = [results[lost], results[1 - lost]] as [CliResult, CliResult]
    expect(winner, winner.stderr).toMatchObject({ code: 0 })
    expect(loser.code).toBe(2)
    for (const digest of definitions) expect(loser.stdout).toContain(shortDigest(digest))
    expect(loser.stdout).toContain('VIEW_DISAGREES')
    expect(await published('rival')).toMatchObject({
      revision: 1,
      definition: definitions[1 - lost],
      pipelines: { [rivals[1 - lost] as string]: {} },
    })
  })
})

describe('rows that are no view', () => {
  it.each([
    [
      'of which two have one key',
      { query: sql, more: '' },
      /^view "bad" has \d+ rows of one passenger, and nothing says which of them counts$/,
    ],
    [
      'without a key',
      {
        query: sql.replace('passenger,', "nullif(passenger, 'p3') AS passenger,"),
        schema: 'History.extend({ passenger: z.string().nullable() })',
      },
      /^view "bad" has rows without a key: passenger null \(30 of 600\)$/,
    ],
  ])('%s end the run with exit 10, and nothing is published', async (_, { query, ...more }, said) => {
    writeDefinition('shared/bad.ts', query, more)
    writePipeline('bad', { view: 'bad', definition: 'bad' })
    const result = await place.run('run', 'bad', '--wait', '--json')
    expect(result, result.stdout).toMatchObject({ code: 10 })
    expect(errorOf(result)).toMatchObject({ code: 'DATA_CONTRACT', message: expect.stringMatching(said) })
    expect(await readView(place.store.store, 'bad')).toBeUndefined()
  })
})

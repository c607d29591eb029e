import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RolloutRecord } from '../../lib/formats/records.ts'
import { windowsSince } from '../../lib/jobs/windows.ts'
import { readRolloutEnd } from '../../lib/store/rollouts.ts'
import { readRoute } from '../../lib/store/routes.ts'
import { birdsUntil, type Seen, speciesOf } from '../support/birds.ts'
import { eventually } from '../support/gateways.ts'
import { penguinsSql, writePenguins } from '../support/penguins.ts'
import { openPlace, type Place } from '../support/place.ts'

/*
 * Models of several classes take over from each other under traffic and labels, also where they know other classes.
 */
let place: Place
const rules = "errors.notWorseBy(0.05), labelErrors({ after: '1s' }).notWorseBy(0.1)"
const watch = `minSamples: 60, watch: [${rules}]`

const definition = 'pipelines/penguins/pipeline.ts'
/** Species as somebody mixed them up, or lumped them together. */
const mistakes = `const next: Readonly<Record<string, string>> = { Adelie: 'Gentoo', Gentoo: 'Chinstrap', Chinstrap: 'Adelie' }
export function mixed(species: readonly string[]) { return species.map((name) => next[name] as string) }
export function lumped(species: readonly string[]) { return species.map((name) => name === 'Chinstrap' ? 'Adelie' : name) }
`

/** The pipeline by its number of trees, how it is deployed, and by which mistake it learns something else. */
function define(trees: number, deploy: string, mistake?: 'mixed' | 'lumped'): void {
  writePenguins(place.project, {
    learner: `trees({ trees: ${trees}, leaves: 7 })`,
    imports: 'errors, labelErrors, scores, trees',
    target: mistake === undefined ? "multiclass('species')" : `multiclass('species', ${mistake})`,
    must: `[accuracy.atLeast(0.3)]${mistake === undefined ? '' : ", champion: 'not compared'"}`,
    more: `p.deploy(candidate, { endpoint: 'penguins', ${deploy} })`,
  })
  if (mistake === undefined) return
  place.project.write('pipelines/penguins/mistakes.ts', mistakes)
  const text = readFileSync(join(place.project.root, definition), 'utf8')
  place.project.write(
    definition,
    `import { ${mistake} } from './mistakes.ts'
${text}`,
  )
}

/** Runs the pipeline while penguins come by and are told apart later. */
async function rolledOut(seen: Seen = {}) {
  const running = place.begin('run', 'penguins', '--wait', '--json').result
  const answeredBy = await birdsUntil(place, running, seen)
  const { code, stdout, stderr } = await running
  expect(stdout, stderr).not.toBe('')
  const record = JSON.parse(stdout)
  const end = record.rollout && (await readRolloutEnd(place.store.store, record.rollout.id))
  return { code, record, answeredBy, decided: end === undefined ? undefined : RolloutRecord.parse(end) }
}
const champion = async () => (await readRoute(place.store.store, 'penguins'))?.champion.version
const steps = (decided: RolloutRecord | undefined) =>
  decided?.decisions.map(({ stage, action }) => `${stage} ${action}`)

beforeAll(async () => {
  place = await openPlace({ SLIPWAY_CAPTURE_RATE: '1' })
  await place.project.data('data/penguins.parquet', penguinsSql())
  define(10, 'allAtOnce: true')
  const { code, stderr } = await place.run('run', 'penguins', '--wait')
  expect(code, stderr).toBe(0)
  await eventually(
    async () => (await fetch(`${place.gateway}/v2/models/penguins/ready`).catch(() => undefined))?.ok === true,
  )
})
afterAll(() => place?.close())

describe('a candidate of the same classes', () => {
  it('goes by canary while labels say that it is as good, and takes over', async () => {
    define(12, `canary: { steps: [50], ${watch} }`)
    const { code, record, decided, answeredBy } = await rolledOut()
    expect({ code, reason: decided?.reason }).toMatchObject({ code: 0 })
    expect(record.model).toMatchObject({ version: 2, champion: true })
    expect(steps(decided)).toEqual(['50 % advance', '50 % promote'])
    expect(decided?.reason).toMatch(/label errors (not worse|better): candidate \d+\.\d+ % of \d+/)
    expect(Object.keys(answeredBy).sort()).toEqual(expect.arrayContaining(['1 champion', '2 candidate']))
    const explained = await place.run('explain', record.rollout.id, '--replay', '--json')
    expect(explained.code, explained.stderr).toBe(0)
  })

  it('is thrown out when its classes were mixed up, which only labels tell', async () => {
    define(12, `canary: { steps: [50], ${watch} }`, 'mixed')
    const { code, record, decided } = await rolledOut()
    expect({ code, reason: decided?.reason }).toMatchObject({ code: 14 })
    expect(decided?.reason).toMatch(/^label errors: candidate \d+\.\d+ % of \d+, champion \d+\.\d+ % of \d+/)
    expect(record.model).toMatchObject({ version: 3, champion: false })
    expect(await champion()).toBe(2)
  })

  it('is thrown out when it answers classes more or less often, where scores must not change', async () => {
    define(
      13,
      `canary: { steps: [50], minSamples: 400, watch: [errors.notWorseBy(0.05), scores.unchanged()] }`,
      'lumped',
    )
    const { code, decided } = await rolledOut()
    expect({ code, reason: decided?.reason }).toMatchObject({ code: 14 })
    expect(decided?.reason).toMatch(/^scores: \d+ candidate and \d+ champion scores/)
    expect(await champion()).toBe(2)
  })
})

describe('a candidate that knows a class more', () => {
  it('is judged by all classes, compared in the shadow by those that both know, and by labels of the new one', async () => {
    const rows = `(${penguinsSql(3_000)}) UNION ALL (${penguinsSql(600, { from: 4_000, species: "'Macaroni'", bill: '80' })})`
    await place.project.data('data/penguins.parquet', rows)
    define(14, `shadow: { minSamples: 60 }, ab: { share: 50, for: '3s', ${watch} }`)
    const { code, record, decided } = await rolledOut({ Macaroni: 0.2 })
    expect({ code, reason: decided?.reason }).toMatchObject({ code: 0 })
    expect(steps(decided)).toEqual(['shadow of 100 % advance', 'shadow of 100 % advance', '50 % promote'])
    expect(decided?.reason).toMatch(/label errors better: candidate [\d.]+ % of \d+, champion/)
    expect(await champion()).toBe(record.model.version)
    const { windows } = await windowsSince(place.store.store, 'penguins', {}, 5_000)
    const pairs = windows.flatMap((window) => window.pairs ?? [])
    expect(pairs.reduce((sum, { n }) => sum + n, 0)).toBeGreaterThanOrEqual(60)
    const card = await place.run('show', 'penguins')
    expect(card.stdout).toMatch(/^\| rows of `Macaroni` \| [1-9]\d+ \|$/m)
  })
})

describe('a candidate that knows a class less', () => {
  it('is thrown out by labels of that class, which its own rows do not have', async () => {
    await place.project.data('data/penguins.parquet', `SELECT * FROM (${penguinsSql()}) WHERE species <> 'Chinstrap'`)
    define(15, `canary: { steps: [50], ${watch} }`)
    const before = await champion()
    const { code, decided } = await rolledOut()
    expect({ code, reason: decided?.reason }).toMatchObject({ code: 14 })
    expect(decided?.reason).toMatch(/^label errors: /)
    expect(await champion()).toBe(before)
    expect(speciesOf(0)).toBeDefined()
  })
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Tuning } from '../../lib/formats/tuning.ts'
import { keptTuning } from '../../lib/jobs/kept-tuning.ts'
import { listKeys, readDocument } from '../../lib/store/documents.ts'
import { getJson } from '../../lib/store/objects.ts'
import { newKeyPair } from '../../lib/store/signing.ts'
import { StepRecord } from '../../lib/store/steps.ts'
import { tuneWorkflowId } from '../../workflows/tune-messages.ts'
import { beginSlipway, type CliResult, slipway } from '../support/cli.ts'
import { type KillableWorkers, openKillableWorkers } from '../support/killable-workers.ts'
import { linearProgram } from '../support/programs.ts'
import { loansSql, newProject, writeLoans } from '../support/project.ts'
import { attemptsIn } from '../support/step-attempts.ts'

/*
 * Parameters chosen by trials, by real workers.
 */
let place: KillableWorkers
let env: Record<string, string>
const keys = newProject()

beforeAll(async () => {
  const { privateKey, publicKey } = newKeyPair()
  keys.write('key.pem', privateKey)
  keys.write('key.pub', publicKey)
  const settings = {
    SLIPWAY_SIGNING_KEY: join(keys.root, 'key.pem'),
    SLIPWAY_TRUSTED_KEYS: join(keys.root, 'key.pub'),
  }
  place = await openKillableWorkers({ settings })
  env = { ...place.env, ...settings }
  await place.project.data('data/loans.parquet', loansSql())
  place.start()
})
afterAll(async () => {
  await place?.stop()
  keys.remove()
})

const trees = 'trees({ minRowsPerLeaf: 10 })'
const space = 'tune: { trees: [5, 60], leaves: [3, 31], learningRate: [0.02, 0.4] }'
const write = (learner: string): void => writeLoans(place.project, { learner })
const cli = (...args: string[]): Promise<CliResult> => slipway(place.project.root, args, env)
const said = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await cli(...args)
  expect(code, stderr).toBe(0)
  return stdout
}

interface Run {
  readonly runId: string
  readonly status: string
  readonly steps: readonly { name: string; cached: boolean; outputs: { name: string; digest: string }[] }[]
}
const run = async (): Promise<Run> => JSON.parse(await said('run', 'loans', '--wait', '--json'))
const made = ({ steps }: Run, step: string, name: string): string =>
  steps.find((each) => each.name === step)?.outputs.find((output) => output.name === name)?.digest ?? 'none'
const tuningOf = (of: Run): Promise<Tuning> => getJson(place.bucket.store, made(of, 'tune-risk', 'trials'), Tuning)

/** The records of trials there are, by their keys. */
async function trialRecords(): Promise<Set<string>> {
  const { store } = place.bucket
  const keys = await listKeys(store, 'steps/')
  const records = await Promise.all(keys.map((key) => readDocument(store, key, StepRecord)))
  return new Set(records.flatMap((each) => (each?.value.material.step === 'trial' ? each.value.stepKey : [])))
}

describe('a tuned model', () => {
  let first: Run

  it('is tuned by a worker that is killed in the middle: no finished trial is carried out again', async () => {
    write(`${trees}, ${space}, budget: { trials: 8 }`)
    const begun = beginSlipway(place.project.root, ['run', 'loans', '--wait', '--json'], env)
    while ((await trialRecords()).size < 3) await sleep(50)
    await place.kill()
    const finished = await trialRecords()
    place.start()
    const { code, stdout, stderr } = await begun.result
    expect(code, stderr).toBe(0)
    first = JSON.parse(stdout)
    expect(first.status).toBe('succeeded')
    const { attempts } = await attemptsIn(place.client, tuneWorkflowId(first.runId, 'tune-risk'))
    // Each was asked for once; those under way when the worker died were begun once more, and no others.
    const trials = attempts.slice(0, -1)
    expect(trials).toHaveLength(8)
    expect(trials.filter(([, attempt]) => attempt > 1).length).toBeLessThanOrEqual(4)
    expect(await trialRecords()).toEqual(new Set([...finished, ...(await trialRecords())]))
    expect((await trialRecords()).size).toBe(8)
  })

  it('has the parameters of its best trial, and says of how many they were chosen', async () => {
    const { trials, chosen, loss } = await tuningOf(first)
    const losses = trials.map(({ result }) => (result.state === 'done' ? result.loss : Number.POSITIVE_INFINITY))
    expect(chosen).toBe(1 + losses.indexOf(Math.min(...losses)))
    const { parameters } = trials[chosen - 1] as (typeof trials)[number]
    expect(
      await getJson(
        place.bucket.store,
        made(first, 'tune-risk', 'chosen'),
        Tuning.shape.trials.element.shape.parameters,
      ),
    ).toEqual(parameters)
    // The model that was trained by them does as well on the validation rows as the trial did.
    const card = await said('show', 'loans')
    expect(card).toContain('Chosen of 8 trials by the log loss of the validation rows')
    expect(card).toMatch(new RegExp(`On the validation rows: .*${loss} ${Number(Math.min(...losses).toPrecision(4))}`))
    expect(card).toContain(`at most ${parameters.leaves} leaves`)
    const shown = await said('show', first.runId)
    expect(shown).toContain('the best of 8 trials')
    expect(shown).toMatch(new RegExp(`${chosen} \\* `))
  })

  it('is the same made again elsewhere, one trial after another', async () => {
    const { stdout, code, stderr } = await cli('verify', 'loans')
    expect(code, stderr + stdout).toBe(0)
    expect(stdout).toMatch(/identical sha256:/)
  })

  it('reuses trials where only the budget grows, and the training where the choice is the same', async () => {
    const before = await trialRecords()
    write(`${trees}, ${space}, budget: { trials: 10 }`)
    const second = await run()
    const after = await trialRecords()
    expect(after.size - before.size).toBeLessThanOrEqual(4)
    const isSame = made(first, 'tune-risk', 'chosen') === made(second, 'tune-risk', 'chosen')
    expect(second.steps.find(({ name }) => name === 'risk')?.cached).toBe(isSame)
  })

  it('keeps what was chosen when it is retrained', async () => {
    const { space: known, ...second } = await tuningOf(await run())
    const kept = await keptTuning(place.bucket.store, 'loans', { space: known })
    const { parameters } = second.trials[second.chosen - 1] as Tuning['trials'][number]
    expect(kept?.facts).toMatchObject({ kept: expect.stringMatching(/^loans version \d$/), parameters })
    expect(kept?.outputs.map(({ name }) => name)).toEqual(['chosen', 'trials'])
    // A definition that tunes something else begins anew.
    const other = { trees: { kind: 'whole', from: 5, to: 60 } } as const
    expect(await keptTuning(place.bucket.store, 'loans', { space: other })).toBeUndefined()
    expect(await keptTuning(place.bucket.store, 'nobody', { space: known })).toBeUndefined()
  })
})

describe('a program', () => {
  const program = (more: string) =>
    `program({ command: ['${process.execPath}', 'train.mjs'], folder: 'trainer', hyperparameters: { fail: 'no' } }), ${more}`

  beforeAll(async () => {
    place.project.write('trainer/linear.mjs', await linearProgram())
    place.project.write(
      'trainer/train.mjs',
      `const { fail } = JSON.parse(process.env.SM_HPS)
if (fail !== 'no') { console.error('asked to fail'); process.exit(1) }
await import('./linear.mjs')
`,
    )
  })

  it('is tuned by its hyperparameters, and trials in which it fails are among the results', async () => {
    write(program("tune: { l2: log(0.01, 10000), fail: oneOf('no', 'yes') }, budget: { trials: 6 }"))
    imports('log, oneOf, program')
    const { trials, chosen } = await tuningOf(await run())
    const failed = trials.filter(({ result }) => result.state === 'failed')
    expect(failed.length).toBeGreaterThan(0)
    expect(failed.every(({ parameters }) => parameters.fail === 'yes')).toBe(true)
    expect(failed[0]?.result).toEqual({ state: 'failed', why: 'PROGRAM_FAILED' })
    expect(trials[chosen - 1]?.parameters.fail).toBe('no')
  })

  it('that fails in every trial ends the run with the first cause', async () => {
    write(program("tune: { fail: oneOf('yes', 'always') }, budget: { trials: 2 }"))
    imports('log, oneOf, program')
    const { code, stdout, stderr } = await cli('run', 'loans', '--wait')
    expect(code).toBe(11)
    expect(stdout + stderr).toContain('all 2 trials failed, the first of them:')
    expect(stdout + stderr).toContain('asked to fail')
  })
})

/** Has the pipeline import more of the package. */
function imports(names: string): void {
  const { project } = place
  const file = 'pipelines/loans/pipeline.ts'
  project.write(file, `import { ${names} } from 'slipway'\n${readFileSync(join(project.root, file), 'utf8')}`)
}

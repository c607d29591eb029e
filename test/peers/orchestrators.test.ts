import { execFile } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify, stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { listRuns } from '../../lib/store/runs.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'
import { pythonEnvironmentOr } from '../support/python.ts'
import { clientPath } from '../support/python-client.ts'

/*
 * The launchers of examples/, each in an environment of its own. Airflow and Kubeflow Pipelines start a real run; the
 * others a `slipway` that notes what it is given and ends with the real one's exit codes.
 */
const execute = promisify(execFile)
const reference = join(packageRoot, 'test/reference')
const examples = join(packageRoot, 'examples')
const home = mkdtempSync(join(tmpdir(), 'slipway-orchestrators-'))
const notes = join(home, 'notes')
afterAll(() => rmSync(home, { recursive: true, force: true }))

/** A folder with a `slipway` in it. */
function commandIn(folder: string, target: string): string {
  mkdirSync(join(home, folder), { recursive: true })
  symlinkSync(target, join(home, folder, 'slipway'))
  return join(home, folder)
}
const stub = commandIn('stub', join(reference, 'stub_slipway.py'))
const real = commandIn('real', join(packageRoot, 'bin/slipway.mjs'))

interface Ended {
  readonly code: number
  readonly output: string
  /** What the stub was given. */
  readonly given: readonly (readonly string[])[]
}

interface Launch {
  /** Its environment is that of `<name>-requirements.txt`. */
  readonly bin: string
  readonly command: readonly [string, ...string[]]
  readonly env?: Readonly<Record<string, string>>
  /** Where the command `slipway` is. */
  readonly slipway?: string
}

/** Runs something of an environment to its end. */
async function launch({ bin, command: [name, ...args], env = {}, slipway = stub }: Launch): Promise<Ended> {
  rmSync(notes, { force: true })
  const place = {
    HOME: home,
    PATH: [slipway, bin, process.env.PATH].join(delimiter),
    PYTHONPATH: [clientPath, join(examples, 'airflow'), join(examples, 'kubeflow')].join(delimiter),
    PYTHONDONTWRITEBYTECODE: '1',
    STUB_NOTES: notes,
  }
  const options = { env: { ...process.env, ...place, ...env }, cwd: home, maxBuffer: 2 ** 28 }
  const ended = await execute(join(bin, name), args, options).then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      output: error.stdout + error.stderr,
    }),
  )
  const lines = existsSync(notes) ? readFileSync(notes, 'utf8').trim().split('\n') : []
  return { ...ended, given: lines.map((line) => JSON.parse(line)) }
}

const environmentOf = (name: string) => pythonEnvironmentOr(join(reference, `${name}-requirements.txt`))
const startedAndFollowed = (pipeline: string, ...more: string[]) => [
  ['run', pipeline, ...more, '--json'],
  ['wait', `${pipeline}-20260101-000000-k3x9`, '--json'],
]

const files = ['airflow', 'kubeflow', 'orchestrators', 'python'].flatMap((folder) =>
  readdirSync(join(examples, folder))
    .filter((file) => file.endsWith('.py'))
    .map((file) => `${folder}/${file}`),
)
it.each(files)('examples/%s has at most 30 lines', (file) => {
  expect(readFileSync(join(examples, file), 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(30)
})

const airflow = (pipeline: string) => ({
  AIRFLOW_HOME: join(home, 'airflow'),
  AIRFLOW__CORE__LOAD_EXAMPLES: 'False',
  AIRFLOW__CORE__DAGS_FOLDER: join(examples, 'airflow'),
  AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY: '1',
  PIPELINE: pipeline,
})
/** Airflow's environment, with a database of its own. */
async function airflowEnvironment(): Promise<Awaited<ReturnType<typeof environmentOf>>> {
  const environment = await environmentOf('airflow')
  if ('missing' in environment || existsSync(join(home, 'airflow'))) return environment
  const { bin } = environment
  expect(await launch({ bin, command: ['airflow', 'db', 'migrate'], env: airflow('') })).toMatchObject({ code: 0 })
  return environment
}
const dagTest = ['airflow', 'dags', 'test', 'train_flights', '2026-01-05'] as const

describe('Airflow', () => {
  let environment: Awaited<ReturnType<typeof environmentOf>>
  beforeAll(async () => {
    environment = await airflowEnvironment()
  })

  it('fails by a gate at once, and tries again what may pass', async (context) => {
    if ('missing' in environment) return context.skip(environment.missing)
    const { bin } = environment
    const strict = await launch({ bin, command: dagTest, env: airflow('strict') })
    // Its errors are printed in colours and in lines of eighty.
    const told = stripVTControlCharacters(strict.output).replaceAll(/\s+/g, ' ')
    expect(told).toContain('(exit code 12, run strict-20260101-000000-k3x9)')
    expect(strict.code).toBe(1)
    expect(strict.given).toEqual(startedAndFollowed('strict', '--as-of', '2026-01-05'))
    const away = await launch({ bin, command: dagTest, env: airflow('away') })
    expect(away.code).toBe(1)
    const once = startedAndFollowed('away', '--as-of', '2026-01-05')
    expect(away.given).toEqual([...once, ...once, ...once])
  })

  it('cancels the run of a task that is out of time', async (context) => {
    if ('missing' in environment) return context.skip(environment.missing)
    const { bin } = environment
    const env = { ...airflow('endless'), AIRFLOW__CORE__DEFAULT_TASK_EXECUTION_TIMEOUT: '5' }
    const { code, given } = await launch({ bin, command: dagTest, env })
    expect(code).toBe(1)
    expect(given).toContainEqual(['cancel', 'endless-20260101-000000-k3x9', '--json'])
  })
})

/** Besides the command: what settings the run is given, and how often it is started with a server away. */
const launchers = [
  ['dagster', ['dagster', 'asset', 'materialize', '-f', 'dagster_job.py', '--select', 'flights_model'], [], 3],
  ['prefect', ['python', 'prefect_flow.py'], ['--set', 'trees=20'], 3],
  ['metaflow', ['python', 'metaflow_flow.py', 'run', '--pipeline', 'PIPELINE'], [], 1],
  ['zenml', ['python', 'zenml_pipeline.py'], [], 1],
  // Retries are for Flyte's server; by itself it says that the task may be tried again.
  ['flyte', ['pyflyte', 'run', 'flyte_workflow.py', 'train_flights', '--pipeline', 'PIPELINE'], [], 1],
] as const

/** Nobody is told of a test, servers in the process get their time, and nothing is asked. */
const settings = {
  METAFLOW_USER: 'tester',
  PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: '600',
  PREFECT_SERVER_ANALYTICS_ENABLED: 'false',
  DO_NOT_TRACK: '1',
  ZENML_ANALYTICS_OPT_IN: 'false',
  RETRY_SECONDS: '0',
}

describe.each(launchers)('%s', (name, command, more, tries) => {
  it('starts a run and follows it; fails once by a gate, and after its retries with a server away', async (context) => {
    const environment = await environmentOf(name)
    if ('missing' in environment) return context.skip(environment.missing)
    for (const pipeline of ['good', 'strict', 'away']) {
      const part = (text: string) =>
        text === 'PIPELINE' ? pipeline : text.endsWith('.py') ? join(examples, 'orchestrators', text) : text
      const words = command.map(part) as unknown as readonly [string, ...string[]]
      const env = { ...settings, DAGSTER_HOME: home, PIPELINE: pipeline }
      const { code, output, given } = await launch({ bin: environment.bin, command: words, env })
      const times = pipeline === 'away' ? tries : 1
      expect(given, output).toEqual(
        Array(times)
          .fill(startedAndFollowed(pipeline, ...more))
          .flat(),
      )
      expect(code === 0, output).toBe(pipeline === 'good')
      if (pipeline === 'strict') expect(output).toContain('GATE_FAILED')
      if (name === 'flyte') expect(output.includes('USER:Recoverable')).toBe(pipeline === 'away')
    }
  })
})

describe('Kubeflow Pipelines', () => {
  it('ends with the exit code of a run that fails, and passes settings as they are', async (context) => {
    const environment = await environmentOf('kfp')
    if ('missing' in environment) return context.skip(environment.missing)
    const command = ['python', join(reference, 'kfp_local.py'), 'strict', join(home, 'kfp')] as const
    const { code, output, given } = await launch({ bin: environment.bin, command })
    expect(code, output).toBe(1)
    expect(output).toContain('GATE_FAILED')
    expect(given).toEqual(startedAndFollowed('strict', '--set', 'trees=20'))
    // The runner tells no codes: they are those of the process that a component is.
    for (const [pipeline, ending] of [['strict', 12] as const, ['away', 20] as const]) {
      const component = `from pipeline import slipway_run; slipway_run.python_func(${JSON.stringify(pipeline)})`
      const alone = await launch({ bin: environment.bin, command: ['python', '-c', component] })
      expect(alone.code, alone.output).toBe(ending)
    }
  })
})

describe('a real run', () => {
  let place: Place
  beforeAll(async () => {
    place = await openPlace()
    // They end shortly after the day that the DAG is tested for.
    await place.project.data('data/loans.parquet', loansSql().replace('2024-01-01', '2025-08-01'))
    writeLoans(place.project, { must: '[auc.atLeast(0.5)]', learner: 'trees({ trees: 15, leaves: 7 })' })
    const file = join(place.project.root, 'pipelines/loans/pipeline.ts')
    const byAge = "by: 'day', validation: '20d', test: '20d'"
    const definition = readFileSync(file, 'utf8').replace("byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3", byAge)
    expect(definition).toContain(byAge)
    writeFileSync(file, definition)
  })
  afterAll(async () => {
    await place?.close()
  })

  it('is started, followed and passed on by Airflow and by Kubeflow Pipelines', async (context) => {
    const [ofAirflow, ofKfp] = [await airflowEnvironment(), await environmentOf('kfp')]
    if ('missing' in ofAirflow) return context.skip(ofAirflow.missing)
    if ('missing' in ofKfp) return context.skip(ofKfp.missing)
    const env = { ...place.env, SLIPWAY_PROJECT: place.project.root }
    const dag = await launch({
      bin: ofAirflow.bin,
      command: dagTest,
      env: { ...airflow('loans'), ...env },
      slipway: real,
    })
    expect(dag.code, dag.output).toBe(0)
    const [first] = await listRuns(place.store.store, 'loans', 2)
    expect(dag.output).toContain(`run ${first?.runId} made version 1 of loans`)

    const command = ['python', join(reference, 'kfp_local.py'), 'loans', join(home, 'kfp')] as const
    const kfp = await launch({ bin: ofKfp.bin, command, env, slipway: real })
    expect(kfp.code, kfp.output).toBe(0)
    const [second] = await listRuns(place.store.store, 'loans', 2)
    expect(second?.runId).not.toBe(first?.runId)
    expect(second?.model?.version).toBe(2)
    expect(JSON.parse(kfp.output.trim().split('\n').at(-1) as string)).toEqual({ Output: 2 })
  })
})

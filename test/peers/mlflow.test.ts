import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import getPort from 'get-port'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { loadModel } from '../../lib/models/model.ts'
import { localModel } from '../../lib/models/package.ts'
import { getBundle, getBytes } from '../../lib/store/objects.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'
import { pythonEnvironmentOr } from '../support/python.ts'
import { textEncoder } from '../support/tensor-models.ts'

/*
 * Runs, versions and aliases written to a real MLflow server, and a model loaded from it by `mlflow.pyfunc`.
 */
const execute = promisify(execFile)
const reference = join(packageRoot, 'test/reference')
let place: Place
let environment: Awaited<ReturnType<typeof pythonEnvironmentOr>>
let server: ChildProcess | undefined
let address: string

beforeAll(async () => {
  environment = await pythonEnvironmentOr(join(reference, 'mlflow-requirements.txt'))
  if ('missing' in environment) return
  place = await openPlace()
  await place.project.data('data/loans.parquet', loansSql())
  const port = await getPort()
  address = `http://127.0.0.1:${port}`
  const { root } = place.project
  const store = ['--backend-store-uri', `sqlite:///${root}/mlflow.db`, '--artifacts-destination', join(root, 'mlflow')]
  server = spawn(
    join(environment.bin, 'mlflow'),
    ['server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1', ...store],
    { stdio: 'ignore', detached: true },
  )
  await eventually(
    () =>
      fetch(`${address}/health`).then(
        ({ ok }) => ok,
        () => false,
      ),
    300_000,
  )
})
afterAll(async () => {
  // Its workers are of its group.
  if (server?.pid !== undefined) process.kill(-server.pid, 'SIGKILL')
  await place?.close()
})

/** Asks the server as anybody may: what people do in its pages. */
async function rest<T>(method: string, path: string, body?: unknown): Promise<T> {
  const options = { method, headers: { 'content-type': 'application/json' } }
  const url = `${address}/api/2.0/mlflow/${path}`
  const answer = await fetch(url, body === undefined ? options : { ...options, body: JSON.stringify(body) })
  expect(answer.status, path).toBe(200)
  return answer.json() as Promise<T>
}

/** Runs the pipeline with a learner and gates. @returns the document of the run */
async function run(learner: string, must: string) {
  writeLoans(place.project, { learner, must })
  return JSON.parse((await place.run('run', 'loans', '--wait', '--json')).stdout)
}
const track = async () => JSON.parse((await place.run('track', 'loans', '--mlflow', address, '--json')).stdout)

describe('an MLflow server', () => {
  it('gets runs, versions and aliases once, and hands out a model that predicts the same', async (context) => {
    if ('missing' in environment) return context.skip(environment.missing)
    const usual = '[auc.atLeast(0.5)]'
    const first = await run('trees({ trees: 20, leaves: 7, minRowsPerLeaf: 10 })', usual)
    const failed = await run('trees({ trees: 2, leaves: 2 })', '[auc.atLeast(0.999)]')
    const second = await run('trees({ trees: 30, leaves: 7, minRowsPerLeaf: 10 })', usual)
    expect(await track()).toMatchObject({ runs: 3, versions: 2, withoutModel: [] })
    expect(await track()).toMatchObject({ runs: 0, versions: 0 })

    const source = { store: place.store.store, trusted: new Map() }
    const model = await loadModel(await localModel(source, second.model.digest))
    const ages = Float64Array.from({ length: 200 }, (_, i) => 18 + (i % 60))
    const rows = {
      id: ages.map((_, i) => i),
      day: ages.map((_, i) => Date.UTC(2024, 0, 1 + i)),
      income: ages.map((_, i) => 20_000 + ((i * 7919) % 60_000) + 0.25),
      age: ages,
      purpose: Array.from(ages, (_, i) => ['car', 'home', 'travel', 'tools', 'boat'][i % 5] as string),
    }
    const inputs = Object.fromEntries(model.facts.inputs.map(({ name }) => [name, rows[name as keyof typeof rows]]))
    const features = model.makeFeatures(inputs)
    const expected = await model.scoreFeatures(features)
    await model.release()
    const file = join(place.project.root, 'features.json')
    writeFileSync(
      file,
      JSON.stringify(features, (_, value) => (ArrayBuffer.isView(value) ? [...(value as Float64Array)] : value)),
    )
    const rowsFile = join(place.project.root, 'rows.json')
    writeFileSync(rowsFile, JSON.stringify([{ id: 1, day: '2024-01-01', income: 30_000, age: 40, purpose: 'car' }]))
    const script = [join(reference, 'mlflow-loads.py'), address, 'models:/loans@champion', file, rowsFile]
    const loaded = JSON.parse((await execute(join(environment.bin, 'python'), script)).stdout)
    expect(loaded.predictions).toEqual([...expected])
    expect(loaded.inputs).toEqual(model.facts.features.map(({ name }) => name))
    // The model takes features: raw rows lack the one that the feature function makes of them, which is named.
    expect(loaded.refusals).toEqual([
      expect.stringMatching(/missing inputs \['ratio'\]/),
      expect.stringMatching(/^no columns ratio: this model takes features, which Slipway makes of rows/),
    ])
    expect(loaded.aliases).toEqual({ champion: '2', candidate: '2' })
    expect(loaded.runs).toMatchObject([
      { name: first.runId, status: 'FINISHED', metrics: first.metrics, params: { kind: 'trees', trees: '20' } },
      { name: failed.runId, status: 'FAILED' },
      { name: second.runId, status: 'FINISHED', params: { trees: '30' } },
    ])
    expect(loaded.runs[2].artifacts).toEqual(['card.md', 'evaluation.json', 'gates.json', 'model', 'training.json'])
  })

  it('says what people decided there: approvals and rejections, and a champion that is set back', async (context) => {
    if ('missing' in environment) return context.skip(environment.missing)
    const pull = async () =>
      JSON.parse((await place.run('track', 'loans', '--mlflow', address, '--pull', '--json')).stdout)
    const { experiment } = await rest<{ experiment: { experiment_id: string } }>(
      'GET',
      'experiments/get-by-name?experiment_name=loans',
    )
    type Run = { info: { run_id: string; status: string }; data: { tags: { key: string; value: string }[] } }
    const runOf = async (runId: string): Promise<Run> => {
      const filter = `tags.\`slipway.run\` = '${runId}'`
      const query = { experiment_ids: [experiment.experiment_id], filter }
      const { runs } = await rest<{ runs: [Run] }>('POST', 'runs/search', query)
      return runs?.[0]
    }
    const ask = async (trees: number): Promise<{ runId: string; shown: Run }> => {
      writeLoans(place.project, { learner: `trees({ trees: ${trees}, leaves: 4 })`, must: '[auc.atLeast(0.5)]' })
      const file = join(place.project.root, 'pipelines/loans/pipeline.ts')
      const approval = "  p.approve(candidate, { role: 'ml-lead', within: '1h', otherwise: 'reject' })\n})\n"
      writeFileSync(file, readFileSync(file, 'utf8').replace(/\}\)\n$/, approval))
      const { runId } = JSON.parse((await place.run('run', 'loans', '--json')).stdout)
      let shown: Run | undefined
      await eventually(async () => {
        expect(await pull()).toMatchObject({ taken: [], notTaken: [] })
        shown = await runOf(runId)
        return shown?.data.tags.some(({ key }) => key === 'slipway.waits.step') ?? false
      }, 120_000)
      expect(shown?.info.status).toBe('RUNNING')
      return { runId, shown: shown as Run }
    }
    const tag = (run: Run, key: string, value: string) =>
      rest('POST', 'runs/set-tag', { run_id: run.info.run_id, key, value })
    const isOver = (runId: string, status: string) =>
      eventually(async () => {
        await pull()
        return (await runOf(runId)).info.status === status
      }, 60_000)

    const approved = await ask(11)
    await tag(approved.shown, 'slipway.approve', 'maybe')
    expect((await pull()).notTaken).toEqual([expect.stringMatching(/"maybe" is no answer/)])
    await tag(approved.shown, 'slipway.approve.by', 'ann')
    await tag(approved.shown, 'slipway.approve', 'Approved')
    expect((await pull()).taken).toEqual([`${approved.runId}: approved by ann`])
    await isOver(approved.runId, 'FINISHED')
    const rejected = await ask(12)
    await tag(rejected.shown, 'slipway.approve', 'rejected')
    expect((await pull()).taken).toEqual([`${rejected.runId}: rejected by somebody`])
    await isOver(rejected.runId, 'FAILED')

    const versions = await rest<{ registered_model: { aliases: { alias: string; version: string }[] } }>(
      'GET',
      'registered-models/get?name=loans',
    )
    const champion = versions.registered_model.aliases.find(({ alias }) => alias === 'champion')?.version as string
    expect(Number(champion)).toBeGreaterThan(1)
    const setBack = (version: string) =>
      rest('POST', 'registered-models/alias', { name: 'loans', alias: 'champion', version })
    await setBack('1')
    // Written without being taken in, it is Slipway's that counts, and that is said.
    const track = JSON.parse((await place.run('track', 'loans', '--mlflow', address, '--json')).stdout)
    expect(track.overruled).toEqual([`loans: alias champion was on 1, and is on ${champion} again`])
    await setBack('1')
    expect((await pull()).taken).toEqual(['loans: rolled back to version 1'])
    const [model] = JSON.parse((await place.run('models', '--json')).stdout)
    expect(model).toMatchObject({ name: 'loans', champion: 1 })
    expect(await pull()).toMatchObject({ taken: [], notTaken: [], overruled: [] })
  })

  it('hands out a model that somebody registered there, and not those that Slipway wrote', async (context) => {
    if ('missing' in environment) return context.skip(environment.missing)
    writeFileSync(join(place.project.root, 'text.onnx'), textEncoder())
    const script = join(reference, 'mlflow-registers.py')
    const python = join(environment.bin, 'python')
    await execute(python, [script, address, join(place.project.root, 'text.onnx')])
    process.env.MLFLOW_TRACKING_URI = address
    try {
      const { code, stdout, stderr } = await place.run('register', 'models:/encoder@best', '--wait', '--json')
      expect(code, stderr).toBe(0)
      const { model } = JSON.parse(stdout)
      expect(model).toMatchObject({ name: 'encoder', version: 1 })
      const bundle = await getBundle(place.store.store, model.digest, 'model')
      expect(await getBytes(place.store.store, bundle.files['model.onnx']?.digest as string)).toEqual(
        readFileSync(join(place.project.root, 'encoder/model.onnx')),
      )
      const wide = await place.run('register', 'models:/wide/1', '--wait', '--json')
      expect(wide.code, wide.stderr).toBe(0)
      const refused = async (what: string) => JSON.parse((await place.run('register', what, '--json')).stdout).error
      for (const none of ['encoder@none', 'encoder/9', 'nobody@best', 'nobody@latest'])
        expect(await refused(`models:/${none}`), none).toMatchObject({ code: 'NOT_FOUND' })
      expect(await refused('models:/pickled/1')).toMatchObject({
        code: 'MODEL_INVALID',
        message: expect.stringMatching(/no flavour onnx, but/),
      })
      for (const own of ['loans@champion', 'loans@latest'])
        expect(await refused(`models:/${own}`), own).toMatchObject({
          code: 'USAGE',
          next: expect.stringMatching(/^slipway show loans@\d+$/),
        })
    } finally {
      delete process.env.MLFLOW_TRACKING_URI
    }
  })

  it('gets a version of a model of tensors without a model that takes features, and says so', async (context) => {
    if ('missing' in environment) return context.skip(environment.missing)
    writeFileSync(join(place.project.root, 'text.onnx'), textEncoder())
    place.project.write(
      'pipelines/texts/pipeline.ts',
      "import { pipeline } from 'slipway'\nexport default pipeline('texts', (p) => void p.tensors('text.onnx'))\n",
    )
    expect((await place.run('run', 'texts', '--wait')).code).toBe(0)
    const { code, stdout, stderr } = await place.run('track', 'texts', '--mlflow', address, '--json')
    expect(code, stderr).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      runs: 1,
      versions: 1,
      withoutModel: [expect.stringMatching(/^texts version 1 \w+ takes tensors/)],
    })
  })
})

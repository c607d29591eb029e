import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { transform } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient, type RunDocument, type RunEvent, type SlipwayClient } from '../../client/index.ts'
import { packageRoot } from '../../lib/code/host.ts'
import { loanModel } from '../support/finished-models.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/*
 * What users' own programs read and start, against a platform: the objects of `slipway/client` are the documents of the
 * command line, and the typed client of an endpoint is answered by a gateway.
 */
let place: Place
let client: SlipwayClient
const notes: string[] = []

beforeAll(async () => {
  place = await openPlace()
  mkdirSync(join(place.project.root, 'node_modules'))
  symlinkSync(packageRoot, join(place.project.root, 'node_modules/slipway'))
  await place.project.data('data/loans.parquet', loansSql())
  await place.project.data('lake/2024-01-01/loans.parquet', loansSql())
  writeLoans(place.project, {
    body: `import { auc, binary, pipeline, psi, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(loans, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const learner = trees({ trees: 20, leaves: 7, minRowsPerLeaf: 10 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted'), learner, seed: 1 })
  const candidate = p.package(model, { explain: true })
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.5)], champion: 'not compared' })
  const live = p.deploy(candidate, { endpoint: 'loans', allAtOnce: true })
  p.monitor(live, { every: '7d', drift: psi.over(0.2), minRows: 1 })
  p.batch(live, 'nightly', { from: 'lake/{date}/*.parquet', to: 'scores/{date}/' })
})
`,
  })
  const { env, project } = place
  client = createClient({
    root: project.root,
    temporal: { address: place.temporal },
    s3: {
      endpoint: env.S3_ENDPOINT as string,
      bucket: env.SLIPWAY_BUCKET as string,
      credentials: {
        accessKeyId: env.AWS_ACCESS_KEY_ID as string,
        secretAccessKey: env.AWS_SECRET_ACCESS_KEY as string,
      },
    },
    gateway: place.gateway,
    onNote: (line) => notes.push(line),
  })
})
afterAll(async () => {
  await client?.close()
  await place?.close()
})

const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await place.run(...args, '--json')
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout)
}
/** What a method answers is what a command prints. */
const printed = async (said: Promise<unknown>, ...args: string[]) =>
  expect(JSON.parse(JSON.stringify(await said))).toEqual(await json(...args))
const row = { id: 1, day: '2024-01-01T00:00:00Z', income: 30_000, age: 40, purpose: 'car' }
const isServed = () => eventually(async () => (await fetch(`${place.gateway}/v1/models/loans`)).status === 200)

describe('slipway/client', () => {
  let run: RunDocument

  it('starts a run, and tells what happens in it until it has ended', async () => {
    const { runId } = await client.runs.start('loans', { types: false })
    const events: RunEvent[] = []
    for await (const event of client.runs.follow(runId)) events.push(event)
    const last = events.at(-1) as RunEvent & { readonly kind: 'ended' }
    expect(last).toMatchObject({ kind: 'ended', run: { runId, status: 'succeeded', exitCode: 0 } })
    run = last.run
    const told = events.flatMap((event) => (event.kind === 'step' ? [event.step.name] : []))
    expect(told).toEqual(run.steps.map(({ name }) => name))
    // One that has ended is followed as well, and waited for.
    for await (const event of client.runs.follow(runId)) expect(event).toEqual(last)
    expect(await client.runs.wait(runId)).toEqual(run)
  })

  it('answers what the commands print with --json', async () => {
    await printed(client.runs.list(), 'runs')
    await printed(client.runs.list({ sort: 'auc', limit: 1 }), 'runs', '--sort', 'auc', '--limit', '1')
    await printed(client.runs.get(run.runId), 'show', run.runId)
    await printed(client.runs.why('risk'), 'why', 'risk')
    await printed(client.runs.compare(run.runId, run.runId), 'compare', run.runId, run.runId)
    await printed(client.models.list(), 'models')
    await printed(client.models.get('loans'), 'show', 'loans')
    await printed(client.lineage('loans@1'), 'lineage', 'loans@1')
    await printed(client.endpoints.get('loans'), 'rollout', 'status', 'loans')
    await printed(client.endpoints.list(), 'endpoints')
    await printed(client.retraining.get('loans'), 'retrain', 'status', 'loans')
    await printed(client.batches.list(), 'batch', 'list')
    await printed(client.views.list(), 'show', 'views')
    const { findings } = await client.health()
    expect(findings.filter(({ passed }) => !passed)).toEqual([])
    const digest = (await client.models.get('loans')).bundle.files['card.md']?.digest as string
    const { bytes, ...card } = await client.artifacts.get(digest)
    await printed(Promise.resolve(card), 'show', digest)
    const chunks: Buffer[] = []
    for await (const chunk of await client.artifacts.open(digest)) chunks.push(chunk as Buffer)
    expect(Buffer.concat(chunks)).toEqual(bytes)
  })

  it('plans a run, beside the champion too, and says what waits', async () => {
    await printed(client.pipelines.list(), 'pipelines')
    await printed(client.pipelines.plan('loans', { types: false }), 'plan', 'loans', '--no-types')
    const against = await client.pipelines.plan('loans', { against: 'champion', set: {}, types: false })
    expect(JSON.parse(JSON.stringify(against))).toEqual(
      await json('plan', 'loans', '--against', 'champion', '--no-types'),
    )
    expect(against).toMatchObject({ wouldChange: false, champions: [{ model: 'loans', run: run.runId }] })
    await printed(client.waiting(), 'waiting')
    await expect(client.pipelines.plan('lones')).rejects.toMatchObject({ name: 'SlipwayError' })
  })

  it('explains a model, and its answers to the rows of a file', async () => {
    place.project.write('row.json', JSON.stringify([row]))
    await printed(client.models.explain('loans'), 'explain', 'loans')
    const explained = await client.models.explainRows('loans@1', join(place.project.root, 'row.json'))
    expect(JSON.parse(JSON.stringify(explained))).toEqual(await json('explain', 'loans@1', '--row', 'row.json'))
    const [{ base, score, parts }] = explained.rows as [(typeof explained.rows)[number]]
    expect(parts.reduce((sum, { part }) => sum + part, base)).toBeCloseTo(score, 9)
    const { speed: _, ...compiled } = await client.models.compiled('loans')
    expect(await json('show', 'loans', '--compiled')).toMatchObject(compiled)
    await expect(client.models.explain('lones')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('judges a file as the monitor would, and says how often that cries wolf', async () => {
    const file = join(place.project.root, 'lake/2024-01-01/loans.parquet')
    const { report, policy } = await client.monitors.checkFile('loans', file, { against: '1' })
    const { columns, rules, verdict } = await json('drift', 'check', 'loans', '--from', file, '--against', '1')
    expect(JSON.parse(JSON.stringify(report))).toMatchObject({ columns, rules, verdict })
    expect(report).toMatchObject({ rows: 4_000, rules: [{ state: 'kept' }] })
    await place.project.data('richer.parquet', `SELECT * REPLACE (income + 90000 AS income) FROM (${loansSql()})`)
    const richer = await client.monitors.checkFile('loans', join(place.project.root, 'richer.parquet'))
    expect(richer.report.rules).toEqual([expect.objectContaining({ state: 'breached' })])
    expect(policy).toEqual((await client.monitors.get('loans')).policy)
    const wanted = { rows: 400, runs: 3 }
    const { stdout } = await place.run('drift', 'calibrate', 'loans', '--rows', '400', '--runs', '3', '--json')
    expect(await client.monitors.calibrate('loans', wanted)).toEqual(JSON.parse(stdout))
  })

  it('says what became of predictions, of its own or from a file', async () => {
    await isServed()
    const labels = [
      { requestId: 'a', label: true },
      { requestId: 'b', row: 1, label: 0, at: '2024-01-01T00:00:00Z' },
    ]
    expect(await client.endpoints.label('loans', labels)).toEqual({ accepted: 2 })
    place.project.write('labels.json', JSON.stringify(labels.map(({ requestId }) => ({ requestId, label: 1 }))))
    expect(await client.endpoints.importLabels(join(place.project.root, 'labels.json'))).toEqual({ accepted: 2 })
    expect(await json('labels', 'import', 'labels.json', '--endpoint', 'loans')).toEqual({ accepted: 2 })
    const wrong = client.endpoints.label('loans', [...labels, { requestId: 'c', label: 'perhaps' }])
    await expect(wrong).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringContaining('labels 1 to 3 were refused: [2]: label is "perhaps"'),
    })
  })

  it('scores files that no pipeline names', async () => {
    const { root } = place.project
    const from = join(root, 'lake/2024-01-01/loans.parquet')
    const score = () => client.batches.score('loans', { from, to: join(root, 'scored') })
    const { record, cached } = await score()
    expect([record.rows.scored, cached]).toEqual([4_000, false])
    expect(existsSync(join(root, 'scored/_SUCCESS'))).toBe(true)
    // The same files by the same model are there already.
    expect(await score()).toMatchObject({ record: { manifest: record.manifest }, cached: true })
    expect(await json('batch', 'score', 'loans', '--from', from, '--to', 'again')).toMatchObject({ rows: record.rows })
  })

  it('registers a finished model, by a run that is followed like any other', async () => {
    const { root } = place.project
    writeFileSync(join(root, 'brought.onnx'), loanModel())
    const snapshot = run.steps.find(({ kind }) => kind === 'snapshot')?.outputs.find(({ name }) => name === 'table')
    const wanted = {
      on: snapshot?.digest as string,
      target: 'defaulted',
      task: 'binary',
      feed: { years: 'age' },
      deploy: { endpoint: 'brought' },
    } as const
    const { runId, model } = await client.models.register(join(root, 'brought.onnx'), wanted)
    expect(model).toBe('brought')
    expect(await client.runs.wait(runId)).toMatchObject({ status: 'succeeded', model: { name: 'brought', version: 1 } })
    expect((await client.endpoints.get('brought')).route.champion).toMatchObject({ model: 'brought', version: 1 })
    const unknown = client.models.register(join(root, 'brought.onnx'), { ...wanted, on: 'ffffffff' })
    await expect(unknown).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(client.endpoints.infer('brought', {})).rejects.toMatchObject({ code: 'USAGE' })
  })

  it('has a batch scored, and waits for it', async () => {
    const begun = await client.batches.start('loans', 'nightly', { at: new Date('2024-01-01T12:00:00Z') })
    expect(begun).toMatchObject({ batch: 'loans/nightly/2024-01-01', partition: '2024-01-01' })
    const { record, cached } = await client.batches.wait(begun)
    expect(cached).toBe(false)
    expect((await client.batches.get('loans', 'nightly', begun.partition)).record).toEqual(record)
    // Who asks again, by whatever way, is told of the same.
    expect(await json('batch', 'loans', 'nightly', '--date', '2024-01-01')).toMatchObject({ cached: true })
    await expect(client.batches.start('loans', 'hourly')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('pauses what happens by itself, and lets it go on', async () => {
    const monitor = async () => (await client.schedules.list()).find(({ id }) => id === 'loans/monitor')
    await client.schedules.pause('loans/monitor', { reason: 'a test', by: 'ann' })
    expect(await monitor()).toMatchObject({ paused: true, note: 'a test (ann)' })
    await client.schedules.resume('loans/monitor')
    expect(await monitor()).toMatchObject({ paused: false })
  })

  it('refuses with the codes of the command line', async () => {
    const refused = (code: string) => expect.objectContaining({ name: 'SlipwayError', code })
    await expect(client.runs.get('loans-20200101-000000-abcd')).rejects.toEqual(refused('NOT_FOUND'))
    await expect(client.runs.list({ sort: 'beauty' })).rejects.toEqual(refused('USAGE'))
    await expect(client.models.get('lones')).rejects.toEqual(refused('NOT_FOUND'))
    await expect(client.endpoints.get('lones')).rejects.toEqual(refused('NOT_FOUND'))
    await expect(client.monitors.get('lones')).rejects.toEqual(refused('NOT_MONITORED'))
    await expect(client.rollouts.promote('loans')).rejects.toEqual(refused('USAGE'))
    await expect(client.schedules.pause('loans/nothing')).rejects.toEqual(refused('NOT_FOUND'))
    await isServed()
    await expect(client.endpoints.predict('loans', [{ ...row, age: 'old' }])).rejects.toEqual(
      refused('REQUEST_INVALID'),
    )
  })
})

describe('the example of docs/client.md, in a process of its own', () => {
  it('does what it says, ends by itself, and prints nothing else', async () => {
    await isServed()
    const [example] = [
      ...readFileSync(join(packageRoot, 'docs/client.md'), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm),
    ]
    const { code } = await transform(example?.[1] as string, { loader: 'ts', format: 'esm' })
    place.project.write('example.mjs', code)
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['example.mjs'], {
      cwd: place.project.root,
      env: { ...process.env, ...place.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    })
    expect(stderr).toBe('')
    const lines = stdout.trimEnd().split('\n')
    const steps = (await client.runs.list({ limit: 1 }))[0]?.steps.map(({ name }) => name)
    expect(lines.slice(0, -3).map((line) => line.split(':')[0])).toEqual(steps)
    expect(lines.slice(-3)).toEqual([
      'succeeded: loans 2',
      'version 2 answers 1 row',
      expect.stringMatching(/^NOT_FOUND: there is no model "flights"/),
    ])
  })
})

describe('slipway client', () => {
  it('writes a client that a gateway answers, and says when it is out of date', async () => {
    expect(await json('client', 'loans', '--out', 'loans.ts')).toEqual({
      endpoint: 'loans',
      out: 'loans.ts',
      changed: true,
    })
    expect(await json('client', 'loans', '--out', 'loans.ts')).toMatchObject({ changed: false })
    expect((await place.run('client', 'loans', '--out', 'loans.ts', '--check')).code).toBe(0)
    const text = readFileSync(join(place.project.root, 'loans.ts'), 'utf8')
    const { code } = await transform(text, { loader: 'ts' })
    const { loansClient } = await import(`data:text/javascript,${encodeURIComponent(code)}`)
    const loans = loansClient({ url: place.gateway })
    const answer = await loans.predict([{ ...row, day: new Date(0) }], { requestId: 'mine' })
    const { version, predictions } = await client.endpoints.predict('loans', [row])
    expect(answer).toEqual({ predictions, version, role: 'champion', requestId: 'mine' })
    await expect(loans.predictOne({ ...row, age: 'old' })).rejects.toMatchObject({ code: 'REQUEST_INVALID' })
    place.project.write('loans.ts', `${text} `)
    const stale = await place.run('client', 'loans', '--out', 'loans.ts', '--check')
    expect([stale.code, stale.stderr]).toEqual([16, expect.stringContaining('CLIENT_STALE')])
  })
})

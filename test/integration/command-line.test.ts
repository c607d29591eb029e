import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { policyOf } from '../../lib/definition/deploy.ts'
import { monitorPolicyOf, psi } from '../../lib/definition/monitor.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { startRollout } from '../../lib/stats/rollout.ts'
import { publishBatchRecord } from '../../lib/store/batches.ts'
import { listKeys } from '../../lib/store/documents.ts'
import { establishMonitor } from '../../lib/store/monitors.ts'
import { putJson } from '../../lib/store/objects.ts'
import { digestOfPlan } from '../../lib/store/plans.ts'
import { publishRolloutEnd, publishRolloutStart } from '../../lib/store/rollouts.ts'
import { writeRoute } from '../../lib/store/routes.ts'
import { type CliResult, expectUserError } from '../support/cli.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'
import { runCommand } from '../support/run-command.ts'

let place: Place
const rolloutId = 'credit-20240201-000000-ab12'
/** A command in this process, in the project. */
const run = (...args: string[]): Promise<CliResult> => runCommand(place.project.root, args, place.env)
const document = async (...args: string[]) => {
  const result = await run(...args, '--json')
  expect(result.code, result.stderr).toBe(0)
  return JSON.parse(result.stdout)
}
const file = (name: string): string => readFileSync(join(place.project.root, name), 'utf8')

beforeAll(async () => {
  place = await openPlace({ SLIPWAY_CAPTURE_RATE: '1' })
  await place.project.data('data/loans.parquet', loansSql())
  await place.project.data('elsewhere/new.parquet', loansSql(3_000))
  await place.project.data('elsewhere/none.parquet', `SELECT * FROM (${loansSql(10)}) WHERE false`)
  await place.project.data('elsewhere/narrow.parquet', `SELECT * EXCLUDE (income) FROM (${loansSql(10)})`)
  await place.project.data('elsewhere/new.csv', loansSql(10))
  writeLoans(place.project, { must: '[auc.atLeast(0.5)]' })
})
afterAll(() => place.close())

describe('run', () => {
  it('makes a model and tells it in one document, and in a report whose folders are missing', async () => {
    const made = await document('run', 'loans', '--wait', '--junit', 'reports/of/today.xml')
    expect(made).toMatchObject({ status: 'succeeded', model: { version: 1 } })
    expect(file('reports/of/today.xml')).toContain('<testcase classname="loans.gates" name="auc ≥ 0.5" time="0"/>')
  })

  it('--from names the file that was read: in its document, its summary and its record', async () => {
    const made = await document('run', 'loans', '--from', 'elsewhere/new.parquet', '--wait')
    expect(made).toMatchObject({ from: 'elsewhere/new.parquet', model: { version: 2 } })
    const report = 'data/loans.parquet/report.xml'
    const summary = await run('run', 'loans', '--from', 'elsewhere/new.parquet', '--junit', report)
    expect(summary.code).toBe(0)
    expect(summary.stderr).toContain('warning: the JUnit report could not be written')
    expect(summary.stdout).toContain('from  elsewhere/new.parquet')
    expect(await document('show', made.runId)).toMatchObject({ origin: { from: 'elsewhere/new.parquet' } })
  })

  it('--from names the file in errors, wherever they are found', async () => {
    for (const [from, exitCode, code, words] of [
      ['elsewhere/none.parquet', 10, 'SOURCE_EMPTY', 'elsewhere/none.parquet has no rows'],
      ['elsewhere/narrow.parquet', 10, 'COLUMN_MISSING', 'elsewhere/narrow.parquet has no column "income"'],
      ['elsewhere/nowhere.parquet', 10, 'SOURCE_MISSING', '--from elsewhere/nowhere.parquet: there is no such file'],
      ['elsewhere/new.csv', 2, 'USAGE', '--from elsewhere/new.csv: that is csv, and the definition reads parquet'],
    ] as const) {
      const result = await run('run', 'loans', '--from', from, '--wait', '--json')
      expect(JSON.parse(result.stdout)).toMatchObject({
        exitCode,
        error: { code, message: expect.stringContaining(words) },
      })
      expect(result.code).toBe(exitCode)
      expect(result.stdout).not.toContain('data/loans.parquet')
    }
  })

  it('goes on, and keeps its exit code, when nobody reads what it says', async () => {
    const child = spawn(process.execPath, [join(packageRoot, 'bin/slipway.mjs'), 'run', 'loans', '--wait'], {
      cwd: place.project.root,
      env: { ...process.env, ...place.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr]) stream.destroy()
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0)
  })
})

describe('the exit code with --junit', () => {
  it('of a run that does not begin is kept', async () => {
    const { code } = await run('run', 'loans', '--from', 'nowhere.parquet', '--junit', 'missing.xml')
    expect(code).toBe(10)
    expect(file('missing.xml')).toContain('errors="1"')
    expect(file('missing.xml')).toContain('<error type="SOURCE_MISSING"')
  })

  it('of one that is not waited for to its end is kept, and the report says so', async () => {
    writeLoans(place.project, { learner: 'trees({ trees: 300, leaves: 15, minRowsPerLeaf: 10 })' })
    const late = await run('run', 'loans', '--junit', 'late.xml', '--timeout', '0.01s')
    expectUserError(late, 124, 'WAIT_TIMED_OUT')
    expect(file('late.xml')).toContain('<error type="WAIT_TIMED_OUT"')
    const args = ['run', 'loans', '--set', 'trees=310', '--junit', 'broken-off.xml']
    const broken = place.begin(...args)
    await broken.said('look ')
    broken.interrupt()
    expectUserError(await broken.result, 130, 'INTERRUPTED')
    expect(file('broken-off.xml')).toContain('<error type="INTERRUPTED"')
    writeLoans(place.project, { must: '[auc.atLeast(0.5)]' })
  })
})

describe('export', () => {
  it('prints the plan, or writes it where it can be written', async () => {
    const [{ runId, plan }] = await document('runs', 'loans')
    const { stdout } = await run('export', runId)
    expect(digestOfPlan(JSON.parse(stdout))).toBe(plan.digest)
    expect(await document('export', runId)).toEqual(JSON.parse(stdout))
    expect(await document('export', runId, '--output', 'plan.json')).toEqual({ run: runId, output: 'plan.json' })
    expect(file('plan.json')).toBe(stdout.trimEnd())
    expectUserError(await run('export', runId, '--output', 'no/such/folder/plan.json'), 2, 'USAGE')
  })
})

describe('of two runs', () => {
  it('the better one is first, whichever way is better', async () => {
    for (const [metric, sign] of [
      ['auc', -1],
      ['logLoss', 1],
    ] as const) {
      const values = (await document('runs', 'loans', '--sort', metric)).map(
        ({ metrics }: { metrics: Record<string, number> }) => metrics[metric],
      )
      const known = values.filter((value: number | undefined) => value !== undefined)
      expect(new Set(known).size).toBeGreaterThan(1)
      expect(known).toEqual([...known].sort((a, b) => sign * (a - b)))
      expect(values.slice(0, known.length)).toEqual(known)
    }
  })

  it('the later one is drawn beside the earlier one', async () => {
    const [later, earlier] = (await document('runs', 'loans')).map(({ runId }: { runId: string }) => runId)
    expect((await run('compare', earlier, later, '--html', 'compared.html')).code).toBe(0)
    expect(file('compared.html')).toContain(`; ${earlier} reaches `)
  })

  it('compare says which is better', async () => {
    const [best, ...others] = await document('runs', 'loans', '--sort', 'logLoss')
    const other = others.find(
      ({ metrics }: { metrics: Record<string, number> }) => metrics.logLoss !== best.metrics.logLoss,
    )
    const { differences } = await document('compare', other.runId, best.runId)
    expect(differences).toContainEqual(expect.objectContaining({ what: 'metric logLoss', better: 'b' }))
  })
})

describe('open', () => {
  it('draws a version from what the store has, beside what it was judged against', async () => {
    const { code, stdout } = await run('open', 'loans@1', '--html', 'loans.html')
    expect([code, stdout]).toEqual([0, `${join(place.project.root, 'loans.html')}\n`])
    const page = file('loans.html')
    expect(page).toContain('<h1>loans version 1</h1>')
    expect(page).toContain('aria-label="ROC curve"')
    const { metrics } = (await document('show', 'loans@1')).record
    expect(page).toContain(`auc ${Number(metrics.auc.toPrecision(4))} (`)
  })

  it('draws what a run packaged, registered or not', async () => {
    writeLoans(place.project, { must: '[auc.atLeast(0.999)]' })
    const failed = await run('run', 'loans', '--wait', '--json')
    writeLoans(place.project, { must: '[auc.atLeast(0.5)]' })
    expect(failed.code).toBe(12)
    expect((await run('open', JSON.parse(failed.stdout).runId, '--html', 'failed.html')).code).toBe(0)
    expect(file('failed.html')).toContain('<p class="verdict alarm">Failed: auc ≥ 0.999')
  })

  it('says what there is not', async () => {
    expectUserError(await run('open', 'nothing-20010101-000000-abcd'), 2, 'NOT_FOUND')
  })
})

describe('lineage', () => {
  const batchOf = { owner: 'loans', name: 'nightly', slot: '2024-02-01' }
  let first: ModelVersion
  let second: ModelVersion
  let manifest: string
  let made: { run: string; snapshot: string }

  beforeAll(async () => {
    const { store } = place.store
    const [{ versions }] = await document('models')
    const { runId, steps } = await document('show', versions[0].run)
    made = { run: runId, snapshot: steps[0].outputs[0].digest }
    const variant = (version: number): ModelVersion => ({
      model: 'loans',
      version,
      digest: versions[version - 1].digest,
    })
    ;[first, second] = [variant(1), variant(2)]
    await writeRoute(store, 'credit', { kind: 'open', variant: first }, 'the first version')
    const rollout = {
      id: rolloutId,
      candidate: second,
      mode: 'split' as const,
      share: 0.5,
      salt: '',
      sticky: null,
      slowMs: null,
    }
    await writeRoute(store, 'credit', { kind: 'begin', rollout }, 'a rollout')
    await writeRoute(store, 'credit', { kind: 'finish', rollout: rollout.id, candidate: second, promote: true }, 'done')
    const policy = policyOf({ endpoint: 'credit', canary: { steps: [50] } })
    const begun = {
      id: rollout.id,
      endpoint: 'credit',
      run: 'loans-20240201-000000-ab12',
      champion: first,
      candidate: second,
      policy,
      startedAt: '2024-02-01T00:00:00Z',
    }
    await publishRolloutStart(store, { ...begun, state: startRollout(0) as never })
    await publishRolloutEnd(store, {
      ...begun,
      outcome: 'promoted',
      reason: 'not worse',
      finishedAt: '2024-02-01T00:10:00Z',
      seconds: 600,
      requests: { champion: 10, candidate: 10 },
      harmed: 0,
      decisions: [],
      evidence: 0,
    })
    const rows = { read: 10, scored: 10, quarantined: 0 }
    const document_ = {
      slipway: 'batch/1',
      ...batchOf,
      model: first,
      plan: await putJson(store, { slipway: 'batch-plan/1' }),
      schema: [{ name: 'income', type: 'number', nullable: false }],
      inputs: [{ uri: 'in/a.parquet', digest: `sha256:${'1'.repeat(64)}`, size: 1 }],
      rows,
      parts: [],
      quarantine: [],
      reasons: {},
      merkleRoot: `sha256:${'2'.repeat(64)}`,
    }
    const refs = [await putJson(store, document_), await putJson(store, { ...document_, model: second })]
    manifest = refs[0]?.digest as string
    for (const [i, ref] of refs.entries())
      await publishBatchRecord(store, {
        slipway: 'batch-record/1',
        ...batchOf,
        generation: i + 1,
        key: String(i),
        manifest: ref,
        model: i === 0 ? first : second,
        rows,
        to: null,
        supersedes: i === 0 ? null : manifest,
        startedAt: '2024-02-01T00:00:00Z',
        publishedAt: '2024-02-01T00:01:00Z',
        by: 'a test',
      })
  })

  it('goes down from a version to endpoints, rollouts and batches', async () => {
    const lineage = await document('lineage', 'loans@1')
    expect(lineage).toMatchObject({
      ...made,
      endpoints: [
        { endpoint: 'credit', now: null, served: [{ role: 'champion', from: 1, to: 2, reason: 'the first version' }] },
      ],
      rollouts: [{ id: 'credit-20240201-000000-ab12', role: 'champion', outcome: 'promoted' }],
      batches: [{ batch: 'loans/nightly/2024-02-01', generation: 1, manifest, rows: 10, inForce: false }],
    })
    expect(await document('lineage', 'loans@2')).toMatchObject({
      endpoints: [
        {
          endpoint: 'credit',
          now: 'champion',
          served: [
            { role: 'candidate', from: 2, to: 2 },
            { role: 'champion', from: 3, to: 3 },
          ],
        },
      ],
      rollouts: [{ role: 'candidate', outcome: 'promoted' }],
      batches: [{ generation: 2, inForce: true }],
    })
    const { stdout } = await run('lineage', 'loans@1')
    expect(stdout).toContain(`← run ${made.run}`)
    expect(stdout).toContain('→ endpoint credit: not any more; champion in revisions 1 to 2')
    expect(stdout).toContain('→ rollout credit-20240201-000000-ab12 as champion: promoted, not worse')
    expect(stdout).toMatch(/→ batch loans\/nightly\/2024-02-01: 10 rows, manifest \w+ \(superseded\)/)
  })

  it('goes down from a snapshot to the models made from it, and on', async () => {
    const { snapshot } = made
    const lineage = await document('lineage', snapshot)
    expect(lineage.models.map(({ digest }: { digest: string }) => digest)).toContain(first.digest)
    expect(lineage.models.map(({ digest }: { digest: string }) => digest)).not.toContain(second.digest)
    expect(lineage.models).toContainEqual(
      expect.objectContaining({ name: 'loans', version: 1, batches: [expect.objectContaining({ manifest })] }),
    )
    const { stdout } = await run('lineage', snapshot.slice(7, 19))
    expect(stdout).toMatch(/→ loans version 1 .*\n {6}→ endpoint credit/)
  })

  it('goes up from a batch, and from a manifest that was superseded', async () => {
    expect(await document('lineage', manifest)).toMatchObject({
      ...made,
      batch: 'loans/nightly/2024-02-01',
      inForce: false,
      model: { name: 'loans', version: 1, digest: first.digest },
    })
    expect(await document('lineage', 'loans/nightly/2024-02-01')).toMatchObject({
      inForce: true,
      model: { version: 2 },
    })
    expect((await run('lineage', manifest)).stdout).toMatch(
      /manifest \w+ \(superseded\), 10 rows scored\n {2}← in\/a\.parquet/,
    )
  })

  it('goes up from the id of a prediction', async () => {
    const row = { id: 1, day: '2024-01-01T00:00:00Z', income: 30000, age: 30, purpose: 'car' }
    await eventually(async () => {
      const answer = await fetch(`${place.gateway}/v1/models/credit:predict`, {
        method: 'POST',
        headers: { 'x-request-id': 'ours/1' },
        body: JSON.stringify({ instances: [row] }),
      })
      return answer.status === 200 && (await run('lineage', 'ours/1')).code === 0
    })
    expect(await document('lineage', 'ours/1')).toMatchObject({
      endpoint: 'credit',
      model: { version: 2, digest: second.digest },
    })
  })

  it('of what is not there says so, and touches nothing', async () => {
    // Runs of the tests before may still write: a command that wrote would do so every time.
    await eventually(async () => {
      const before = (await listKeys(place.store.store, '')).length
      expectUserError(await run('lineage', 'nothing'), 2, 'NOT_FOUND')
      expectUserError(await run('lineage', 'loans@99'), 2, 'NOT_FOUND')
      return (await listKeys(place.store.store, '')).length === before
    })
  })
})

describe('signal', () => {
  it('to a pipeline that is not watched says that nobody would act', async () => {
    expect(expectUserError(await run('signal', 'drift', 'loans'), 2, 'NOT_MONITORED')).toContain('is not watched')
  })

  it('to one that is watched and does not retrain says so', async () => {
    const policy = monitorPolicyOf({ every: '1d', drift: psi.over(0.2) })
    const step = {
      id: 'monitor',
      kind: 'monitor',
      package: 'package',
      model: 'risk',
      endpoint: 'credit',
      policy,
    } as const
    const plan = `sha256:${'3'.repeat(64)}`
    const by = { run: 'loans-20240201-000000-ab12', isRetraining: false }
    await establishMonitor(place.store.store, { pipeline: 'loans', step: { ...step, time: null }, plan }, by)
    expect(expectUserError(await run('signal', 'drift', 'loans'), 2, 'NOT_MONITORED')).toContain(
      'is watched and does not retrain',
    )
  })
})

describe('with Temporal down', () => {
  it('everything that reads the store alone works', async () => {
    const [newest, before] = await document('runs', 'loans')
    await place.killTemporal()
    for (const command of [
      ['plan', 'loans'],
      ['runs'],
      ['show', newest.runId],
      ['show', 'loans@1'],
      ['models'],
      ['lineage', 'loans@1'],
      ['why', 'risk'],
      ['compare', before.runId, newest.runId],
      ['export', newest.runId],
      ['trace', 'ours/1'],
      ['batch', 'list'],
      ['explain', rolloutId],
      ['drift', 'check', 'credit', '--from', 'data/loans.parquet', '--against', '1'],
    ])
      await document(...command)
  })
})

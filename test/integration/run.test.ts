import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { beginSlipway, type CliResult, expectUserError } from '../support/cli.ts'
import { eventually } from '../support/gateways.ts'
import { cloneProject, loansSql, newProject, type TestProject, writeLoans } from '../support/project.ts'
import { runCommand as slipway } from '../support/run-command.ts'

const project = newProject()
let clone: TestProject
let clonedEnvironment: Record<string, string>

beforeAll(async () => {
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  expect((await slipway(project.root, ['up', '--detach'])).code).toBe(0)
  clone = cloneProject(project)
  const exports = (await slipway(project.root, ['status', '--env'])).stdout
  clonedEnvironment = Object.fromEntries(
    [...exports.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value]),
  )
})
afterAll(async () => {
  await slipway(project.root, ['down'])
  project.remove()
  clone?.remove()
})

const run = (...args: string[]): Promise<CliResult> =>
  slipway(project.root, ['run', 'loans', '--wait', '--json', ...args])
const documentOf = ({ stdout }: CliResult) => JSON.parse(stdout)
const cachedSteps = (result: CliResult) =>
  documentOf(result)
    .steps.filter(({ cached }: { cached: boolean }) => cached)
    .map(({ name }: { name: string }) => name)

describe('a run from the command line', () => {
  let first: ReturnType<typeof documentOf>

  it('makes a gated, registered model and says so in one JSON document', async () => {
    const result = await run('--junit', join(project.root, 'report.xml'))
    expect(result, result.stderr).toMatchObject({ code: 0 })
    first = documentOf(result)
    expect(first).toMatchObject({
      status: 'succeeded',
      exitCode: 0,
      plan: { digest: expect.stringMatching(/^sha256:/) },
      model: { name: 'loans', version: 1, digest: expect.stringMatching(/^sha256:/), champion: true },
      metrics: { auc: expect.any(Number) },
    })
    expect(first.steps.map(({ name }: { name: string }) => name)).toEqual([
      'loans',
      'validate',
      'split',
      'risk',
      'package',
      'evaluate',
      'gate',
      'register',
    ])
    expect(first.gates).toContainEqual(expect.objectContaining({ name: 'auc ≥ 0.6', passed: true }))
    expect(result.stderr).toContain('risk')
    const report = readFileSync(join(project.root, 'report.xml'), 'utf8')
    expect(report).toContain('<testcase classname="loans.gates" name="auc ≥ 0.6" time="0"/>')
    expect(report).toContain('failures="0"')
  })

  it('is all reused the second time, and names the same model', async () => {
    const result = await run()
    expect(result).toMatchObject({ code: 0 })
    expect(documentOf(result).model).toEqual(first.model)
    expect(cachedSteps(result)).toHaveLength(8)
  })

  it('uses the same bytes again when given the snapshot, though the source has changed', async () => {
    const snapshot = first.steps[0].outputs[0].digest
    const before = readFileSync(join(project.root, 'data/loans.parquet'))
    await project.data('data/loans.parquet', loansSql(3_600))
    const again = await run('--snapshot', snapshot)
    expect(documentOf(again).model).toEqual(first.model)
    const fresh = await run()
    expect(documentOf(fresh).model.digest).not.toBe(first.model.digest)
    writeFileSync(join(project.root, 'data/loans.parquet'), before)
    expect(documentOf(await run()).model.digest).toBe(first.model.digest)
  })

  it('runs again only what an edited gate or parameter reaches', async () => {
    const file = join(project.root, 'pipelines/loans/pipeline.ts')
    const definition = readFileSync(file, 'utf8')
    writeFileSync(file, definition.replace('auc.atLeast(0.6)', 'auc.atLeast(0.61)'))
    expect(cachedSteps(await run())).toEqual(['loans', 'validate', 'split', 'risk', 'package', 'evaluate', 'register'])
    writeFileSync(file, `// a comment\n${definition}`)
    expect(cachedSteps(await run())).toHaveLength(8)
    const plan = JSON.parse((await slipway(project.root, ['plan', 'loans', '--set', 'leaves=5', '--json'])).stdout)
    expect(plan.steps.slice(2, 5)).toEqual([
      expect.objectContaining({ step: 'split', state: 'reused' }),
      expect.objectContaining({ step: 'risk', state: 'runs', reason: 'leaves 7→5' }),
      expect.objectContaining({ step: 'package', state: 'runs', reason: 'needs what risk makes' }),
    ])
    writeFileSync(file, definition)
  })

  it('runs again what an edited helper reaches, and nothing where an unused one or a comment was edited', async () => {
    const helpers = (ratio: string, more = '') =>
      project.write(
        'pipelines/loans/helpers.ts',
        `export const ratio = (x: number, y: number): number => ${ratio}\nexport const unused = (x: number): number => x${more}\n`,
      )
    const file = join(project.root, 'pipelines/loans/features.ts')
    const features = readFileSync(file, 'utf8')
    writeFileSync(file, `import { ratio } from './helpers.ts'\n${features.replace('x / age[i]!', 'ratio(x, age[i]!)')}`)
    helpers('x / y')
    expect(cachedSteps(await run())).toEqual(['loans', 'validate', 'split'])
    helpers('x / y', ' + 1 // a comment')
    expect(cachedSteps(await run())).toHaveLength(8)
    helpers('x / (y + 1)')
    expect(cachedSteps(await run())).toEqual(['loans', 'validate', 'split'])
    writeFileSync(file, features)
  })

  it('exits with 12 when a gate fails, and the champion stays', async () => {
    const file = join(project.root, 'pipelines/loans/pipeline.ts')
    const definition = readFileSync(file, 'utf8')
    writeFileSync(file, definition.replace('auc.atLeast(0.6)', 'auc.atLeast(0.999)').replace('leaves: 7', 'leaves: 3'))
    const before = (await slipway(project.root, ['models', '--json'])).stdout
    const result = await run()
    expect(result).toMatchObject({ code: 12 })
    expect(documentOf(result)).toMatchObject({
      status: 'gate failed',
      exitCode: 12,
      model: null,
      error: { code: 'GATE_FAILED' },
    })
    expect(await slipway(project.root, ['wait', documentOf(result).runId])).toMatchObject({ code: 12 })
    expect((await slipway(project.root, ['models', '--json'])).stdout).toBe(before)
    writeFileSync(file, definition)
  })

  it('from another clone, with a changed pipeline, is carried out by the first clone’s worker', async () => {
    const unchanged = await slipway(clone.root, ['run', 'loans', '--wait', '--json'], clonedEnvironment)
    expect(unchanged, unchanged.stderr).toMatchObject({ code: 0 })
    expect(documentOf(unchanged).model.digest).toBe(first.model.digest)
    writeLoans(clone, {
      features:
        'export function features({ income, age }: { income: Float64Array; age: Float64Array }) {\n  return { debt: Float32Array.from(income, (x, i) => x * age[i]!), income }\n}\n',
      must: '[auc.atLeast(0.5)]',
    })
    const changed = await slipway(clone.root, ['run', 'loans', '--wait', '--json'], clonedEnvironment)
    expect(changed, changed.stderr).toMatchObject({ code: 0 })
    expect(cachedSteps(changed)).toEqual(['loans', 'validate', 'split'])
  })

  it('without --wait starts and returns; wait follows it, and once it has ended says the same again', async () => {
    const started = await slipway(project.root, ['run', 'loans', '--json'])
    expect(started).toMatchObject({ code: 0 })
    const { status, runId } = documentOf(started)
    expect({ status, runId }).toMatchObject({ status: 'started', runId: expect.stringMatching(/^loans-/) })
    const waited = await slipway(project.root, ['wait', runId, '--json'])
    // Another version may be the champion by now.
    const { champion: _, ...model } = first.model
    expect(documentOf(waited)).toMatchObject({ runId, status: 'succeeded', exitCode: 0, model })
    expect((await slipway(project.root, ['wait', runId, '--json'])).stdout).toBe(waited.stdout)
    const unknown = await slipway(project.root, ['wait', 'loans-20260101-000000-none'])
    expect(expectUserError(unknown, 2, 'NOT_FOUND')).toContain('loans-20260101-000000-none')
  })
})

describe('a model that takes other rows than the champion', () => {
  it('is refused before it runs, until the definition says that it is meant', async () => {
    const schema = readFileSync(join(project.root, 'pipelines/loans/schema.ts'), 'utf8')
    await project.data('data/renamed.parquet', `SELECT * RENAME (income AS salary) FROM (${loansSql()})`)
    const renamed = {
      from: 'data/renamed.parquet',
      schema: schema.replace('income:', 'salary:'),
      features: 'export function features({ salary }: { salary: Float64Array }) {\n  return { salary }\n}\n',
    }
    writeLoans(project, renamed)
    for (const command of [
      ['plan', 'loans'],
      ['run', 'loans', '--wait'],
    ]) {
      const message = expectUserError(await slipway(project.root, command), 2, 'SIGNATURE_BREAKING')
      expect(message).toContain('column "salary" is new and required')
    }
    const file = join(project.root, 'pipelines/loans/pipeline.ts')
    writeFileSync(
      file,
      readFileSync(file, 'utf8')
        .replace('p.package(model)', 'p.package(model, { inputVersion: 2 })')
        .replace('auc.atLeast(0.6)', 'auc.atLeast(0.55)'),
    )
    const result = await run()
    expect(result, result.stderr).toMatchObject({ code: 0 })
    expect(documentOf(result).gates).toContainEqual(
      expect.objectContaining({ evidence: 'there is no champion to compare with' }),
    )
    await slipway(project.root, ['rollback', 'loans', '--reason', 'back to the old signature'])
    writeLoans(project)
  })
})

describe('a run that goes on by itself', () => {
  const finished = async (runId: string) => {
    for (;;) {
      const shown = JSON.parse((await slipway(project.root, ['show', runId, '--json'])).stdout)
      if (shown.exitCode !== undefined) return shown
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }

  it('stays on the code it started with while the file is edited', async () => {
    const other = { learner: 'trees({ trees: 21, leaves: 7, minRowsPerLeaf: 10 })', must: '[auc.atLeast(0.5)]' }
    writeLoans(project, other)
    // The worker is held still until the file is edited: it has read nothing of the run before.
    const { worker } = JSON.parse((await slipway(project.root, ['status', '--json'])).stdout)
    process.kill(worker, 'SIGSTOP')
    const { runId } = documentOf(await slipway(project.root, ['run', 'loans', '--json']))
    writeLoans(project, { ...other, features: 'export function features() {\n  throw new Error("edited")\n}\n' })
    process.kill(worker, 'SIGCONT')
    const record = await finished(runId)
    expect(record).toMatchObject({ status: 'succeeded', exitCode: 0 })
    writeLoans(project, other)
    expect(documentOf(await run()).model.digest).toBe(record.model.digest)
  })

  it('when the wait for it times out (124) or is interrupted (130); it waits for its approval, and ends well with it', async () => {
    const file = join(project.root, 'pipelines/loans/pipeline.ts')
    writeLoans(project, { must: '[auc.atLeast(0.5)]' })
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace(
        /\}\)\n$/,
        "  p.approve(candidate, { role: 'ml-lead', within: '1h', otherwise: 'reject' })\n})\n",
      ),
    )
    const late = await slipway(project.root, ['run', 'loans', '--wait', '--timeout', '0.01s'])
    expect(expectUserError(late, 124, 'WAIT_TIMED_OUT')).toContain('no run is known to have begun')
    const { stdout } = await slipway(project.root, ['run', 'loans', '--json'])
    const { runId: first } = JSON.parse(stdout) as { runId: string }
    const timedOut = await slipway(project.root, ['wait', first, '--timeout', '0.5s'])
    expect(expectUserError(timedOut, 124, 'WAIT_TIMED_OUT')).toContain(`run ${first} is not done after`)
    const waiting = beginSlipway(project.root, ['run', 'loans', '--wait'])
    await waiting.said('look ')
    waiting.interrupt()
    const interrupted = await waiting.result
    const second = /run (loans-\S+)/.exec(interrupted.stderr)?.[1] as string
    expect(expectUserError(interrupted, 130, 'INTERRUPTED')).toContain(second)
    for (const runId of [first, second] as string[]) {
      await eventually(async () => (await slipway(project.root, ['approve', runId, '--reason', 'a test'])).code === 0)
      expect(await finished(runId)).toMatchObject({ status: 'succeeded' })
    }
    writeLoans(project)
  })
})

describe('looking at what was made', () => {
  const look = async (...args: string[]): Promise<string> => {
    const result = await slipway(project.root, args)
    expect(result, result.stderr).toMatchObject({ code: 0 })
    return result.stdout
  }

  it('shows runs, models, a model, its lineage, and an artifact', async () => {
    const runs = JSON.parse(await look('runs', 'loans', '--json'))
    expect(runs.length).toBeGreaterThan(4)
    const [model] = JSON.parse(await look('models', '--json'))
    expect(model).toMatchObject({
      name: 'loans',
      versions: expect.arrayContaining([
        expect.objectContaining({ version: 1, metrics: expect.objectContaining({ auc: expect.any(Number) }) }),
      ]),
    })
    expect(await look('show', 'loans@1')).toContain('Features by share of gain')
    expect(await look('show', runs[0].runId)).toContain('validate')
    const lineage = JSON.parse(await look('lineage', 'loans@1', '--json'))
    // A helper was edited without another outcome: two steps made the same bytes.
    const makers: string[] = lineage.madeBy.map(({ step }: { step: string }) => step)
    expect([...new Set(makers)].sort()).toEqual(['package', 'snapshot', 'split', 'train', 'validate'])
    expect(lineage.usedBy.map(({ step }: { step: string }) => step)).toContain('evaluate')
    const onnx = JSON.parse(await look('show', 'loans@1', '--json')).bundle.files['features.js'].digest
    expect(await look('show', onnx.slice(7, 19))).toContain('income')
  })

  it('says why a step ran, and what differs between two runs', async () => {
    const runs = JSON.parse(await look('runs', 'loans', '--limit', '50', '--json')).reverse()
    const gateFailed = runs.find(({ exitCode }: { exitCode: number }) => exitCode === 12)
    expect(await look('why', 'risk', '--run', gateFailed.runId)).toContain('leaves 7→3')
    const compared = JSON.parse(await look('compare', runs[0].runId, gateFailed.runId, '--json'))
    expect(compared.differences).toContainEqual(expect.objectContaining({ what: 'step risk', b: 'leaves 7→3' }))
    expect(JSON.parse(await look('compare', runs[0].runId, runs[1].runId, '--json')).differences).toEqual([])
  })

  it('rolls the champion back and forth', async () => {
    const championOf = async (): Promise<number> => JSON.parse(await look('models', '--json'))[0].champion
    const before = await championOf()
    await look('rollback', 'loans', '--to', '1', '--reason', 'test')
    expect(await championOf()).toBe(1)
    await look('rollback', 'loans')
    expect(await championOf()).toBe(before)
  })

  it('exports a plan that names the same digest', async () => {
    const [last] = JSON.parse(await look('runs', 'loans', '--json'))
    expect(JSON.parse(await look('export', last.runId))).toMatchObject({ slipway: 'plan/1', pipeline: 'loans' })
  })

  it('finds everything in order', async () => {
    expect(JSON.parse(await look('doctor', '--json'))).toMatchObject({ healthy: true })
  })
})

import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { type CliResult, expectUserError, slipway } from '../support/cli.ts'
import { attach } from '../support/debugger.ts'
import { loansSql, newProject, writeLoans } from '../support/project.ts'

const project = newProject()
const featuresFile = join(project.root, 'pipelines/loans/features.ts')
beforeAll(async () => {
  writeLoans(project)
  await project.data('data/loans.parquet', loansSql())
  expect((await slipway(project.root, ['up', '--detach'])).code).toBe(0)
})
afterAll(async () => {
  await slipway(project.root, ['down'])
  project.remove()
})

const documentOf = ({ stdout }: CliResult) => JSON.parse(stdout)
const run = (...args: string[]) => slipway(project.root, ['run', 'loans', '--wait', '--json', ...args])
type Step = { name: string; cached: boolean; stepKey: string; outputs: { name: string; digest: string }[] }
const ran = ({ steps }: { steps: Step[] }): string[] => steps.filter(({ cached }) => !cached).map(({ name }) => name)
const keys = ({ steps }: { steps: Step[] }) => Object.fromEntries(steps.map(({ name, stepKey }) => [name, stepKey]))

/** The command with something to read. */
function slipwayReading(input: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(packageRoot, 'bin/slipway.mjs'), ...args], { cwd: project.root })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (data) => {
      stdout += data
    })
    child.stderr.on('data', (data) => {
      stderr += data
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }))
    child.stdin.end(input)
  })
}

describe('an edited helper', () => {
  it('that gives other values is trained, proven and judged anew; one that gives the same finds its compiled model proven', async () => {
    const first = documentOf(await run())
    expect(first.status).toBe('succeeded')
    const plain = readFileSync(featuresFile, 'utf8')
    writeFileSync(featuresFile, plain.replace('x / age[i]!)', 'x / (age[i]! + 1))'))
    const other = documentOf(await run())
    expect(ran(other)).toEqual(['risk', 'package', 'evaluate', 'gate', 'register'])
    expect(other.model.digest).not.toBe(first.model.digest)
    // Another text of the same function: another package, of the same trees.
    writeFileSync(featuresFile, plain.replace('x / age[i]!)', '(1 * x) / age[i]!)'))
    const same = documentOf(await run())
    expect(ran(same)).toEqual(['risk', 'package', 'evaluate', 'gate', 'register'])
    const compiledModelOf = async (digest: string) => {
      const bundle = documentOf(await slipway(project.root, ['show', digest.slice(7, 19), '--json']))
      const files = (bundle.content ?? bundle.value ?? bundle).files
      return [files['kernel.wasm'].digest, files['kernel.tables'].digest, files['kernel.json'].digest]
    }
    expect(await compiledModelOf(same.model.digest)).toEqual(await compiledModelOf(first.model.digest))
    writeFileSync(featuresFile, plain)
  })

  it('pushed twice at once is worked on once: each run has the same records, and one of them made each', async () => {
    const both = (await Promise.all([run('--set', 'trees=300'), run('--set', 'trees=300')])).map(documentOf)
    expect(both.map(({ status }) => status)).toEqual(['succeeded', 'succeeded'])
    const [a, b] = both
    expect(keys(a).package).toBe(keys(b).package)
    for (const name of ['risk', 'package', 'evaluate'])
      expect(
        [a, b].filter((each) => ran(each).includes(name)),
        name,
      ).toHaveLength(1)
  })
})

describe('slipway shell', () => {
  it('opens Node with what a step read: tables, models, parameters and functions', async () => {
    const { runId } = documentOf(await run())
    const train = await slipwayReading(
      [
        'Object.keys(inputs).join()',
        'train.rows + validation.rows < 4000',
        "const columns = await train.columns('income', 'age', 'purpose')",
        'columns.income.length === train.rows',
        'Object.keys(features(columns)).join()',
        'target(new Float64Array([0, 1])).join()',
        'step.learner.leaves',
      ].join('\n'),
      ...['shell', runId, '--at', 'risk'],
    )
    expect(train).toMatchObject({ code: 0, stderr: '' })
    expect(train.stdout).toMatch(/train +table, \d+ rows: id, day, income, age, purpose, defaulted/)
    const lines = train.stdout.split('\n')
    expect(lines).toEqual(
      expect.arrayContaining(["'train,validation'", 'true', "'income,age,ratio,purpose'", "'0,1'", '7']),
    )
    const gate = await slipwayReading(
      [
        "const rows = await part.columns('income', 'age', 'purpose')",
        "const scores = await inputs['package'].score(rows)",
        "const kept = new Float32Array(await require('node:fs/promises').readFile(inputs['candidate:predictions'].file).then((bytes) => Uint8Array.from(bytes).buffer))",
        'scores.length > 1000 && scores.every((score, i) => score === kept[i])',
      ].join('\n'),
      ...['shell', runId, '--at', 'gate'],
    )
    expect(gate, gate.stdout).toMatchObject({ code: 0, stderr: '' })
    expect(gate.stdout.trim().split('\n').at(-1)).toBe('true')
  })

  it('names the steps there are, and runs there are none of', async () => {
    const { runId } = documentOf(await run())
    const message = expectUserError(await slipway(project.root, ['shell', runId, '--at', 'packge']), 2, 'USAGE')
    expect(message).toContain('did you mean --at package?')
    expectUserError(await slipway(project.root, ['shell', 'loans-none', '--at', 'risk']), 2, 'NOT_FOUND')
  })
})

describe('slipway run --local', () => {
  it('makes and judges the candidate in one process with the steps of a run, and registers nothing', async () => {
    const before = (await slipway(project.root, ['models', '--json'])).stdout
    const local = await slipway(project.root, ['run', 'loans', '--local', '--json', '--set', 'trees=25'])
    expect(local, local.stderr).toMatchObject({ code: 0 })
    expect(ran(documentOf(local))).toEqual(['risk', 'package', 'evaluate', 'gate'])
    expect((await slipway(project.root, ['models', '--json'])).stdout).toBe(before)
    const real = documentOf(await run('--set', 'trees=25'))
    expect(ran(real)).toEqual(['register'])
    expect(keys(real)).toMatchObject(keys(documentOf(local)))
    const failing = await slipway(project.root, ['run', 'loans', '--inspect'])
    expect(expectUserError(failing, 2, 'USAGE')).toContain('slipway run loans --local --inspect')
  })

  it('holds at a breakpoint in the user’s own file, though all steps are on record', async () => {
    const recorded = documentOf(await run())
    const args = ['run', 'loans', '--local', '--inspect', '0', '--json']
    const child = spawn(process.execPath, [join(packageRoot, 'bin/slipway.mjs'), ...args], { cwd: project.root })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (data) => {
      stdout += data
    })
    const address = await new Promise<string>((resolve) => {
      child.stderr.on('data', (data) => {
        stderr += data
        const found = /ws:\/\/\S+/.exec(stderr)
        if (found !== null) resolve(found[0])
      })
    })
    const ended = new Promise((resolve) => child.once('close', resolve))
    const session = await attach(address)
    await session.send('Debugger.enable')
    // As an editor does: the bundle's source map says where the line of the user's file is.
    const file = pathToFileURL(featuresFile).href
    const line = readFileSync(featuresFile, 'utf8')
      .split('\n')
      .findIndex((text) => text.includes('ratio'))
    const mapOf = (url: unknown) =>
      JSON.parse(Buffer.from(String(url).split(',')[1] ?? '', 'base64').toString() || '{}')
    const isOurs = ({ sourceMapURL }: Record<string, unknown>) =>
      String(sourceMapURL).startsWith('data:') && mapOf(sourceMapURL).sources?.includes(file)
    const script = await session.event('Debugger.scriptParsed', isOurs)
    const map = new SourceMap(mapOf(script.sourceMapURL))
    const columns = Array.from({ length: script.length as number }, (_, column) => column)
    const columnNumber = columns.find((column) => {
      const entry = map.findEntry(0, column)
      return 'originalSource' in entry && entry.originalSource === file && entry.originalLine === line
    })
    const set = await session.send('Debugger.setBreakpointByUrl', { url: script.url, lineNumber: 0, columnNumber })
    expect(set.breakpointId).toBeDefined()
    await session.send('Runtime.runIfWaitingForDebugger')
    const paused = await session.event('Debugger.paused')
    const [frame] = paused.callFrames as { callFrameId: string; location: { columnNumber: number } }[]
    expect(map.findEntry(0, frame?.location.columnNumber as number)).toMatchObject({
      originalSource: file,
      originalLine: line,
    })
    const seen = await session.send('Debugger.evaluateOnCallFrame', {
      callFrameId: frame?.callFrameId,
      expression: 'income.length > 0 && income[0] >= 20000',
    })
    expect(seen.result).toMatchObject({ value: true })
    await session.send('Debugger.disable')
    session.close()
    expect(await ended, stderr).toBe(0)
    expect(documentOf({ code: 0, stdout, stderr })).toMatchObject({ registered: false, status: 'succeeded' })
    // What was watched has the records there were.
    expect(keys(recorded)).toMatchObject(keys(JSON.parse(stdout)))
  })
})

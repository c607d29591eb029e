import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { packageRoot } from '../../lib/code/host.ts'
import { openWay } from '../support/changeable-network.ts'
import { type BegunCommand, beginSlipway, type CliResult, expectUserError, slipway } from '../support/cli.ts'
import { eventually } from '../support/gateways.ts'
import { type Runner, runJob } from '../support/github-runner.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/* What CI systems do with Slipway, against real servers and in processes of their own. */
let place: Place
const git = (...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.test', ...args], {
    cwd: place.project.root,
    encoding: 'utf8',
  })
const commit = (): void => {
  git('add', '-A')
  git('commit', '--quiet', '-m', 'models')
}
const path = (file: string): string => join(place.project.root, file)
const text = (file: string): string => readFileSync(path(file), 'utf8')
const document = ({ stdout }: CliResult) => JSON.parse(stdout)
const plan = (...args: string[]): Promise<CliResult> =>
  place.run('plan', 'loans', '--against', 'champion', '--detailed-exitcode', '--json', ...args)

/** Slipway in the project's own node_modules, as npm lays a package that it links. */
function installSlipway(): void {
  place.project.write(
    'slipway-here/package.json',
    JSON.stringify({ name: 'slipway', version: '0.0.0', bin: { slipway: 'bin.mjs' }, type: 'module' }),
  )
  place.project.write(
    'slipway-here/bin.mjs',
    `#!/usr/bin/env node\nawait import(${JSON.stringify(join(packageRoot, 'bin/slipway.mjs'))})\n`,
  )
  execFileSync('chmod', ['+x', path('slipway-here/bin.mjs')])
  for (const file of ['action.yml', 'action/command.mjs', 'action/comment.mjs'])
    place.project.write(`slipway-here/${file}`, readFileSync(join(packageRoot, file), 'utf8'))
  const manifest = { name: 'models', private: true, dependencies: { slipway: 'file:slipway-here' } }
  place.project.write('package.json', JSON.stringify(manifest))
  place.project.write(
    'package-lock.json',
    JSON.stringify({
      name: 'models',
      lockfileVersion: 3,
      requires: true,
      packages: {
        '': manifest,
        'node_modules/slipway': { resolved: 'slipway-here', link: true },
        'slipway-here': { name: 'slipway', version: '0.0.0', bin: { slipway: 'bin.mjs' } },
      },
    }),
  )
}

const body = (
  rest: string,
  must = '[auc.atLeast(0.6)]',
): string => `import { auc, binary, pipeline, psi, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(p.validate(loans), { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees({ trees: 20, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, {
    on: parts.test,
    champion: 'not compared',
    must: ${must},
  })
  ${rest}
})
`
const served = (more = ''): string => `const live = p.deploy(candidate, { endpoint: 'credit'${more} })
  p.monitor(live, { every: '1d', drift: psi.over(0.2), playbook: 'look' })`

beforeAll(async () => {
  place = await openPlace()
  await place.project.data('data/loans.parquet', loansSql(2_000))
  writeLoans(place.project, { body: body(served()) })
  place.project.write('.gitignore', 'node_modules/\n.slipway/\n*.json.log\n')
  installSlipway()
  git('init', '--quiet', '--initial-branch', 'main')
  commit()
})
afterAll(() => place.close())

describe('a plan compared with the champion', () => {
  it('would change something where there is no champion yet, and says so', async () => {
    const result = await plan('--markdown', 'plan.md')
    expect(result.code, result.stderr).toBe(3)
    expect(document(result)).toMatchObject({
      wouldChange: true,
      champions: [{ model: 'loans', endpoint: 'credit', champion: null, run: null }],
    })
    expect(text('plan.md')).toContain('loans has no champion yet for endpoint credit')
  })

  it('would change nothing right after the run that made it', async () => {
    const made = await place.run('run', 'loans', '--wait', '--json')
    expect(made.code, made.stderr).toBe(0)
    const result = await plan('--markdown', 'plan.md', '--code-quality', 'quality.json')
    expect(result.code, result.stdout).toBe(0)
    expect(document(result)).toMatchObject({ wouldChange: false, champions: [{ run: document(made).runId }] })
    expect(text('plan.md')).toContain('no step would run')
    expect(JSON.parse(text('quality.json'))).toEqual([])
  })

  it('says which steps would run and why, with another exit code than an error has', async () => {
    const result = await plan('--set', 'trees=30', '--markdown', 'plan.md')
    expect(result.code).toBe(3)
    const { steps } = document(result)
    const of = (name: string) => steps.find(({ step }: { step: string }) => step === name)
    expect(of('risk')).toMatchObject({ state: 'runs', differs: 'trees 20→30' })
    expect(of('loans')).toMatchObject({ state: 'reused', differs: null })
    expect(text('plan.md')).toMatch(/\| <code>risk<\/code> \| \*\*runs\*\* \| trees 20→30 \|/)
    // Without the option it is a plan like any other.
    expect((await place.run('plan', 'loans', '--set', 'trees=30')).code).toBe(0)
    expectUserError(await place.run('plan', 'lones', '--detailed-exitcode'), 2, 'PIPELINE_UNKNOWN')
    expectUserError(await place.run('plan', 'loans', '--against', 'nobody'), 2, 'USAGE')
  })

  it('says what changes in the deployment where no step would run', async () => {
    writeLoans(place.project, { body: body(served(", canary: { steps: [10, 50], within: '1h' }")) })
    const result = await plan()
    expect(result.code).toBe(3)
    const { steps, releases } = document(result)
    expect(steps.filter(({ state }: { state: string }) => state === 'runs')).toEqual([])
    const changed = releases.filter(({ changes }: { changes: string[] }) => changes.length > 0)
    expect(changed).toMatchObject([{ step: 'deploy', kind: 'deploy' }])
    writeLoans(place.project, { body: body(served()) })
  })

  it('tells what is reused of another run and not what the champion’s run made', async () => {
    writeLoans(place.project, { body: body(''), must: '' })
    const tried = await place.run('run', 'loans', '--set', 'trees=35', '--wait', '--json')
    expect(tried.code, tried.stderr).toBe(0)
    writeLoans(place.project, { body: body(served()) })
    const result = await plan('--set', 'trees=35')
    expect(result.code).toBe(3)
    const risk = document(result).steps.find(({ step }: { step: string }) => step === 'risk')
    expect(risk).toMatchObject({ state: 'reused', differs: 'trees 20→35' })
  })
})

describe('a run of what goes on already', () => {
  it('attaches to it, from two jobs of one commit at once, and both end with its exit code', async () => {
    writeLoans(place.project, {
      body: body("p.approve(candidate, { role: 'lead', within: '1h', otherwise: 'reject' })"),
    })
    commit()
    const args = ['run', 'loans', '--wait', '--json', '--set', 'trees=40']
    const jobs = [place.begin(...args), place.begin(...args)]
    await Promise.all(jobs.map((job) => job.said('look ')))
    const waiting = jobs.map((job) => job.said('waits for lead'))
    await Promise.all(waiting)
    const third = await place.run('run', 'loans', '--set', 'trees=40', '--json')
    expect(document(third)).toMatchObject({ status: 'attached' })
    const { runId } = document(third)
    const other = document(await place.run('run', 'loans', '--set', 'trees=41', '--json'))
    expect(other).toMatchObject({ status: 'started' })
    expect(other.runId).not.toBe(runId)
    expect((await place.run('cancel', other.runId)).code).toBe(0)
    const told = await place.run('reject', runId, '--reason', 'not now')
    expect(told.code, told.stderr).toBe(0)
    const ended = await Promise.all(jobs.map(({ result }) => result))
    expect(ended.map(({ code }) => code)).toEqual([13, 13])
    expect(ended.map((each) => document(each).runId)).toEqual([runId, runId])
    expect(ended.filter(({ stderr }) => stderr.includes('attached to it'))).toHaveLength(1)
    // It has ended: the next is a new one.
    const next = document(await place.run('run', 'loans', '--set', 'trees=40', '--json'))
    expect(next).toMatchObject({ status: 'started' })
    expect(next.runId).not.toBe(runId)
    expect((await place.run('cancel', next.runId)).code).toBe(0)
  })
})

describe('under GitHub Actions', () => {
  const inJob = (job: string) => ({
    ...place.env,
    GITHUB_ACTIONS: 'true',
    GITHUB_WORKSPACE: place.project.root,
    GITHUB_STEP_SUMMARY: path(job),
    SLIPWAY_CONSOLE_ADDRESS: 'https://console.example/',
  })
  let failed: string

  it('a gate that fails is an annotation on its line, and a row of the summary', async () => {
    writeLoans(place.project, {
      body: body('', '[\n      auc.atLeast(0.5),\n      auc.atLeast(0.99),\n    ]'),
    })
    const result = await slipway(
      place.project.root,
      ['run', 'loans', '--wait', '--json', '--code-quality', 'quality.json'],
      inJob('gate.md'),
    )
    expect(result.code, result.stderr).toBe(12)
    expect(document(result)).toMatchObject({ status: 'gate failed' })
    const line =
      text('pipelines/loans/pipeline.ts')
        .split('\n')
        .findIndex((each) => each.includes('0.99')) + 1
    expect(result.stderr).toContain(
      `::error file=pipelines/loans/pipeline.ts,line=${line},col=7,title=GATE_FAILED::auc ≥ 0.99: `,
    )
    expect(result.stderr.match(/^::error/gm)).toHaveLength(1)
    expect(JSON.parse(text('quality.json'))).toMatchObject([
      { check_name: 'GATE_FAILED', location: { path: 'pipelines/loans/pipeline.ts', lines: { begin: line } } },
    ])
    const page = text('gate.md')
    expect(page).toContain('### ❌ <code>loans</code>: gate failed')
    expect(page).toMatch(/\| auc ≥ 0\.99 \| \*\*failed\*\* \|/)
    expect(page).toMatch(/\| auc \| 0\.\d+ \(0\.\d+ to 0\.\d+\) \|/)
    failed = document(result).runId
    expect(page).toContain(`npx slipway rerun ${failed} --plan same --wait`)
  })

  it('leads to its page in the console, from Temporal too', async () => {
    const page = `https://console.example/runs/${failed}`
    expect(text('gate.md')).toContain(`[console](${page})`)
    const connection = await Connection.connect({ address: place.temporal })
    try {
      const described = await new Client({ connection }).workflow.getHandle(`run/${failed}`).describe()
      expect(await described.staticDetails()).toBe(`[Look at it in the console](${page})`)
    } finally {
      await connection.close()
    }
  })

  it('a mistake in the user’s own file is an annotation on its line, and data on its column', async () => {
    writeLoans(place.project, { body: body(''), features: 'export function features() {\n  return Date.now()\n}\n' })
    const impure = await slipway(place.project.root, ['plan', 'loans'], inJob('a.md'))
    expect(impure.code).toBe(2)
    expect(impure.stderr).toMatch(/^::error file=pipelines\/loans\/features\.ts,line=2,col=\d+,title=CODE_IMPURE::/m)
    const schema = `import { z } from 'zod'
export const Loan = z.object({
  id: z.int(), day: z.date(), income: z.number(),
  age: z.int().min(40),
  purpose: z.string(), defaulted: z.int(),
})
`
    writeLoans(place.project, { body: body(''), schema })
    const broken = await slipway(place.project.root, ['run', 'loans', '--wait', '--no-types'], inJob('b.md'))
    expect(broken.code, broken.stderr).toBe(10)
    expect(broken.stderr).toMatch(/^::error file=pipelines\/loans\/schema\.ts,line=4,col=3,title=DATA_CONTRACT::/m)
  })
})

describe('a run that is followed while the network is cut', () => {
  it('is followed to its end, and the wait is said once for each server', async () => {
    const [temporal, s3] = await Promise.all([
      openWay(place.temporal),
      openWay(new URL(place.env.S3_ENDPOINT as string).host),
    ])
    try {
      writeLoans(place.project, {
        body: body("p.approve(candidate, { role: 'lead', within: '1h', otherwise: 'reject' })"),
      })
      const env = { ...place.env, TEMPORAL_ADDRESS: temporal.address, S3_ENDPOINT: `http://${s3.address}` }
      const follow = (...more: string[]): BegunCommand =>
        beginSlipway(place.project.root, ['run', 'loans', '--set', 'trees=45', '--wait', '--json', ...more], env)
      const run = follow()
      await run.said('waits for lead')
      const ways = [temporal, s3]
      for (const way of ['refuses', 'resets', 'hangs'] as const) {
        await Promise.all(ways.map((each) => each.become(way)))
        await new Promise((resolve) => setTimeout(resolve, 4_000))
        await Promise.all(ways.map((each) => each.become('open')))
        await new Promise((resolve) => setTimeout(resolve, 2_000))
      }
      // The bound is the clock's, whatever the network does; the run goes on, and the same command is attached to it.
      await Promise.all(ways.map((each) => each.become('open')))
      const late = follow('--timeout', '20s')
      await late.said('look ')
      await temporal.become('hangs')
      const gaveUp = await late.result
      await temporal.become('open')
      const { runId } = document(await place.run('run', 'loans', '--set', 'trees=45', '--json'))
      expect(expectUserError(gaveUp, 124, 'WAIT_TIMED_OUT')).toContain(`slipway wait ${runId}`)
      expect((await place.run('approve', runId)).code).toBe(0)
      const { code, stdout, stderr } = await run.result
      expect(code, stderr).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({ runId, status: 'succeeded' })
      const said = stderr.match(/Temporal server .* does not answer/g) ?? []
      expect(said.length).toBeGreaterThan(0)
      expect(said.length).toBeLessThanOrEqual(4)
    } finally {
      await Promise.all([temporal.stop(), s3.stop()])
    }
  })
})

/** GitHub's own interface, as far as comments go. */
async function startGitHub() {
  const comments: { id: number; body: string }[] = []
  const asked: string[] = []
  const read = async (request: IncomingMessage): Promise<{ body: string }> => {
    let sent = ''
    for await (const chunk of request) sent += chunk
    return JSON.parse(sent)
  }
  const server = createServer(async (request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`)
    const { pathname } = new URL(request.url ?? '', 'http://github.test')
    const answer = (value: unknown): void => void response.end(JSON.stringify(value))
    if (request.method === 'GET') return answer(comments)
    const { body: written } = await read(request)
    const known = comments.find(({ id }) => pathname.endsWith(`/comments/${id}`))
    if (known === undefined) comments.push({ id: comments.length + 1, body: written })
    else known.body = written
    return answer({})
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return { comments, asked, server, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

describe('examples/ci/github.yml', () => {
  const workflow = readFileSync(join(packageRoot, 'examples/ci/github.yml'), 'utf8')
    .replaceAll(': flights', ': loans')
    .replace('ENDPOINT: loans', 'ENDPOINT: credit')
  let github: Awaited<ReturnType<typeof startGitHub>>
  const runner = (event: Runner['github']): Runner => {
    const { TEMPORAL_ADDRESS, S3_ENDPOINT, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ...others } = place.env as Record<
      string,
      string
    >
    return {
      workspace: place.project.root,
      github: { token: 'a-token', ...event },
      vars: { TEMPORAL_ADDRESS, S3_ENDPOINT } as Record<string, string>,
      secrets: { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } as Record<string, string>,
      env: { ...others, PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', GITHUB_API_URL: github.address },
    }
  }
  const hostile = '$(touch pwned)`touch pwned`";touch pwned;\'#'
  const pullRequest = {
    event_name: 'pull_request',
    head_ref: hostile,
    event: { pull_request: { number: 7, title: hostile, head: { ref: hostile, repo: { fork: false } } } },
  }
  beforeAll(async () => {
    github = await startGitHub()
    writeLoans(place.project, { body: body(served()) })
    commit()
  })
  afterAll(() => void github.server.close())

  it('plans a pull request, and writes one comment however often it is planned', async () => {
    for (const trees of ['20', '25']) {
      writeLoans(place.project, { body: body(served()).replace('trees: 20', `trees: ${trees}`) })
      const { steps } = await runJob(workflow, 'plan', runner(pullRequest))
      expect(
        steps.map(({ code }) => code),
        JSON.stringify(steps),
      ).toEqual([null, null, 0, 0, 0])
    }
    expect(github.comments).toHaveLength(1)
    expect(github.comments[0]?.body).toMatch(
      /^<!-- slipway plan loans -->\n### <code>loans<\/code>: \d+ of \d+ steps would run/,
    )
    expect(github.asked.every((each) => each.endsWith('Bearer a-token'))).toBe(true)
    expect(existsSync(path('pwned'))).toBe(false)
    writeLoans(place.project, { body: body(served()) })
  })

  it('does not plan a pull request from a fork, for it would run with the secrets', async () => {
    const fork = { ...pullRequest, event: { pull_request: { head: { repo: { fork: true } } } } }
    expect(await runJob(workflow, 'plan', runner(fork))).toMatchObject({ isWanted: false, steps: [] })
  })

  it('runs what is merged, waits for it, and hands on what it made', async () => {
    const { steps, outputs, summary } = await runJob(workflow, 'run', runner({ event_name: 'push' }))
    expect(
      steps.map(({ code }) => code),
      JSON.stringify(steps),
    ).toEqual([null, null, 0, 0, 0])
    expect(outputs.model).toMatchObject({ 'exit-code': '0', model: 'loans', digest: expect.stringMatching(/^sha256:/) })
    expect(steps.at(-1)?.said).toMatch(/^loans version \d+ is registered, sha256:/)
    expect(summary).toContain('### ✅ <code>loans</code>: succeeded')
  })

  it('looks at drift every night', async () => {
    expect((await place.run('schedule', 'trigger', 'credit', 'monitor')).code).toBe(0)
    await eventually(async () => (await place.run('drift', 'check', 'credit', '--json')).code === 0)
    const { steps, summary } = await runJob(workflow, 'drift', runner({ event_name: 'schedule' }))
    expect(
      steps.map(({ code }) => code),
      JSON.stringify(steps),
    ).toEqual([null, null, 0, 0])
    expect(summary).toContain('Drift on <code>credit</code>')
  })

  it('fails with the exit code of the command, and takes no input for a command of the shell', async () => {
    const named = workflow.replace('PIPELINE: loans', `PIPELINE: ${JSON.stringify(hostile)}`)
    const { steps, outputs } = await runJob(named, 'run', runner({ event_name: 'push' }))
    expect(steps.at(-1)?.code).toBe(2)
    expect(outputs.model).toMatchObject({ 'exit-code': '2' })
    expect(existsSync(path('pwned'))).toBe(false)
    const odd = workflow.replace('command: run', 'command: "--version"')
    expect((await runJob(odd, 'run', runner({ event_name: 'push' }))).steps.at(-1)).toMatchObject({ code: 2 })
  })
})

describe('examples/ci/gitlab.yml', () => {
  it('has scripts that do what their jobs are for', async () => {
    const pipeline = parse(readFileSync(join(packageRoot, 'examples/ci/gitlab.yml'), 'utf8'))
    const env = {
      ...process.env,
      ...place.env,
      PIPELINE: 'loans',
      ENDPOINT: 'credit',
      CI_PROJECT_DIR: place.project.root,
    }
    for (const [name, { script, artifacts }] of Object.entries(pipeline) as [string, never][]) {
      if (!Array.isArray(script)) continue
      const lines = [...pipeline.default.before_script, ...(script as string[])]
      execFileSync('bash', ['-eo', 'pipefail', '-c', lines.join('\n')], { cwd: place.project.root, env, stdio: 'pipe' })
      const { paths = [], reports = {} } = (artifacts ?? {}) as { paths?: string[]; reports?: Record<string, string> }
      for (const file of [...paths, ...Object.values(reports)])
        expect(existsSync(path(file)), `${name}: ${file}`).toBe(true)
    }
  })
})

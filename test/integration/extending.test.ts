import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import type { Route } from '../../lib/formats/route.ts'
import { expectUserError } from '../support/cli.ts'
import { eventually } from '../support/gateways.ts'
import { openPlace, type Place } from '../support/place.ts'
import { loansSql, writeLoans } from '../support/project.ts'

/*
 * A project in a folder of its own, outside this repository, with a slipway.config.ts that adds a source, a learner, a
 * target and a protocol: those of examples/extending.
 */

let place: Place
const read = (file: string): string => readFileSync(join(place.project.root, file), 'utf8')
let serving: Server
const applied = new Map<string, Route>()

const body = (
  learner: string,
  deploy: string,
): string => `import { learner, pipeline, regression, rmse, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'git://main/data/loans.parquet', schema: Loan })
  const parts = p.split(p.validate(loans), { byHashOf: 'id', validation: 0.2, test: 0.3 })
  const model = p.train('risk', { on: parts, features, target: regression('defaulted'), learner: ${learner}, seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [rmse.atMost(100)], champion: 'not compared' })
  p.deploy(candidate, { ${deploy}, allAtOnce: true })
})
`

beforeAll(async () => {
  serving = createServer(async (request, response) => {
    const endpoint = request.url?.split('/')[2]?.split('?')[0] ?? ''
    const answer = (value: unknown): void => void response.end(JSON.stringify(value))
    if (request.url?.startsWith('/sources/')) return answer({ only: { next: 0, serves: applied.has(endpoint) } })
    if (request.url?.startsWith('/windows/')) return answer({ windows: [], cursors: { only: 0 } })
    if (request.method === 'GET') return answer({ only: { revision: applied.get(endpoint)?.revision ?? 0 } })
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const route = JSON.parse(Buffer.concat(chunks).toString()) as Route
    if ((applied.get(endpoint)?.revision ?? 0) < route.revision) applied.set(endpoint, route)
    return answer({})
  })
  await new Promise<void>((resolve) => serving.listen(0, '127.0.0.1', resolve))
  const { port } = serving.address() as AddressInfo
  place = await openPlace({ SERVING_ADDRESS: `http://127.0.0.1:${port}` })
  const { project } = place
  await project.data('data/loans.parquet', loansSql())
  const git = (...args: string[]): void => void execFileSync('git', args, { cwd: project.root, stdio: 'ignore' })
  git('init', '--initial-branch', 'main')
  git('add', 'data')
  git('-c', 'user.name=Test', '-c', 'user.email=test@slipway.example', 'commit', '-m', 'data')
  mkdirSync(join(project.root, 'adapters'))
  const examples = join(packageRoot, 'examples/extending')
  cpSync(join(examples, 'adapters'), join(project.root, 'adapters'), { recursive: true })
  cpSync(join(examples, 'slipway.config.ts'), join(project.root, 'slipway.config.ts'))
  // Whoever was started before the configuration was there knows nothing of it.
  place.worker.kill()
  place.gatewayProcess.kill()
})
afterAll(async () => {
  await place.close()
  serving.closeAllConnections()
  serving.close()
})

describe('a project that adds a source, a learner, a target and a protocol', () => {
  it('reads by the source, trains by the learner, and is asked by the protocol', async () => {
    writeLoans(place.project, { body: body("learner('winsorized', { share: 0.1 })", "endpoint: 'credit'") })
    const { code, stdout, stderr } = await place.run('run', 'loans', '--wait', '--json')
    expect(code, stderr).toBe(0)
    const { steps } = JSON.parse(stdout) as { steps: { name: string; cached: boolean }[] }
    expect(steps.find(({ name }) => name === 'loans')?.cached).toBe(false)
    const { stdout: shown } = await place.run('show', 'loans')
    expect(shown).toContain('winsorized ridge regression')

    const ask = () =>
      fetch(`${place.gateway}/ask/credit`, {
        method: 'POST',
        body: 'id=1&day=2024-01-01&income=30000&age=40&purpose=car',
      })
    await eventually(async () => (await ask().catch(() => undefined))?.status === 200)
    expect(Number(await (await ask()).text())).toBeGreaterThan(0)
  })

  it('does nothing again while neither plan nor configuration change, and trains anew when the configuration does', async () => {
    const cachedOf = async (): Promise<Record<string, boolean>> => {
      const { stdout } = await place.run('run', 'loans', '--wait', '--json')
      const { steps } = JSON.parse(stdout) as { steps: { name: string; cached: boolean }[] }
      return Object.fromEntries(steps.map(({ name, cached }) => [name, cached]))
    }
    expect(await cachedOf()).toMatchObject({ loans: true, split: true, risk: true, package: true })
    place.project.write(
      'adapters/winsorized-learner.ts',
      read('adapters/winsorized-learner.ts').replace('winsorized ridge regression', 'ridge, winsorized'),
    )
    // Workers load it when they start.
    place.worker.kill()
    expect(await cachedOf()).toMatchObject({ loans: true, split: true, risk: false, package: false })
  })

  it('deploys to the target, which applies the route', async () => {
    writeLoans(place.project, {
      body: body('trees({ trees: 5 })', "endpoint: 'elsewhere', target: 'remote'"),
    })
    const { code, stderr } = await place.run('run', 'loans', '--wait')
    expect(code, stderr).toBe(0)
    expect(applied.get('elsewhere')).toMatchObject({ slipway: 'route/1', endpoint: 'elsewhere', revision: 1 })
  })

  it.each([
    ['a learner', "learner('nobody')", "endpoint: 'credit'", 'no learner is called "nobody"'],
    ['a parameter', "learner('winsorized', { share: 2 })", "endpoint: 'credit'", 'learner "winsorized", share'],
    ['a target', 'trees()', "endpoint: 'credit', target: 'mars'", 'there is no target "mars"'],
  ])('is told of %s that nobody added, before anything is run', async (_, learner, deploy, words) => {
    writeLoans(place.project, { body: body(learner, deploy) })
    expect(expectUserError(await place.run('run', 'loans'), 2, 'DEFINITION_INVALID')).toContain(words)
  })

  it('is told where its configuration is wrong', async () => {
    const before = read('slipway.config.ts')
    writeLoans(place.project, { body: body('trees()', "endpoint: 'credit'") })
    place.project.write('slipway.config.ts', before.replace('[gitSource,', '[gitSource, gitSource,'))
    expect(expectUserError(await place.run('run', 'loans'), 2, 'DEFINITION_INVALID')).toContain(
      'two sources read "git:" addresses',
    )
    place.project.write('slipway.config.ts', before.replace('extend: [', 'extend: ['.concat('{}, ')))
    expect(expectUserError(await place.run('run', 'loans'), 2, 'DEFINITION_INVALID')).toContain('extend.0')
    place.project.write('slipway.config.ts', before.replace('defineConfig({', 'defineConfig(({'))
    expect(expectUserError(await place.run('run', 'loans'), 2, 'DEFINITION_SYNTAX')).toContain('slipway.config.ts:')
  })
})

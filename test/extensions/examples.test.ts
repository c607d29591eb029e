import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { committedFiles } from '../../examples/extending/adapters/git-source.ts'
import { remote } from '../../examples/extending/adapters/remote-target.ts'
import { winsorizedRidge } from '../../examples/extending/adapters/winsorized-learner.ts'
import { cost, costly, variation, varied } from '../../examples/extending/measures.ts'
import { packageRoot } from '../../lib/code/host.ts'
import type { Route } from '../../lib/formats/route.ts'
import { linearLearner } from '../../lib/learners/linear/learner.ts'
import { describeLearner, describeSource, describeTarget } from '../contracts/index.ts'
import { faultyTarget } from '../support/faulty-target.ts'
import { newProject } from '../support/project.ts'

describeLearner('winsorized ridge', winsorizedRidge, {
  parameters: { kind: 'winsorized', share: 0.05, l2: 1 },
  refused: [{ share: 0 }, { share: 0.5 }, { l2: 0 }],
})

describe('winsorized ridge', () => {
  it('is bent less by labels that are wrong than ridge regression is', async () => {
    const x = Float32Array.from({ length: 400 }, (_, i) => i / 400)
    const labels = Float64Array.from(x, (value, i) => 3 * value + (i % 50 === 0 ? 500 : 0))
    const rows = { features: [x], labels }
    const order = {
      model: 'm',
      task: 'regression' as const,
      seed: 1,
      threads: 1,
      inputs: [{ name: 'x', kind: 'number' as const }],
      train: rows,
      validation: rows,
    }
    const furthest = ({ predictions }: { predictions: ArrayLike<number> }): number =>
      Math.max(...Array.from(predictions, (value, i) => Math.abs(value - 3 * (x[i] as number))))
    const robust = await winsorizedRidge.train(
      { ...order, parameters: { kind: 'winsorized', share: 0.05, l2: 1e-6 } },
      () => {},
    )
    const plain = await linearLearner.train({ ...order, parameters: { kind: 'linear', l2: 1e-6 } }, () => {})
    expect(furthest(robust)).toBeLessThan(furthest(plain) / 5)
  })
})

/** A repository whose newest commit is what was put there. */
async function gitPlace() {
  const project = newProject()
  const before = process.cwd()
  process.chdir(project.root)
  const git = (...args: string[]): void => void execFileSync('git', args, { cwd: project.root, stdio: 'ignore' })
  git('init', '--initial-branch', 'main')
  git('config', 'user.name', 'Test')
  git('config', 'user.email', 'test@slipway.example')
  return {
    source: committedFiles,
    addressOf: (name: string) => `git://main/${name}`,
    async put(name: string, bytes: Buffer) {
      mkdirSync(dirname(join(project.root, name)), { recursive: true })
      writeFileSync(join(project.root, name), bytes)
      git('add', '-A')
      git('commit', '--allow-empty', '-m', `put ${name}`)
    },
    async remove(name: string) {
      rmSync(join(project.root, name))
      git('add', '-A')
      git('commit', '-m', `remove ${name}`)
    },
    stop: async () => {
      process.chdir(before)
      project.remove()
    },
  }
}
describeSource('files of a Git revision', gitPlace, ['folders', 'rights', 'connections'])

describeTarget('of a serving system of one’s own', async () => {
  const { target: inner, serve } = faultyTarget()
  const routes = new Map<string, Route>()
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://server')
    const [, what, endpoint = ''] = pathname.split('/')
    const answer = (value: unknown): void => void response.end(JSON.stringify(value))
    if (what === 'sources') return answer(await inner.look(endpoint))
    if (what === 'windows') return answer(await inner.evidence(endpoint, JSON.parse(searchParams.get('since') ?? '{}')))
    if (request.method === 'GET') return answer({ only: { revision: routes.get(endpoint)?.revision ?? 0 } })
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const route = JSON.parse(Buffer.concat(chunks).toString()) as Route
    await inner.apply(route)
    if ((routes.get(endpoint)?.revision ?? 0) < route.revision) routes.set(endpoint, route)
    return answer({})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    target: remote(`http://127.0.0.1:${port}`),
    routeAt: async (revision): Promise<Route> => ({
      slipway: 'route/1',
      endpoint: 'loans',
      revision,
      champion: { model: 'loans', version: revision, digest: `sha256:${String(revision).repeat(64)}` },
      previous: null,
      rollout: null,
    }),
    ask: async (requests) => {
      for (let i = 0; i < requests; i++) serve('loans')
    },
    wait: () => new Promise((resolve) => setImmediate(resolve)),
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
})

describe('measures of one’s own', () => {
  it('cost what the loans were worth that nobody saw coming', () => {
    const amount = Float64Array.of(100, 20, 3, 4_000)
    expect(cost([0.1, 0.9, 0.29, 0.1], Float64Array.of(1, 1, 1, 0), { amount })).toBe(103)
  })

  it('vary by the share of rows that would have to move', () => {
    expect(variation(Float64Array.of(0.5, 0.3, 0.2), Float64Array.of(0.3, 0.3, 0.4))).toBeCloseTo(0.2, 12)
    expect(costly.atMost(9)).toMatchObject({ check: { rule: 'atMost', metric: 'cost', limit: 9 } })
    expect(varied.over(0.1).for(2)).toMatchObject({ measure: 'variation', limit: 0.1, windows: 2 })
  })
})

describe('docs/extending.md', () => {
  const page = readFileSync(join(packageRoot, 'docs/extending.md'), 'utf8')
  const examples = [...page.matchAll(/\]\(\.\.\/(examples\/extending\/[^)]+)\)/g)].map(([, file]) => file as string)

  it('shows an example of each port in at most 60 lines', () => {
    expect(new Set(examples).size).toBe(5)
    for (const file of examples)
      expect(readFileSync(join(packageRoot, file), 'utf8').split('\n').length - 1, file).toBeLessThanOrEqual(60)
  })
})

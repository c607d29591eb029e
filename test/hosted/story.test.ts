import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { isAlive } from '../../lib/store/is-alive.ts'
import { whyNoContainers } from '../sagemaker-fake/containers.ts'
import { expectUserError, slipway } from '../support/cli.ts'
import { newProject } from '../support/project.ts'

/* `npm start -- --target sagemaker-fake`, as somebody calls it in a project of theirs. */
const why = whyNoContainers()
const project = newProject()
afterAll(() => project.remove())

interface Told {
  readonly chapters: readonly { title: string; facts: readonly { what: string; holds: boolean }[] }[]
  readonly calls: Readonly<Record<string, number>>
  readonly holds: boolean
  readonly exitCode: number
}

describe.skipIf(why !== undefined)(`the story of a model on SageMaker${why === undefined ? '' : ` (${why})`}`, () => {
  it('comes true chapter by chapter, and leaves nothing that runs', async () => {
    const { code, stdout, stderr } = await slipway(project.root, ['start', '--target', 'sagemaker-fake', '--json'])
    const told = JSON.parse(stdout) as Told
    expect([code, told.holds, told.exitCode], stderr).toEqual([0, true, 0])
    expect(told.chapters.map(({ title }) => title)).toEqual([
      '1. A model is trained by a job of SageMaker, and the worker is killed meanwhile',
      '2. It is packaged and gated, and a person approves it in SageMaker',
      '3. It is deployed to an endpoint of SageMaker',
      '4. A better candidate takes over by a canary of weights, and the worker is killed meanwhile',
      '5. A candidate that fails is rolled back',
      '6. A batch is scored by a transform job, and the worker is killed meanwhile',
      '7. What is left on SageMaker',
    ])
    // Three models and one batch, each by one job though three workers were killed; one endpoint, which is gone.
    expect(told.calls).toMatchObject({
      CreateTrainingJob: 3,
      CreateTransformJob: 1,
      CreateModelPackageGroup: 1,
      CreateModelPackage: 3,
      CreateEndpoint: 1,
      DeleteEndpoint: 1,
    })
    expect(told.calls.CreateModel).toBe(told.calls.DeleteModel)
    expect(told.calls.CreateEndpointConfig).toBe(told.calls.DeleteEndpointConfig)
    const facts = told.chapters.map((chapter) => chapter.facts.map(({ what }) => what).join('\n'))
    for (const chapter of [0, 3, 5]) expect(facts[chapter]).toMatch(/worker \d+ killed by SIGKILL/)
    expect(facts[3]).toContain('v1 with weight 0.8, v2 with weight 0.2; then v1 with weight 0.5, v2 with weight 0.5')
    expect(facts[4]).toMatch(/rolled back, errors: candidate \d+\.\d+ % of \d+/)
    const digests = [...(facts[5] as string).matchAll(/sha256 ([0-9a-f]{64})/g)].map(([, digest]) => digest)
    expect([digests.length, new Set(digests).size]).toEqual([2, 1])
    const last = JSON.parse(
      readFileSync(join(project.root, '.slipway/sagemaker-fake/.slipway/last-platform.json'), 'utf8'),
    )
    expect([last.pid, last.worker.pid, last.gateway.pid].filter((pid) => isAlive(pid, process.cwd()))).toEqual([])
  })

  it('has a pipeline of its own', async () => {
    const refused = await slipway(project.root, ['start', 'loans', '--target', 'sagemaker-fake'])
    expect(expectUserError(refused, 2, 'USAGE')).toContain('loans with --target sagemaker-fake')
  })
})

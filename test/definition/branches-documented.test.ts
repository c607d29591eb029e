import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { plannedGates } from '../../client/plan-gates.ts'
import { hostVersions, packageRoot } from '../../lib/code/host.ts'
import { planPipeline } from '../../lib/code/plan.ts'
import { newProject, type TestProject } from '../support/project.ts'

/*
 * The pipelines with branches of docs/definition.md, as a reader copies them beside the first one.
 */
const page = ['docs/start/first-pipeline.md', 'docs/definition.md']
  .map((file) => readFileSync(join(packageRoot, file), 'utf8'))
  .join('\n')
const files = [...page.matchAll(/^[^\n]*`(pipelines\/rain(?:s|-past)?\/[\w-]+\.ts)`/gm)].flatMap(
  ({ 1: file, index }) => {
    const begin = page.indexOf('\n```ts\n', index) + '\n```ts\n'.length
    // A file that is only mentioned has no text of its own.
    return begin - index > 600 ? [] : [{ file: file as string, text: page.slice(begin, page.indexOf('```', begin)) }]
  },
)

let project: TestProject
beforeAll(() => {
  project = newProject()
  for (const { file, text } of files) project.write(file, text)
  const modules = join(project.root, 'node_modules')
  mkdirSync(modules)
  for (const name of ['zod', 'vega-datasets', '@types'])
    symlinkSync(join(packageRoot, 'node_modules', name), join(modules, name))
  symlinkSync(packageRoot, join(modules, 'slipway'))
})
afterAll(() => project?.remove())

describe('the pipelines with branches of the documentation', () => {
  it('is planned: a model a size, gated in its branch, registered after it', async () => {
    expect(files.map(({ file }) => file)).toContain('pipelines/rains/pipeline.ts')
    const { plan } = await planPipeline(project.root, 'rains', hostVersions())
    expect(plan.parallel).toBe(3)
    expect(
      plan.steps.flatMap((step) => (step.kind === 'register' ? [[step.id, step.package, step.model]] : [])),
    ).toEqual(['small', 'middle', 'large'].map((name) => [`${name}/register`, `${name}/package`, `rains-${name}`]))
    expect(plan.steps.flatMap((step) => (step.kind === 'gate' ? step.id : []))).toEqual([
      'small/gate',
      'middle/gate',
      'large/gate',
    ])
  })

  it('is planned with a backtest: a branch a past day, and one model that is kept', async () => {
    const { plan } = await planPipeline(project.root, 'rain-past', hostVersions())
    expect(plan.steps.flatMap(({ id, kind }) => (kind === 'split' ? id : []))).toEqual([
      'past-2014-07-01/split',
      'past-2015-01-01/split',
      'past-2015-07-01/split',
      'split',
    ])
    expect(plan.steps.filter(({ kind }) => kind === 'register')).toHaveLength(1)
    expect(plannedGates(plan, new Map()).map(({ name }) => name)).toContain('auc ≥ 0.65 at every cutoff of past')
  })

  it('and a mistake in a branch is said with its line', async () => {
    const file = 'pipelines/rains/pipeline.ts'
    const text = files.find((each) => each.file === file)?.text ?? ''
    project.write(file, text.replace("p.train('model', {", "p.train('Model!', {"))
    await expect(planPipeline(project.root, 'rains', hostVersions())).rejects.toMatchObject({
      code: 'DEFINITION_INVALID',
      facts: { at: { file, text: expect.stringContaining("p.train('Model!'") } },
    })
  })
})

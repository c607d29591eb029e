import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hostVersions, packageRoot } from '../../lib/code/host.ts'
import { planPipeline } from '../../lib/code/plan.ts'
import { stepOf } from '../../lib/formats/step-inputs.ts'
import { definitionOf } from '../../lib/store/views.ts'
import { newProject, type TestProject } from '../support/project.ts'

/*
 * The view of docs/definition.md that pipelines share, as a reader copies it.
 */
const page = readFileSync(join(packageRoot, 'docs/definition.md'), 'utf8')
const section = page.slice(page.indexOf('## Shared views'), page.indexOf('## Splits'))
const files = [...section.matchAll(/`((?:shared|pipelines)\/[\w/]+\.ts)`[^`]*?\n\n```ts\n(.*?)```/gs)]

let project: TestProject
beforeAll(() => {
  project = newProject()
  for (const [, file = '', text = ''] of files) project.write(file, text)
  const modules = join(project.root, 'node_modules')
  mkdirSync(modules)
  for (const name of ['zod', '@types']) symlinkSync(join(packageRoot, 'node_modules', name), join(modules, name))
  symlinkSync(packageRoot, join(modules, 'slipway'))
})
afterAll(() => project?.remove())

describe('the shared view of the documentation', () => {
  it('is two files, and type-checks strictly', () => {
    expect(files.map(([, file]) => file)).toEqual(['shared/history.ts', 'pipelines/refunds/pipeline.ts'])
    const { compilerOptions } = JSON.parse(readFileSync(join(packageRoot, 'tsconfig.json'), 'utf8'))
    project.write('package.json', JSON.stringify({ type: 'module' }))
    project.write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['pipelines', 'shared'] }))
    const tsc = join(packageRoot, 'node_modules/typescript/bin/tsc')
    const compile = () => execFileSync(process.execPath, [tsc, '-p', project.root], { encoding: 'utf8', stdio: 'pipe' })
    expect(compile).not.toThrow()
  })

  it('is the same view in another pipeline that imports it, and another one when the constant is edited', async () => {
    const [[, , shared = ''] = [], [, , pipeline = ''] = []] = files
    const definition = async (name: string) => {
      const { plan } = await planPipeline(project.root, name, hostVersions())
      return definitionOf(plan, stepOf(plan, 'publish', 'publish'))
    }
    project.write(
      'pipelines/meals/pipeline.ts',
      pipeline.replaceAll('refunds', 'meals').replace('data/trips', 'data/other-trips'),
    )
    const before = await definition('refunds')
    expect(await definition('meals')).toBe(before)
    project.write('shared/history.ts', shared.replace('sum(delay)', 'max(delay)'))
    expect(await definition('refunds')).not.toBe(before)
    expect(await definition('meals')).toBe(await definition('refunds'))
  })
})

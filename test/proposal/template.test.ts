import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { exampleTable } from '../../lib/proposal/example-table.ts'
import { pipelineFiles } from '../../lib/proposal/files/index.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { linkPackages, proposalFor, writeFiles } from '../support/proposals.ts'

/** What somebody may do to the features of the example by mistake: the line as it is, and as it is then. */
const mistakes = {
  'a-sign': ['    area_m2,', '    area_m2: area_m2.map((area) => -area),'],
  'a-constant': ['    rooms,', '    rooms: rooms.map(() => 3),'],
  'an-exchange': ['    floor,\n    built,', '    floor: built,\n    built: floor,'],
} as const

describe('the tests that come with a pipeline', () => {
  let project: TestProject
  /** How they end, by pipeline: `passed`, `failed`. */
  let ended: Record<string, string>
  beforeAll(async () => {
    project = newProject()
    linkPackages(project.root)
    project.write('package.json', '{ "type": "module" }')
    // As an installed package is: what is below node_modules is not transformed.
    project.write('vitest.config.ts', 'export default { test: { server: { deps: { external: [/\\/dist\\//] } } } }\n')
    for (const name of ['as-it-comes', ...Object.keys(mistakes)])
      writeFiles(project.root, pipelineFiles(await proposalFor(exampleTable(), { name }), 'tabular'))
    for (const [name, [right, wrong]] of Object.entries(mistakes)) {
      const file = join(project.root, `pipelines/${name}/features.ts`)
      const text = readFileSync(file, 'utf8')
      expect(text).toContain(right)
      writeFileSync(file, text.replace(right, wrong))
    }
    mkdirSync(join(project.root, 'out'))
    const report = join(project.root, 'out/report.json')
    const vitest = join(packageRoot, 'node_modules/vitest/vitest.mjs')
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [vitest, 'run', '--reporter=json', `--outputFile=${report}`, '-t', 'shows the model'],
      { cwd: project.root, encoding: 'utf8', env: { ...process.env, VITEST: undefined, NODE_ENV: 'test' } },
    )
    const { testResults } = JSON.parse(readFileSync(report, 'utf8').toString() || `${stdout}${stderr}`) as {
      testResults: { name: string; assertionResults: { status: string; title: string }[] }[]
    }
    ended = Object.fromEntries(
      testResults.map(({ name, assertionResults }) => [
        /pipelines\/([^/]+)\//.exec(name)?.[1] ?? name,
        assertionResults.find(({ title }) => title.startsWith('shows the model'))?.status ?? 'not there',
      ]),
    )
  })
  afterAll(() => project.remove())

  it('pass as they come', () => {
    expect(ended['as-it-comes']).toBe('passed')
  })

  it.each(Object.keys(mistakes))('fail when the feature function has %s wrong', (name) => {
    expect(ended[name]).toBe('failed')
  })
})

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { type ShownCommand, shownCommands, shownFiles, steadyText } from '../../scripts/docs/blocks.ts'
import type { Page } from '../../scripts/docs/markdown.ts'
import { readDocumentation } from '../../scripts/docs/site-map.ts'
import { query } from '../support/batch-place.ts'
import { foldersOfPages } from '../support/carried-out.ts'
import { installedSlipway } from '../support/installed-slipway.ts'
import { loansSql, projectAt, writeLoans } from '../support/project.ts'

/*
 * The commands of the documentation, word for word: a page in a folder of its own with the files that it tells to
 * write, or several one after the other on a platform that serves what they speak of.
 */
const docs = readDocumentation(packageRoot)

/** A reader's folder, with the packages that an installation brings. */
function newFolder(): string {
  const root = mkdtempSync(join(tmpdir(), 'slipway-page-'))
  const modules = join(root, 'node_modules')
  mkdirSync(join(modules, '.bin'), { recursive: true })
  for (const name of ['zod', 'vega-datasets', '@types', 'typescript'])
    symlinkSync(join(packageRoot, 'node_modules', name), join(modules, name))
  symlinkSync(installedSlipway(join(root, '.installed')), join(modules, 'slipway'))
  symlinkSync('../slipway/bin/slipway.mjs', join(modules, '.bin/slipway'))
  writeFileSync(join(root, 'package.json'), JSON.stringify({ type: 'module' }))
  return root
}

function sh(root: string, command: string): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { cwd: root, encoding: 'utf8' })
  expect(status, `${command}\n${stdout}\n${stderr}`).toBe(0)
  return `${stderr}${stdout}`
}

/** Lines that are shown are lines that are printed, in their order, or the beginnings of such. */
function expectPrinted(printed: string, shown: string): void {
  let rest = steadyText(printed).split('\n')
  for (const line of steadyText(shown).split('\n')) {
    const at = rest.findIndex((each) => each.startsWith(line))
    expect(at, `"${line}" is not what was printed:\n${printed}`).toBeGreaterThanOrEqual(0)
    rest = rest.slice(at + 1)
  }
}

/** A flights small enough to wait for, with the batch that docs/batch.md describes, over folders of the project. */
async function writeFlights(root: string): Promise<void> {
  const project = projectAt(root)
  for (const file of ['schema.ts', 'features.ts'])
    cpSync(join(packageRoot, 'pipelines/flights', file), join(root, 'pipelines/flights', file))
  project.write(
    'pipelines/flights/pipeline.ts',
    `import { auc, binary, pipeline, trees } from 'slipway'
import { features, late } from './features.ts'
import { Flight } from './schema.ts'

export default pipeline('flights', (p) => {
  const rows = p.validate(p.snapshot('flights', { from: 'flights.parquet', schema: Flight }))
  const parts = p.split(rows, { random: { validation: 0.2, test: 0.3 }, seed: 1 })
  const learner = trees({ trees: 20, leaves: 7 })
  const candidate = p.package(p.train('delays', { on: parts, features, target: binary('delay', late), learner, seed: 1 }), { explain: true })
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.5)] })
  const live = p.deploy(candidate, { endpoint: 'flights', allAtOnce: true })
  p.batch(live, 'nightly', { cron: '0 2 * * *', from: 'lake/{date}/*.parquet', to: 'scores/{date}/' })
})
`,
  )
  const all = `FROM '${join(packageRoot, 'node_modules/vega-datasets/data/flights-3m.parquet')}'`
  await project.data('flights.parquet', `${all} LIMIT 20000`)
  for (let day = 1; day <= 30; day++) {
    const date = `2001-06-${String(day).padStart(2, '0')}`
    await project.data(`lake/${date}/flights.parquet`, `${all} WHERE date::DATE = DATE '${date}' LIMIT 50`)
  }
}

/** Endpoints `flights` and `loans`, each with a version, and a folder for programs of one's own. */
async function serveFlights(root: string): Promise<void> {
  await writeFlights(root)
  const project = projectAt(root)
  await project.data('data/loans.parquet', loansSql())
  writeLoans(project, { body: servedLoans })
  project.write('row.json', JSON.stringify(await query(`SELECT * FROM '${root}/flights.parquet' LIMIT 1`)))
  project.write('src/main.ts', '')
  sh(root, 'npx slipway up --detach')
  for (const pipeline of ['flights', 'loans']) sh(root, `npx slipway run ${pipeline} --wait`)
}

const servedLoans = `import { auc, binary, pipeline, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

export default pipeline('loans', (p) => {
  const rows = p.validate(p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan }))
  const parts = p.split(rows, { random: { validation: 0.2, test: 0.3 }, seed: 1 })
  const learner = trees({ trees: 10, leaves: 7 })
  const candidate = p.package(p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner, seed: 1 }))
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.5)] })
  p.deploy(candidate, { endpoint: 'loans', allAtOnce: true })
})
`

/** What has to be there before the first page of a folder begins, besides the files that it tells to write. */
const before: Readonly<Record<string, (root: string) => Promise<void>>> = {
  'README.md': async (root) => void sh(root, 'npx slipway up --detach'),
  'docs/batch.md': serveFlights,
}

/** Those of README.md that come after this block are carried out by test/integration/readme.test.ts. */
const isHere = (page: Page, { prints }: ShownCommand): boolean => page.file !== 'README.md' || prints !== undefined

describe.each(foldersOfPages.map((pages) => ({ pages })))('$pages', ({ pages: [first, ...others] }) => {
  const pages = [first, ...others].map((file) => docs.pages.get(file) as Page)
  let root: string
  beforeAll(async () => {
    root = newFolder()
    for (const { path, text } of others.length > 0 ? [] : pages.flatMap(shownFiles)) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    await before[first]?.(root)
  })
  afterAll(() => {
    spawnSync('npx', ['slipway', 'down'], { cwd: root })
    rmSync(root, { recursive: true, force: true })
  })

  const commands = pages.flatMap((page) =>
    shownCommands(page)
      .filter((command) => isHere(page, command))
      .map((command) => ({ file: page.file, ...command })),
  )
  it.each(commands)('$file:$line: $command', ({ command, prints }) => {
    const printed = sh(root, command)
    if (prints !== undefined) expectPrinted(printed, prints)
  })
})

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { argoAnalysis } from '../../cli/exports/argo-analysis.ts'
import { flaggerCanary } from '../../cli/exports/flagger.ts'
import { packageRoot } from '../../lib/code/host.ts'
import { pythonEnvironmentOr } from '../support/python.ts'

/*
 * What we write for Argo Rollouts and Flagger, by the schemas of their own resource definitions, which lie in their Go
 * modules. Neither runs here.
 */
const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'slipway-crds-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const modules = {
  'github.com/argoproj/argo-rollouts@v1.8.3': ['manifests/crds/analysis-template-crd.yaml'],
  'github.com/fluxcd/flagger@v1.41.0': ['artifacts/flagger/crd.yaml'],
}

let missing = ''
let definitions: string[] = []
let python = ''
beforeAll(async () => {
  const environment = await pythonEnvironmentOr(join(packageRoot, 'test/reference/crd-requirements.txt'))
  if ('missing' in environment) missing = environment.missing
  else python = join(environment.bin, 'python')
  try {
    for (const [module, files] of Object.entries(modules)) {
      const { stdout } = await run('go', ['mod', 'download', '-json', module], { cwd: folder })
      const { Dir } = JSON.parse(stdout) as { Dir: string }
      definitions = [...definitions, ...files.map((file) => join(Dir, file))]
    }
  } catch (error) {
    missing = `the modules that hold the definitions cannot be had: ${(error as Error).message.split('\n')[0]}`
  }
}, 600_000)

async function checked(resources: readonly object[]): Promise<string> {
  const file = join(folder, 'resources.yaml')
  writeFileSync(file, resources.map((resource) => stringify(resource)).join('---\n'))
  const script = join(packageRoot, 'test/reference/crd_shapes.py')
  const { stdout } = await run(python, [script, file, ...definitions]).catch((error: { stdout: string }) => error)
  return stdout
}

it('an AnalysisTemplate and a Canary are as their definitions say, and what is not is found', async (context) => {
  if (missing !== '') return context.skip(missing)
  const gateway = 'http://slipway-gateway:8080'
  const canary = flaggerCanary('flights', { gateway, deployment: 'checkout', prometheus: 'http://prometheus:9090' })
  const analyses = [argoAnalysis('flights', { gateway }), argoAnalysis('flights', { gateway, secret: 'slipway' })]
  expect(await checked([...analyses, ...canary])).toBe(
    ['AnalysisTemplate/slipway-flights', 'AnalysisTemplate/slipway-flights', 'MetricTemplate/slipway-flights-errors']
      .concat('Canary/checkout')
      .map((name) => `ok ${name}\n`)
      .join(''),
  )
  const wrong = JSON.parse(JSON.stringify(canary[1]).replace('"confirm-promotion"', '"confirm"'))
  expect(await checked([wrong])).toMatch(/^FAIL Canary\/checkout: .*webhooks\[1\]\.type/)
  expect(await checked([JSON.parse(JSON.stringify(analyses[0]).replace('jsonPath', 'path'))])).toMatch(/^FAIL/)
})

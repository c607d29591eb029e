import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packAll } from '../../scripts/pack.mjs'
import { type Registry, startRegistry } from '../support/registry.ts'
import { liveByItsReadme, saidOf } from '../support/template-projects.ts'

/* Templates as somebody new gets them: packed here, from a registry, by npm; Python's packages by pip. */
const home = mkdtempSync(join(tmpdir(), 'slipway-templates-'))
let registry: Registry
beforeAll(async () => {
  registry = await startRegistry(await packAll(join(home, 'tarballs'), [`${process.platform}-${process.arch}`]))
})
afterAll(async () => {
  await registry?.close()
  rmSync(home, { recursive: true, force: true })
})

describe.each(['python', 'onnx', 'batch'] as const)('a project of the template %s', (template) => {
  it('installs, type-checks, passes its tests, and does all that its README says', async () => {
    const env = {
      npm_config_registry: registry.url,
      npm_config_cache: join(home, 'cache'),
      npm_config_yes: 'true',
    }
    // What its workflow of CI does besides.
    const said = await liveByItsReadme(mkdtempSync(join(home, template)), template, env, ['npm run check'])
    for (const [begin, says] of saidOf(template))
      expect(said.find(({ command }) => command.startsWith(begin))?.said, begin).toMatch(says)
  })
})

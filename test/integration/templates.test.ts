import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { npmShim } from '../support/npm-shim.ts'
import { liveByItsReadme, saidOf } from '../support/template-projects.ts'

/*
 * A template as somebody new gets it. Nothing is fetched: packages are those of this repository. All of them, from
 * tarballs, with their types checked, are in test/peers/templates.test.ts.
 */
const home = mkdtempSync(join(tmpdir(), 'slipway-templates-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

describe.each(['onnx'] as const)('a project of the template %s', (template) => {
  it('passes its tests, and does all that its README says', async () => {
    const folder = mkdtempSync(join(home, template))
    const said = await liveByItsReadme(folder, template, { PATH: `${npmShim(folder)}:${process.env.PATH}` })
    for (const [begin, says] of saidOf(template))
      expect(said.find(({ command }) => command.startsWith(begin))?.said, begin).toMatch(says)
  })
})

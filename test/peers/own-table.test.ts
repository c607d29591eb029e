import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packAll } from '../../scripts/pack.mjs'
import { type CommandSaid, ownTableCommands, runAll, writeCustomers } from '../support/own-table.ts'
import { type Registry, startRegistry } from '../support/registry.ts'

/*
 * "Your own table in five minutes" as a stranger does it: npm fetches create-slipway and Slipway, packed here, from a
 * registry, and everything else as it always does.
 */
const folder = mkdtempSync(join(tmpdir(), 'slipway-stranger-'))
const tarballs = mkdtempSync(join(tmpdir(), 'slipway-tarballs-'))
/** What the README leaves to CI is checked here too: the types, against the declarations of the package. */
const commands = ownTableCommands().flatMap((command) =>
  command === 'npm test' ? ['npm run check', command] : [command],
)
let registry: Registry
let code: number | null
let said: readonly CommandSaid[]

beforeAll(async () => {
  registry = await startRegistry(await packAll(tarballs, [`${process.platform}-${process.arch}`]))
  writeCustomers(folder)
  const own = {
    npm_config_registry: registry.url,
    npm_config_cache: join(tarballs, 'cache'),
    npm_config_yes: 'true',
  }
  ;({ code, said } = await runAll(folder, commands, own))
})
afterAll(async () => {
  spawnSync('npx', ['slipway', 'down'], { cwd: join(folder, 'my-models') })
  await registry?.close()
  for (const place of [folder, tarballs]) rmSync(place, { recursive: true, force: true })
})
const of = (begin: string): string => said.find(({ command }) => command.startsWith(begin))?.said ?? ''

describe('a stranger with a table and npm', () => {
  it('gets from npm create to a served model by the README alone', () => {
    const whole = said.map(({ command, said: text }) => `$ ${command}\n${text}`).join('\n')
    expect([code, said.length], whole).toEqual([0, commands.length])
    expect(JSON.parse(of('curl'))).toMatchObject({ predictions: [expect.any(Number)] })
  })
})

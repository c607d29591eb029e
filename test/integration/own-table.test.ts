import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { npmShim } from '../support/npm-shim.ts'
import { type CommandSaid, ownTableCommands, runAll, writeCustomers } from '../support/own-table.ts'

/*
 * "Your own table in five minutes", word for word in an empty folder with somebody's table in it. Nothing is fetched:
 * packages are those of this repository. From tarballs it is in test/peers/own-table.test.ts.
 */
const folder = mkdtempSync(join(tmpdir(), 'slipway-own-'))
const commands = ownTableCommands()
let said: readonly CommandSaid[]
let code: number | null

beforeAll(async () => {
  const tools = mkdtempSync(join(tmpdir(), 'slipway-tools-'))
  writeCustomers(folder)
  ;({ code, said } = await runAll(folder, commands, { PATH: `${npmShim(tools)}:${process.env.PATH}` }))
})
afterAll(() => {
  spawnSync(process.execPath, [join(packageRoot, 'bin/slipway.mjs'), 'down'], { cwd: join(folder, 'my-models') })
  rmSync(folder, { recursive: true, force: true })
})
const of = (begin: string): string => said.find(({ command }) => command.startsWith(begin))?.said ?? ''

describe('a table of somebody’s own, from an empty folder to answers', () => {
  it('every command of the README comes to its end', () => {
    const whole = said.map(({ command, said: text }) => `$ ${command}\n${text}`).join('\n')
    expect(commands).toHaveLength(10)
    expect([code, said.length], whole).toEqual([0, commands.length])
  })

  it('says what it guessed', () => {
    const guesses = of('npm create')
    expect(guesses).toContain('customer_id: left out: an identifier')
    expect(guesses).toMatch(/split: by signup: the newest \d+ days/)
    expect(guesses).toContain('"NA" stands for a missing value')
  })

  it('its tests pass as they come, and the model is better than guessing', () => {
    expect(of('npm test')).toMatch(/Tests +3 passed/)
    expect(Number(/auc\s+(0\.\d+)/.exec(of('npx slipway show'))?.[1])).toBeGreaterThan(0.7)
  })

  it('it is served, and scores the table whole', () => {
    expect(JSON.parse(of('curl'))).toMatchObject({ predictions: [expect.any(Number)] })
    const manifest = join(folder, 'my-models/scored/_manifest.json')
    expect(existsSync(manifest)).toBe(true)
    expect(JSON.stringify(JSON.parse(readFileSync(manifest, 'utf8')))).toContain('900')
  })
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { errorCodes, exitCodes } from '../../lib/formats/errors.ts'
import { everyCommand } from '../support/every-command.ts'
import { runCommand } from '../support/run-command.ts'

const help = async (...args: string[]): Promise<string> => {
  const { code, stdout } = await runCommand(packageRoot, [...args, '--help'])
  expect(code).toBe(0)
  return stdout
}
const documentation = readFileSync(join(packageRoot, 'docs/cli.md'), 'utf8')
const [commandTable = ''] = documentation.split('## Exit codes')
const documentedCommands = [...commandTable.matchAll(/^\| (`.*?) +\| [^|]+ \|$/gm)].flatMap(([, cell]) =>
  [...(cell as string).replaceAll('\\|', '|').matchAll(/`([^`]+)`/g)].map(([, usage]) => usage as string),
)
/** `retrain status|pause|resume <pipeline>` → each of the three, with what comes behind. */
const usages = documentedCommands.flatMap((usage) => {
  const [, group = '', verbs, rest = ''] = /^(?:(\w+) )?([\w|]+)(.*)$/.exec(usage) ?? []
  return (verbs ?? '').split('|').map((verb) => `${group} ${verb}${rest}`.trim())
})

describe('help', () => {
  it('lists every exit code with a word', async () => {
    const [, listed = ''] = (await help()).split('Exit codes:')
    const codes = [...listed.matchAll(/(\d+) [a-z]/g)].map(([, code]) => Number(code))
    expect(codes).toEqual(Object.values(exitCodes))
    expect(listed).toContain('18 bad rows')
  })

  it('names every command, and every command has help', async () => {
    const all = await help()
    for (const { name, command } of everyCommand()) {
      expect(all).toMatch(new RegExp(`^  ${name.split(' ')[0]}\\b`, 'm'))
      const own = await help(...name.split(' '))
      expect(own).toContain(`Usage: slipway ${name}`)
      expect(own).toContain(command.description().split(/[:;,]/)[0])
    }
  })
})

describe('docs/cli.md', () => {
  it('has every error code under its exit code, and every exit code', () => {
    const rows = [...documentation.matchAll(/^\| (\d+) +\| [^|]+ \| ([^|]*)\|$/gm)]
    const documented = Object.fromEntries(
      rows.flatMap(([, code, names]) =>
        [...(names as string).matchAll(/`([A-Z_]+)`/g)].map(([, name]) => [name, Number(code)]),
      ),
    )
    expect(documented).toEqual(errorCodes)
    expect(rows.map(([, code]) => Number(code)).sort((a, b) => a - b)).toEqual(
      Object.values(exitCodes).sort((a, b) => a - b),
    )
  })

  it('has every command with its arguments, and no other', () => {
    const described = (usage: string): string => usage.replaceAll(/ \[--.*$| --.*$| …/g, '').trim()
    const real = everyCommand().map(({ name, command }) => {
      const args = command.registeredArguments.map((argument) =>
        argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
      )
      return [name, ...args].join(' ')
    })
    // A command that does several things has a row for each.
    expect([...new Set(usages.map(described))].sort()).toEqual(real.sort())
  })

  it('names no option that a command has not', () => {
    for (const usage of usages) {
      const best = everyCommand()
        .filter(({ name }) => usage === name || usage.startsWith(`${name} `))
        .sort((a, b) => b.name.length - a.name.length)[0]
      const options = best?.command.options.map(({ long }) => long) ?? []
      for (const [option] of usage.matchAll(/--[a-z-]+/g)) expect(options, usage).toContain(option)
    }
  })

  it('tells every command that has no --json', () => {
    const without = everyCommand().filter(({ hasJson }) => !hasJson)
    expect(without.map(({ name }) => name)).toEqual(['console', 'shell', 'gateway'])
    expect(documentation).toContain('Every command but `console`, `gateway` and `shell` has `--json`')
  })
})

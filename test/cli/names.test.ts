import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as kinds from '../../cli/names.ts'
import { durationMs } from '../../lib/definition/duration.ts'
import { everyCommand } from '../support/every-command.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { runCommand } from '../support/run-command.ts'

/** A project with the pipeline flights, and no server anywhere. */
let project: TestProject
beforeAll(() => {
  project = newProject()
  project.write('pipelines/flights/pipeline.ts', '')
  project.write('rows.json', '[]')
})
afterAll(() => project.remove())

const bad = {
  'a way out': '../nowhere/x',
  'a longer one': 'a/../../b',
  nothing: '',
  '300 characters': 'x'.repeat(300),
  NUL: 'a\0b',
}
/** Texts that are no names: they become no keys, and a path may well begin with dots. */
const paths = [
  '--from <file>',
  '--from <files>',
  '--to <folder>',
  '--to <where>',
  '--key <file>',
  '--junit <file>',
  '--markdown <file>',
  '--code-quality <file>',
  '--out <file>',
  '--html <file>',
  '--data <file>',
  '--output <file>',
  '--channel <where>',
  '--remote <where>',
  '--probe <file>',
]
const texts = [
  '--as <role>',
  '--reason <text>',
  '--keys <columns>',
  '--keep <columns>',
  '--partition-by <columns>',
  '--target <column>',
  '--output <name>',
  '--class <class>',
]

describe('a name from the command line', () => {
  for (const { name, command, args, required } of everyCommand()) {
    const call = [...name.split(' '), ...args.map(({ sample }) => sample), ...required]
    const refused = async (argv: readonly string[]): Promise<string> => {
      const { code, stderr } = await runCommand(project.root, argv)
      expect(code, JSON.stringify(argv)).toBe(2)
      expect(stderr, JSON.stringify(argv)).toMatch(/^error USAGE: /)
      return stderr
    }

    for (const [i, { name: argument }] of args.entries())
      it(`${name} <${argument}> is checked before anything is done with it`, async () => {
        for (const value of Object.values(bad)) {
          const argv = [...call]
          argv[name.split(' ').length + i] = value
          const said = await refused(argv)
          expect(said).toContain(argument)
          expect(said).toContain('expected')
        }
      })

    const options = command.options.filter((option) => option.required || option.optional)
    if (options.length > 0)
      it(`${name} checks ${options.map(({ long }) => long).join(', ')}`, async () => {
        for (const { flags, long } of options) {
          const values = Object.entries(bad).filter(
            ([what]) =>
              !(paths.includes(flags) && what.includes('way')) &&
              !(paths.includes(flags) && what.includes('longer')) &&
              !(texts.includes(flags) && what !== 'NUL'),
          )
          for (const [, value] of values) expect(await refused([...call, long as string, value])).toContain(long)
        }
      })
  }

  it('is refused with the rule, and with the nearest that is there', async () => {
    const { stderr } = await runCommand(project.root, ['run', 'Flihgts'])
    expect(stderr).toContain(
      '[pipeline]: expected a name: lower-case letters, digits and dashes, at most 63; got "Flihgts"',
    )
    expect(stderr).toContain('next: did you mean "flights"?')
    expect((await runCommand(project.root, ['signal', 'drfit', 'flights'])).stderr).toContain('did you mean "drift"?')
    expect((await runCommand(project.root, ['runs', 'x y'])).stderr).toContain('got "x y"')
    expect((await runCommand(project.root, ['run', 'flights', '--snapshot', 'sha256:12'])).stderr).toContain(
      'whole digest',
    )
  })
})

describe('what is a name', () => {
  it('has an example of every kind', () => {
    for (const [name, kind] of Object.entries(kinds)) {
      if (typeof kind === 'function' || name === 'existingFile') continue
      expect(kind.accepts(kind.example), `${name}: ${kind.example}`).toBe(true)
    }
  })

  it('never leads out of a folder, whatever it is', () => {
    const texts = fc.string({
      unit: fc.constantFrom('.', '/', 'a', '-', '@', '0', '\0', ':', '=', '%', '\\'),
      maxLength: 12,
    })
    for (const kind of [
      kinds.name,
      kinds.step,
      kinds.id,
      kinds.modelVersion,
      kinds.shown,
      kinds.traced,
      kinds.request,
      kinds.snapshot,
    ])
      fc.assert(
        fc.property(texts, (text) => {
          if (kind.accepts(text)) expect(new URL(`http://x/a/b/${encodeURI(text)}`).pathname).toMatch(/^\/a\/b\/./)
        }),
      )
  })

  it('takes a step that is called as another one, by its kind', () => {
    for (const text of ['delays', 'gate-2', 'snapshot:gate', 'train:gate']) expect(kinds.step.accepts(text)).toBe(true)
    for (const text of ['gate:gate', 'snapshot:', 'snapshot:a:b']) expect(kinds.step.accepts(text)).toBe(false)
  })

  it('takes the durations that the product takes', () => {
    const texts = fc.oneof(
      fc.constantFrom('90s', '10m', '2h', '7d', '0.5s', '', '1', 's', '-1s', '1w', '1e3s'),
      fc.string(),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const taken = (() => {
          try {
            return Number.isFinite(durationMs(text))
          } catch {
            return false
          }
        })()
        expect(kinds.duration.accepts(text)).toBe(taken)
      }),
    )
  })
})

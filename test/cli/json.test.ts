import { createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { print, printJson } from '../../cli/output.ts'
import { writingTo } from '../../cli/sinks.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { CliResult } from '../support/cli.ts'
import { type EachCommand, everyCommand } from '../support/every-command.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { runCommand } from '../support/run-command.ts'

/** A project without pipelines, and a server that takes connections and never answers. */
let project: TestProject
let silent: Server
const nowhere = { TEMPORAL_ADDRESS: '127.0.0.1:9', S3_ENDPOINT: '', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' }
beforeAll(async () => {
  project = newProject()
  project.write('rows.json', '[]')
  silent = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  nowhere.S3_ENDPOINT = `http://127.0.0.1:${(silent.address() as { port: number }).port}`
})
afterAll(() => {
  silent.close()
  project.remove()
})

const withJson = everyCommand().filter(({ hasJson }) => hasJson)
const call = ({ name, args, required }: EachCommand): string[] => [
  ...name.split(' '),
  ...args.map(({ sample }) => sample),
  ...required,
]

/** The document, if standard output is exactly one. */
function documentOf({ code, stdout, stderr }: CliResult) {
  const document = JSON.parse(stdout)
  expect(document).toMatchObject({ error: { code: expect.any(String), message: expect.any(String) }, exitCode: code })
  expect(stderr).toContain(`error ${document.error.code}`)
  return document
}

describe('with --json every outcome is one document', () => {
  it.each(withJson.map((command) => [command.name, command] as const))('%s', async (_, command) => {
    const argv = call(command)
    const fails = async (...more: string[]) => documentOf(await runCommand(project.root, more))
    expect(await fails(...argv, '--json', '--nonsense')).toMatchObject({ error: { code: 'USAGE' }, exitCode: 2 })
    expect(await fails('--json', ...argv)).toMatchObject({ error: { code: 'USAGE' }, exitCode: 2 })
    expect(await fails(...argv, '--json', 'one', 'too', 'many')).toMatchObject({ error: { code: 'USAGE' } })
    if (command.args.length > 0)
      expect(await fails(...command.name.split(' '), '../nowhere/x', '--json')).toMatchObject({ exitCode: 2 })
    if (command.required.length > 0)
      expect(await fails(...argv.slice(0, -command.required.length), '--json')).toMatchObject({ exitCode: 2 })
    const { code, stdout } = await runCommand(project.root, [...argv, '--json', '--help'])
    expect([code, JSON.parse(stdout).help]).toEqual([0, expect.stringContaining(`Usage: slipway ${command.name}`)])
  })

  // Those that start a platform or need none, or look only whether there is one.
  const local = ['init', 'up', 'start', 'down', 'status']
  it.each(withJson.filter(({ name }) => !local.includes(name)).map((command) => [command.name, command] as const))(
    '%s, where no platform runs',
    async (_, command) => {
      const document = documentOf(await runCommand(project.root, [...call(command), '--json']))
      expect(['PLATFORM_MISSING', 'PIPELINE_UNKNOWN']).toContain(document.error.code)
    },
  )

  it('of an unknown command, of none, of the version, and of a command that has no --json', async () => {
    const fails = async (...argv: string[]) => documentOf(await runCommand(project.root, argv))
    expect((await fails('rum', '--json')).error.message).toContain("unknown command 'rum'")
    expect((await fails('--json')).error.code).toBe('USAGE')
    expect((await fails('rollout', '--json')).error.code).toBe('USAGE')
    expect((await fails('gateway', '--json')).error.message).toContain('no --json')
    expect(JSON.parse((await runCommand(project.root, ['--version', '--json'])).stdout).version).toMatch(/^\d+\./)
  })

  it('and everything else that is said goes to standard error', async () => {
    const said = { stdout: '', stderr: '' }
    const into = (stream: keyof typeof said) => ({
      write(text: string) {
        said[stream] += text
      },
    })
    await writingTo({ stdout: into('stdout'), stderr: into('stderr') }, true, async () => {
      print('a table')
      printJson({ the: 'document' })
      printJson({ another: 'one' })
    })
    expect(JSON.parse(said.stdout)).toEqual({ the: 'document' })
    expect(said.stderr).toContain('a table')
    expect(said.stderr).toContain('another')
  })

  it('of what is no error of ours', async () => {
    const ended = Promise.reject(new TypeError('x is not a function'))
    const document = documentOf(await runCommand(project.root, ['runs', '--json'], nowhere, ended))
    expect(document).toMatchObject({ error: { code: 'INTERNAL', message: 'x is not a function' }, exitCode: 1 })
  })

  it('of an interrupt while a server does not answer', async () => {
    let interrupt: (error: Error) => void = () => {}
    const ended = new Promise<never>((_, reject) => {
      interrupt = reject
    })
    silent.once('connection', () => interrupt(new SlipwayError('INTERRUPTED', 'interrupted')))
    const document = documentOf(await runCommand(project.root, ['runs', '--json'], nowhere, ended))
    expect(document).toMatchObject({ error: { code: 'INTERRUPTED' }, exitCode: 130 })
  })
})

// Runs `npx slipway` as the inputs of action.yml say, and hands on what it found as outputs. Inputs come by the
// environment and go to the command as words of their own: no shell reads them.
import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The exit code of a plan that would do something. */
const wouldRun = 3

const input = (name) => process.env[`SLIPWAY_ACTION_${name}`]?.trim() ?? ''
const folder = process.env.RUNNER_TEMP ?? '.'
const command = input('COMMAND')
const name = `${command}-${input('PIPELINE') || input('ENDPOINT')}`.replaceAll(/[^\w-]/g, '_').slice(0, 80)
const document = join(folder, `slipway-${name}.json`)
const page = join(folder, `slipway-${name}.md`)

const commands = {
  plan: () => ['plan', input('PIPELINE'), '--against', 'champion', '--detailed-exitcode', '--markdown', page],
  run: () => [
    'run',
    input('PIPELINE'),
    ...(input('WAIT') === 'true' ? ['--wait'] : []),
    ...(input('TIMEOUT') === '' ? [] : ['--timeout', input('TIMEOUT')]),
  ],
  drift: () => ['drift', 'check', input('ENDPOINT')],
}
if (!Object.hasOwn(commands, command)) {
  console.error(`::error title=USAGE::command: expected plan, run or drift; got ${JSON.stringify(command)}`)
  process.exit(2)
}
// A page of an earlier plan in this job is not of this one.
rmSync(page, { force: true })
const more = (process.env.SLIPWAY_ACTION_ARGUMENTS ?? '').split('\n').map((line) => line.trim())
const words = ['slipway', ...commands[command](), ...more.filter((line) => line !== ''), '--json']
const { status, stdout, error } = spawnSync('npx', ['--no-install', ...words], {
  stdio: ['ignore', 'pipe', 'inherit'],
  encoding: 'utf8',
  maxBuffer: 1 << 30,
})
if (error !== undefined) throw error
// A command that was ended by a signal has no exit code of its own.
const exitCode = status ?? 130
writeFileSync(document, stdout)
process.stdout.write(stdout)

const { wouldChange, runId, model, error: fault } = parsed(stdout)
const outputs = {
  'exit-code': exitCode,
  'would-change': wouldChange,
  run: runId,
  model: model?.name,
  version: model?.version,
  digest: model?.digest,
  document,
  plan: fault === undefined && existsSync(page) ? page : undefined,
}
const known = Object.entries(outputs).filter(([, value]) => value !== undefined)
if (process.env.GITHUB_OUTPUT)
  for (const [key, value] of known) appendFileSync(process.env.GITHUB_OUTPUT, `${key}=${firstLine(value)}\n`)
process.exit(command === 'plan' && exitCode === wouldRun ? 0 : exitCode)

/** The document of the command; what is none has nothing to hand on. */
function parsed(text) {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}

/** A value ends with its line: what comes behind would be another output. */
function firstLine(value) {
  return String(value).split(/[\r\n]/)[0]
}

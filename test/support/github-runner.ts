import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'

/** What expressions may name: `github`, `env`, `vars`, `secrets`, `inputs`, `steps`. */
type Contexts = Readonly<Record<string, unknown>>

/** A step as workflows and composite actions have it. */
interface Step {
  readonly id?: string
  readonly if?: string
  readonly uses?: string
  readonly with?: Readonly<Record<string, string>>
  readonly run?: string
  readonly env?: Readonly<Record<string, string>>
  readonly 'working-directory'?: string
}
interface Action {
  readonly inputs?: Readonly<Record<string, { readonly default?: string }>>
  readonly outputs?: Readonly<Record<string, { readonly value: string }>>
  readonly runs: { readonly steps: readonly Step[] }
}

/** A step that was carried out, or not. */
interface StepResult {
  readonly what: string
  /** Null for an action of somebody else, which is not carried out here. */
  readonly code: number | null
  readonly said: string
}
interface JobResult {
  readonly steps: readonly StepResult[]
  /** Of its steps, by id. */
  readonly outputs: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly summary: string
  /** Whether its `if` wanted it at all. */
  readonly isWanted: boolean
}

/** Where a job runs. */
export interface Runner {
  /** The checkout. */
  readonly workspace: string
  readonly github: Readonly<Record<string, unknown>>
  readonly vars: Readonly<Record<string, string>>
  readonly secrets: Readonly<Record<string, string>>
  /** Of the machine. */
  readonly env: Readonly<Record<string, string>>
}

/**
 * Carries out a job as GitHub's runner does, as far as our workflows go: conditions, environments, inputs and outputs,
 * composite actions of the checkout, and every `run` by bash. Actions of others are passed over.
 */
export async function runJob(text: string, name: string, runner: Runner): Promise<JobResult> {
  const workflow = parse(text)
  const job = workflow.jobs[name]
  const { github, vars, secrets } = runner
  const top = { github, vars, secrets }
  const env = filled(workflow.env, top)
  const folder = mkdtempSync(join(tmpdir(), 'slipway-runner-'))
  const summary = join(folder, 'summary.md')
  writeFileSync(summary, '')
  const steps: StepResult[] = []
  const outputs: Record<string, Record<string, string>> = {}
  try {
    const isWanted = job.if === undefined || truth(evaluate(job.if, { ...top, env }))
    if (isWanted)
      await runSteps(job.steps, { ...top, env, inputs: {}, steps: contextOf(outputs) }, { env, action: '' }, outputs)
    return { steps, outputs, summary: readFileSync(summary, 'utf8'), isWanted }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }

  async function runSteps(
    all: readonly Step[],
    contexts: Contexts,
    here: { readonly env: Readonly<Record<string, string>>; readonly action: string },
    into: Record<string, Record<string, string>>,
  ): Promise<boolean> {
    for (const step of all) {
      const known = { ...contexts, steps: contextOf(into) }
      if (step.if !== undefined && !truth(evaluate(step.if, known))) continue
      const own = { ...here.env, ...filled(step.env, known) }
      const made: Record<string, string> = {}
      if (step.id !== undefined) into[step.id] = made
      const isWell =
        step.uses === undefined
          ? await runShell(step, own, known, here.action, made)
          : await use(step, own, known, made)
      if (!isWell) return false
    }
    return true
  }

  async function use(
    { uses = '', with: given }: Step,
    own: Readonly<Record<string, string>>,
    contexts: Contexts,
    made: Record<string, string>,
  ): Promise<boolean> {
    if (!uses.startsWith('./')) {
      steps.push({ what: uses, code: null, said: '' })
      return true
    }
    const action = join(runner.workspace, uses)
    const {
      inputs: declared = {},
      outputs: wanted = {},
      runs,
    }: Action = parse(readFileSync(join(action, 'action.yml'), 'utf8'))
    const said = filled(given, contexts)
    for (const input of Object.keys(said)) if (!(input in declared)) throw new Error(`${uses} has no input ${input}`)
    const defaults = Object.entries(declared).map(([input, { default: value = '' }]) => [input, fill(value, contexts)])
    const inputs = { ...Object.fromEntries(defaults), ...said }
    const inner: Record<string, Record<string, string>> = {}
    const isWell = await runSteps(runs.steps, { ...top, inputs }, { env: own, action }, inner)
    for (const [output, { value }] of Object.entries(wanted)) made[output] = fill(value, { steps: contextOf(inner) })
    return isWell
  }

  async function runShell(
    { run = '', 'working-directory': where = '.' }: Step,
    own: Readonly<Record<string, string>>,
    contexts: Contexts,
    action: string,
    made: Record<string, string>,
  ): Promise<boolean> {
    const script = join(folder, 'step.sh')
    const output = join(folder, 'output')
    writeFileSync(script, fill(run, contexts))
    writeFileSync(output, '')
    const child = spawn('bash', ['--noprofile', '--norc', '-eo', 'pipefail', script], {
      cwd: join(runner.workspace, fill(where, contexts)),
      env: {
        ...runner.env,
        GITHUB_ACTIONS: 'true',
        GITHUB_WORKSPACE: runner.workspace,
        GITHUB_REPOSITORY: 'team/models',
        GITHUB_OUTPUT: output,
        GITHUB_STEP_SUMMARY: summary,
        RUNNER_TEMP: folder,
        ...(action === '' ? {} : { GITHUB_ACTION_PATH: action }),
        ...own,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        said += chunk
      })
    const code = await new Promise<number>((resolve) => child.once('close', (ended) => resolve(ended ?? -1)))
    steps.push({ what: run, code, said })
    for (const line of readFileSync(output, 'utf8').split('\n')) {
      const at = line.indexOf('=')
      if (at > 0) made[line.slice(0, at)] = line.slice(at + 1)
    }
    return code === 0
  }
}

const contextOf = (outputs: Readonly<Record<string, unknown>>): Contexts =>
  Object.fromEntries(Object.entries(outputs).map(([id, values]) => [id, { outputs: values }]))

function filled(values: Readonly<Record<string, string>> = {}, contexts: Contexts): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, text]) => [name, fill(String(text), contexts)]))
}

/** A text with its `${{ … }}` in the place. */
const fill = (text: string, contexts: Contexts): string =>
  text.replaceAll(/\$\{\{(.*?)\}\}/gs, (_, inner: string) => String(evaluate(inner, contexts) ?? ''))

const truth = (value: unknown): boolean =>
  value !== '' && value !== 0 && value !== null && value !== undefined && value !== false

/** An expression of `a.b-c`, texts, numbers, `true`, `==`, `!=`, `!`, `&&`, `||` and brackets. @throws for any other */
function evaluate(expression: string, contexts: Contexts): unknown {
  const text = expression.replace(/^\s*\$\{\{(.*)\}\}\s*$/s, '$1')
  const tokens = text.match(/'(?:[^']|'')*'|==|!=|&&|\|\||[!()]|[\w-]+(?:\.[\w-]+)*|\S/g) ?? []
  let at = 0
  const either = (): unknown => {
    let left = both()
    while (tokens[at] === '||') {
      at++
      const right = both()
      left = truth(left) ? left : right
    }
    return left
  }
  const both = (): unknown => {
    let left = compared()
    while (tokens[at] === '&&') {
      at++
      const right = compared()
      left = truth(left) ? right : left
    }
    return left
  }
  const compared = (): unknown => {
    const left = single()
    const sign = tokens[at]
    if (sign !== '==' && sign !== '!=') return left
    at++
    return (String(left ?? '') === String(single() ?? '')) === (sign === '==')
  }
  const single = (): unknown => {
    const token = tokens[at++] ?? ''
    if (token === '!') return !truth(single())
    if (token === '(') {
      const value = either()
      if (tokens[at++] !== ')') throw new Error(`${expression}: a bracket is not closed`)
      return value
    }
    if (token.startsWith("'")) return token.slice(1, -1).replaceAll("''", "'")
    if (token === 'true' || token === 'false') return token === 'true'
    if (/^\d+$/.test(token)) return Number(token)
    if (!/^[a-z][\w-]*(?:\.[\w-]+)+$/i.test(token)) throw new Error(`${expression}: ${token} is not understood`)
    return token.split('.').reduce<unknown>((value, key) => (value as Contexts | undefined)?.[key], contexts)
  }
  const value = either()
  if (at < tokens.length) throw new Error(`${expression}: ${tokens[at]} is not understood`)
  return value
}

import { createInterface } from 'node:readline'
import { type REPLServer, start } from 'node:repl'
import { PassThrough } from 'node:stream'
import { type OpenStep, openStep, type StepInput } from '../../client/open-step.ts'
import { colors } from '../colors.ts'
import { openContext } from '../context.ts'
import { print, table } from '../output.ts'

/** Opens Node with what a step of a finished run read: its tables, models, files, parameters and functions. */
export async function shell(runId: string, { at }: { readonly at: string }): Promise<number> {
  const opened = await openStep(openContext(), runId, at)
  show(runId, opened)
  const isTerminal = process.stdin.isTTY === true
  // The very globals that the user's functions see: a typed array made here is one to them.
  const repl = isTerminal
    ? start({ prompt: `${at}> `, useGlobal: true })
    : start({ prompt: '', terminal: false, useGlobal: true, input: new PassThrough(), output: process.stdout })
  const { run, step, plan, inputs, functions } = opened
  const names = { run, plan, step, inputs, ...functions, ...inputs }
  for (const [name, value] of Object.entries(names))
    Object.defineProperty(repl.context, name, { value, configurable: true, enumerable: true, writable: true })
  const ended = new Promise<number>((resolve) => {
    repl.once('exit', () => resolve(0))
  })
  if (!isTerminal) await readLines(repl)
  return ended
}

/** Gives it what comes through a pipe, each line when the one before is done: Node would not wait for an `await`. */
async function readLines(repl: REPLServer): Promise<void> {
  const evaluate = repl.eval
  let evaluated: Promise<void> | undefined
  const eachAlone: typeof evaluate = (code, context, file, done) => {
    evaluated = new Promise((resolve) => {
      evaluate.call(repl, code, context, file, (error, value) => {
        done(error, value)
        resolve()
      })
    })
  }
  Object.assign(repl, { eval: eachAlone })
  for await (const line of createInterface({ input: process.stdin })) {
    evaluated = undefined
    repl.emit('line', line)
    await evaluated
  }
  repl.close()
}

function show(runId: string, { step, inputs, functions }: OpenStep): void {
  print(`${colors.bold(step.id)} (${step.kind}) of run ${runId}`)
  print(
    table(
      ['name', 'what', 'use'],
      [
        ...Object.entries(inputs).map(([name, input]) => [nameIn(name), whatIs(input), useOf(nameIn(name), input)]),
        ...Object.keys(functions).map((name) => [name, 'your function, as it was bundled', `${name}(…)`]),
        ['inputs', 'all it reads, by name', 'inputs'],
        ['step', 'its parameters', 'step'],
        ['run, plan', 'what it belongs to', 'run.steps'],
      ],
    ),
  )
}

/** How a name that is no identifier is reached. */
const nameIn = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : `inputs['${name}']`)

function whatIs(input: StepInput): string {
  if (input.kind === 'table') return `table, ${input.rows} rows: ${input.schema.map(({ name }) => name).join(', ')}`
  if (input.kind === 'model') return `model of ${input.facts.task}, scored by ${input.engine.name}`
  return input.file
}

function useOf(name: string, input: StepInput): string {
  if (input.kind === 'table') return `await ${name}.columns('${input.schema[0]?.name}'), ${name}.files`
  if (input.kind === 'model') return `await ${name}.score(columns), ${name}.makeFeatures(columns)`
  return `${name}.file, await ${name}.json()`
}

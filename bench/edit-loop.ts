import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { packageRoot } from '../lib/code/host.ts'
import { newProject, type TestProject } from '../test/support/project.ts'
import { readPlatform } from '../workers/platform/state.ts'
import { median } from './measure.ts'

/*
 * The edit loop: from an edited helper of a feature function to a judged candidate, as `slipway run <pipeline> --wait`
 * takes it, start of the command included. With another checkout the two run by turns, each on a platform of its own:
 *
 *   node scripts/run.mjs bench/edit-loop.ts [--base <checkout>] [--rounds <n>] [--pipeline <name>]
 *
 * On a machine that others use, the worker's processor time says more than the time on the clock.
 */

/** An edit that gives a feature other values, a different one each round. */
const edits: Readonly<Record<string, (text: string, round: number) => string>> = {
  flights: (text, round) => text.replace('/ minute) / 60', `/ minute) / 60 + ${round} / 1024`),
  weather: (text, round) =>
    text.replace(
      "wind: df.column('wind').values",
      `wind: (df.column('wind').values as number[]).map((wind) => wind + ${round} / 1024)`,
    ),
}

interface Side {
  readonly name: string
  /** Where the command is. */
  readonly checkout: string
  readonly project: TestProject
}

interface Run {
  readonly seconds: number
  /** Processor time of the worker. */
  readonly cpu: number
  readonly steps: Readonly<Record<string, number>>
  readonly model: string
}

const option = (name: string): string | undefined => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? undefined : process.argv[at + 1]
}

function slipway({ checkout, project }: Side, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(checkout, 'bin/slipway.mjs'), ...args], {
    cwd: project.root,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  if (status !== 0) throw new Error(`slipway ${args.join(' ')} of ${checkout} ends with ${status}: ${stderr}`)
  return stdout
}

function start(name: string, checkout: string): Side {
  const project = newProject()
  for (const pipeline of Object.keys(edits)) {
    const folder = join(project.root, 'pipelines', pipeline)
    cpSync(join(checkout, 'pipelines', pipeline), folder, { recursive: true })
    // It ends when the candidate is judged and registered.
    const definition = readFileSync(join(folder, 'pipeline.ts'), 'utf8')
    writeFileSync(join(folder, 'pipeline.ts'), definition.replace(/ {2}const live[\s\S]*$/, '})\n'))
  }
  symlinkSync(join(packageRoot, 'node_modules'), join(project.root, 'node_modules'))
  const side = { name, checkout, project }
  slipway(side, 'up', '--detach')
  return side
}

/** Processor time of a side's worker so far, s; 0 where the system does not tell. */
function cpuOf({ project }: Side): number {
  try {
    const pid = readPlatform(project.root)?.worker.pid
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return 0
  }
}

function run(side: Side, pipeline: string, round: number): Run {
  const file = join('pipelines', pipeline, 'features.ts')
  const edited = (edits[pipeline] as (typeof edits)[string])(readFileSync(join(side.checkout, file), 'utf8'), round)
  side.project.write(file, edited)
  const cpu = cpuOf(side)
  const begin = performance.now()
  const record = JSON.parse(slipway(side, 'run', pipeline, '--wait', '--json'))
  const seconds = (performance.now() - begin) / 1000
  const steps = record.steps.map((step: { name: string; seconds: number }) => [step.name, step.seconds])
  return { seconds, cpu: cpuOf(side) - cpu, steps: Object.fromEntries(steps), model: record.model.digest }
}

const medianOf = (runs: readonly Run[], pick: (run: Run) => number): number => median(runs.map(pick))
const shown = (runs: readonly Run[]): string => {
  const names = Object.keys(runs[0]?.steps ?? {})
  const parts = names.map((name) => `${name} ${medianOf(runs, ({ steps }) => steps[name] ?? 0).toFixed(2)}`)
  const [seconds, cpu] = [medianOf(runs, (run) => run.seconds), medianOf(runs, (run) => run.cpu)]
  return `${seconds.toFixed(2)} s, worker ${cpu.toFixed(2)} s of processor time (${parts.join(', ')})`
}

const base = option('base')
const rounds = Number(option('rounds') ?? 3)
const sides: Side[] = []
try {
  sides.push(start('ours', packageRoot))
  if (base !== undefined) sides.push(start('base', resolve(base)))
  for (const pipeline of option('pipeline') === undefined ? Object.keys(edits) : [option('pipeline') as string]) {
    const runs = new Map<string, Run[]>(sides.map(({ name }) => [name, []]))
    // The first round makes snapshot and champion, and does not count.
    for (let round = 0; round <= rounds; round++)
      for (const side of sides) {
        const made = run(side, pipeline, round)
        if (round > 0) runs.get(side.name)?.push(made)
      }
    for (const [name, all] of runs) console.log(`${pipeline}, ${name}: ${shown(all)}`)
    const [ours, theirs] = [runs.get('ours') ?? [], runs.get('base')]
    if (theirs !== undefined) {
      const ratio = (pick: (run: Run) => number): string => (medianOf(ours, pick) / medianOf(theirs, pick)).toFixed(2)
      const [time, cpu] = [ratio(({ seconds }) => seconds), ratio((run) => run.cpu)]
      console.log(`${pipeline}: ${time} of the base's time, ${cpu} of its processor time`)
    }
  }
} finally {
  for (const side of sides) {
    slipway(side, 'down')
    side.project.remove()
  }
}

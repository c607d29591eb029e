import inspector from 'node:inspector'
import { requireSameInputs } from '../../client/input-version.ts'
import { debugBundle } from '../../lib/code/debug.ts'
import { loadFunction } from '../../lib/code/load.ts'
import { publishPlan } from '../../lib/code/plan.ts'
import { exitCodes, SlipwayError } from '../../lib/formats/errors.ts'
import type { GateResult } from '../../lib/formats/records.ts'
import { findSource, takeSource } from '../../lib/sources/take.ts'
import { runLocally } from '../../workers/local-run.ts'
import { planned as plannedHere } from '../../workers/planned.ts'
import { readSettings, signerOf, storeOf, trustedKeysOf } from '../../workers/settings.ts'
import { colors } from '../colors.ts'
import { pairs } from '../options.ts'
import { print, printJson, say, seconds } from '../output.ts'

export interface LocalOptions {
  readonly json?: boolean
  readonly local?: boolean
  /** A port, or true for Node's usual one. */
  readonly inspect?: string | true
  readonly set?: readonly string[]
}

/** Carries a pipeline out in this process, up to its gates. Nothing is registered. @returns the exit code */
export async function runHere(pipeline: string, options: LocalOptions): Promise<number> {
  const { inspect, local } = options
  if (local !== true)
    throw new SlipwayError('USAGE', '--inspect debugs this process, and the run would be in another one', {
      next: `slipway run ${pipeline} --local --inspect`,
    })
  const settings = readSettings(undefined, undefined, { temporal: false })
  const store = storeOf(settings)
  const planned = await plannedHere(settings.root, store, pipeline, pairs('--set', options.set))
  await requireSameInputs(store, planned)
  const place = { root: settings.root, store, signer: signerOf(settings), trusted: trustedKeysOf(settings) }
  const { digest } = await publishPlan(store, place.signer, planned)
  const sources: Record<string, string> = {}
  for (const step of planned.plan.steps)
    if (step.kind === 'snapshot')
      sources[step.id] = await takeSource(store, await findSource(planned.readable, step), step.format)
  if (inspect !== undefined) {
    // Loaded once before the debugger comes: it finds the functions, and a breakpoint is set before the first of them
    // runs.
    const loaded = [...planned.bundles].map(([name, { code, sourceMap }]) => {
      debugBundle(name, sourceMap, settings.root)
      return loadFunction(code, name)
    })
    waitForDebugger(inspect, loaded.length)
  }
  const runId = `${pipeline}-local-${process.pid}`
  const steps: { name: string; cached: boolean; stepKey: string; outputs: readonly unknown[] }[] = []
  const gates: GateResult[] = []
  const order = { plan: planned.plan, planDigest: digest, sources, runId, again: inspect !== undefined }
  await runLocally(place, order, ({ id, kind }, { cached, stepKey, outputs, facts }, took) => {
    steps.push({ name: id, cached, stepKey, outputs })
    if (kind === 'gate') gates.push(...(facts.gates as GateResult[]))
    say(`  ${id.padEnd(12)} ${cached ? 'reused' : seconds(took)}`)
  })
  const failed = gates.filter(({ passed }) => !passed)
  const exitCode = failed.length === 0 ? exitCodes.done : exitCodes.gateFailed
  const status = failed.length === 0 ? 'succeeded' : 'gate failed'
  if (options.json === true) printJson({ pipeline, status, exitCode, registered: false, steps, gates })
  else {
    for (const { name, passed, evidence } of gates)
      print(`  ${passed ? colors.green('passed') : colors.red('failed')}  ${name}  ${evidence}`)
    print(`${status}; nothing is registered: slipway run ${pipeline} --wait does, and reuses these steps`)
  }
  return exitCode
}

/** Opens the inspector on this machine only, and goes on when a debugger is there. */
function waitForDebugger(inspect: string | true, functions: number): void {
  const port = inspect === true ? 9229 : Number(inspect)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new SlipwayError('USAGE', `--inspect ${inspect} is no port`, { next: '--inspect 9229, or --inspect' })
  inspector.open(port, '127.0.0.1')
  say(`waits for a debugger at ${inspector.url()}`)
  say(`  set breakpoints in your ${functions} functions, then attach: chrome://inspect, or "attach" in an editor`)
  inspector.waitForDebugger()
}

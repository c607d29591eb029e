import { hostVersions } from '../../code/host.ts'
import { planPipeline } from '../../code/plan.ts'
import { shortDigest } from '../../pipelines/artifact.ts'
import { digestOfPlan } from '../../store/plans.ts'
import { openContext } from '../context.ts'
import { forecast } from '../forecast.ts'
import { type JsonOption, pairs } from '../options.ts'
import { print, printJson, table } from '../output.ts'
import { gateLines, knownSplits, plannedGates } from '../plan-gates.ts'
import { requireSameSignature } from '../signature.ts'
/** What a run would do now, without doing it. */
export async function plan(pipeline: string, options: JsonOption & { set?: readonly string[] }): Promise<number> {
  const { settings, store } = openContext()
  const host = hostVersions()
  const overrides = pairs('--set', options.set)
  const { plan: planned } = await planPipeline(settings.root, pipeline, host, overrides)
  await requireSameSignature(store, planned)
  const steps = await forecast(store, planned, host, settings.root)
  const gates = plannedGates(planned, await knownSplits(store, steps))
  if (options.json === true) {
    printJson({ plan: { digest: digestOfPlan(planned) }, steps, gates })
    return 0
  }
  print(
    table(
      ['step', 'would', 'because'],
      steps.map(({ step, state, reason }) => [
        step,
        state === 'reused' ? 'be reused' : state === 'runs' ? 'run' : 'run always',
        reason,
      ]),
    ),
  )
  for (const line of gateLines(gates)) print(line)
  print(
    `\nplan ${shortDigest(digestOfPlan(planned))}: ${steps.filter(({ state }) => state === 'reused').length} of ${steps.length} steps are reused`,
  )
  return 0
}

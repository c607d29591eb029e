import { writeFileSync } from 'node:fs'
import { hostVersions } from '../../code/host.ts'
import { planPipeline } from '../../code/plan.ts'
import { shortDigest } from '../../pipelines/artifact.ts'
import { canonicalJson } from '../../pipelines/canonical.ts'
import { SlipwayError } from '../../pipelines/errors.ts'
import { digestOfPlan, getPlan } from '../../store/plans.ts'
import { readRun } from '../../store/runs.ts'
import { openContext } from '../context.ts'
import { forecast } from '../forecast.ts'
import { type JsonOption, pairs } from '../options.ts'
import { print, printJson, table } from '../output.ts'
import { requireSameSignature } from '../signature.ts'
/** What a run would do now, without doing it. */
export async function plan(pipeline: string, options: JsonOption & { set?: readonly string[] }): Promise<number> {
  const { settings, store } = openContext()
  const host = hostVersions()
  const overrides = pairs('--set', options.set)
  const { plan: planned } = await planPipeline(settings.root, pipeline, host, overrides)
  await requireSameSignature(store, planned)
  const steps = await forecast(store, planned, host, settings.root)
  if (options.json === true) {
    printJson({ plan: { digest: digestOfPlan(planned) }, steps })
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
  print(
    `\nplan ${shortDigest(digestOfPlan(planned))}: ${steps.filter(({ state }) => state === 'reused').length} of ${steps.length} steps are reused`,
  )
  return 0
}

/** The plan of a run as JSON, from the store alone. */
export async function exportPlan(runId: string, options: { output?: string }): Promise<number> {
  const { store } = openContext()
  const record = await readRun(store, runId)
  if (record === undefined)
    throw new SlipwayError('NOT_FOUND', `there is no finished run ${runId}`, { next: 'see `slipway runs`' })
  const text = canonicalJson(await getPlan(store, record.plan.digest))
  if (options.output === undefined) print(text)
  else writeFileSync(options.output, text)
  return 0
}

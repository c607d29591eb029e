import { canonicalJson } from '../../lib/formats/canonical.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { getPlan } from '../../lib/store/plans.ts'
import { readWholeRun } from '../../lib/store/runs.ts'
import { openContext } from '../context.ts'
import { type JsonOption, writeTo } from '../options.ts'
import { print, printJson } from '../output.ts'

/** `export plan <run>`: the plan of a run as canonical JSON, from the store alone; with `--output` to a file. */
export async function exportPlan(run: string, { output, json }: JsonOption & { output?: string }): Promise<number> {
  const { store } = openContext()
  const record = await readWholeRun(store, run)
  if (record === undefined)
    throw new SlipwayError('NOT_FOUND', `there is no finished run ${run}`, { next: 'see `slipway runs`' })
  const plan = await getPlan(store, record.plan.digest)
  if (output !== undefined) writeTo('--output', output, canonicalJson(plan))
  if (json === true) printJson(output === undefined ? plan : { run, output })
  else if (output === undefined) print(canonicalJson(plan))
  return 0
}

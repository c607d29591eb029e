import { readPlanOf } from '../../client/run-plan.ts'
import { canonicalJson } from '../../lib/formats/canonical.ts'
import { openContext } from '../context.ts'
import { type JsonOption, writeTo } from '../options.ts'
import { print, printJson } from '../output.ts'

/** `export plan <run>`: the plan of a run as canonical JSON, from the store alone; with `--output` to a file. */
export async function exportPlan(run: string, { output, json }: JsonOption & { output?: string }): Promise<number> {
  const plan = await readPlanOf(openContext(), run)
  if (output !== undefined) writeTo('--output', output, canonicalJson(plan))
  if (json === true) printJson(output === undefined ? plan : { run, output })
  else if (output === undefined) print(canonicalJson(plan))
  return 0
}

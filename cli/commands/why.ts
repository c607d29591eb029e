import { readWhy } from '../../client/why.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'

/** Why a step of the last run was reused or ran. */
export async function why(stepName: string, options: JsonOption & { run?: string }): Promise<number> {
  const document = await readWhy(openContext(), stepName, options.run)
  const { run, step, cached, reason, comparedWith } = document
  if (options.json === true) printJson(document)
  else
    print(
      `${step} of ${run} ${reason}${cached || comparedWith === null ? '' : `\n  compared with run ${comparedWith}`}`,
    )
  return 0
}

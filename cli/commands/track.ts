import { trackRuns } from '../../client/track.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson } from '../output.ts'

export interface TrackOptions extends JsonOption {
  readonly mlflow: string
  readonly schema?: string
  readonly folder?: string
  /** Whether what people decided there is taken in first. */
  readonly pull?: boolean
}

/**
 * `track flights --mlflow http://…`: runs, versions and aliases of a pipeline, written to an MLflow server or to
 * Databricks; with `--pull` both ways.
 */
export async function track(pipeline: string, { json, ...wanted }: TrackOptions): Promise<number> {
  const tracked = await trackRuns(openContext(), pipeline, wanted)
  if (json === true) {
    printJson(tracked)
    return 0
  }
  const { taken = [], notTaken = [], runs, versions, overruled, withoutModel } = tracked
  for (const line of taken) print(`taken in: ${line}`)
  for (const line of notTaken) print(`not taken in: ${line}`)
  print(`${pipeline}: ${runs} runs and ${versions} versions are new at ${tracked.mlflow}`)
  for (const line of overruled) print(`  ${line}`)
  for (const why of withoutModel) print(`  registered without a model to load: ${why}`)
  return 0
}

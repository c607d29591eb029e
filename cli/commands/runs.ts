import { metricNamed } from '../../client/metrics.ts'
import { readRuns } from '../../client/runs.ts'
import { MetricName } from '../../lib/formats/check.ts'
import { show as showNumber } from '../../lib/formats/show-number.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, table } from '../output.ts'

/**
 * `runs flights --sort auc`: finished runs, the newest first; sorted, the best of all first and those without the
 * metric last.
 */
export async function runs(
  pipeline: string | undefined,
  options: JsonOption & { sort?: string; limit?: string },
): Promise<number> {
  const sort = options.sort && metricNamed('--sort', options.sort)
  const documents = await readRuns(openContext(), { pipeline, sort, limit: Number(options.limit ?? 20) })
  if (options.json === true) printJson(documents)
  else if (documents.length === 0) print('no finished runs yet: npx slipway run <pipeline> --wait')
  else {
    const metrics = MetricName.options
      .filter((name) => documents.some((run) => run.metrics[name] !== undefined))
      .slice(0, 4)
    const rows = documents.map((run) => [
      run.runId,
      run.status,
      run.model === null ? '' : `${run.model.name}@${run.model.version}`,
      ...metrics.map((name) => (run.metrics[name] === undefined ? '' : showNumber(run.metrics[name]))),
      `${run.steps.filter(({ cached }) => cached).length}/${run.steps.length}`,
    ])
    print(table(['run', 'status', 'model', ...metrics, 'reused'], rows))
  }
  return 0
}

import { writeFile } from 'node:fs/promises'
import { nearest } from '../../lib/code/nearest.ts'
import { canonicalJson } from '../../lib/formats/canonical.ts'
import { MetricName } from '../../lib/formats/check.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { RunRecord } from '../../lib/formats/records.ts'
import { show as showNumber } from '../../lib/formats/show-number.ts'
import { modelPage } from '../../lib/reports/model-page.ts'
import { listRuns, readWholeRun } from '../../lib/store/runs.ts'
import { readStepRecord } from '../../lib/store/steps.ts'
import { openContext } from '../context.ts'
import { reasonItRan } from '../forecast.ts'
import { bestFirst, betterOf, metricNamed } from '../metrics.ts'
import { reportOnRun } from '../model-report.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, say, table } from '../output.ts'
import { runJson } from '../report.ts'

/**
 * `runs flights --sort auc`: finished runs, the newest first; sorted, the best of all first and those without the
 * metric last.
 */
export async function runs(
  pipeline: string | undefined,
  options: JsonOption & { sort?: string; limit?: string },
): Promise<number> {
  const metric = options.sort === undefined ? undefined : metricNamed('--sort', options.sort)
  const { store } = openContext()
  const limit = Number(options.limit ?? 20)
  const records =
    metric === undefined
      ? await listRuns(store, pipeline, limit, say)
      : (await listRuns(store, pipeline, Number.POSITIVE_INFINITY, say)).sort(bestFirst(metric)).slice(0, limit)
  if (options.json === true) printJson(records.map(runJson))
  else if (records.length === 0) print('no finished runs yet: npx slipway run <pipeline> --wait')
  else {
    const metrics = MetricName.options
      .filter((name) => records.some((record) => record.metrics[name] !== undefined))
      .slice(0, 4)
    const rows = records.map((record) => [
      record.runId,
      record.status,
      record.model === null ? '' : `${record.model.name}@${record.model.version}`,
      ...metrics.map((name) => (record.metrics[name] === undefined ? '' : showNumber(record.metrics[name]))),
      `${record.steps.filter(({ cached }) => cached).length}/${record.steps.length}`,
    ])
    print(table(['run', 'status', 'model', ...metrics, 'reused'], rows))
  }
  return 0
}

/** Why a step of the last run was reused or ran. */
export async function why(stepName: string, options: JsonOption & { run?: string }): Promise<number> {
  const { store } = openContext()
  const recent = await listRuns(store, undefined, 200)
  const record =
    options.run === undefined
      ? recent.find(({ steps }) => steps.some(({ name }) => name === stepName))
      : await readWholeRun(store, options.run)
  const step = record?.steps.find(({ name }) => name === stepName)
  if (record === undefined || step === undefined) {
    const names = [
      ...new Set((record === undefined ? recent : [record]).flatMap(({ steps }) => steps.map(({ name }) => name))),
    ]
    const meant = nearest(stepName, names)
    throw new SlipwayError(
      'NOT_FOUND',
      `no run has a step "${stepName}"; steps are ${names.join(', ') || 'none yet'}`,
      { next: meant === undefined ? 'see `slipway runs`' : `did you mean "${meant}"?` },
    )
  }
  const maker = await readStepRecord(store, step.stepKey)
  const before = recent.find(
    ({ runId, pipeline, startedAt }) =>
      pipeline === record.pipeline && runId !== record.runId && startedAt < record.startedAt,
  )
  const reason = step.cached
    ? `reused: nothing it depends on differs from run ${maker?.run}`
    : step.stepKey === ''
      ? `ran: ${step.summary}`
      : `ran: ${await reasonItRan(store, before?.steps.find(({ name }) => name === stepName)?.stepKey, step.stepKey)}`
  if (options.json === true)
    printJson({
      run: record.runId,
      step: stepName,
      cached: step.cached,
      reason,
      comparedWith: before?.runId ?? null,
      material: maker?.material ?? null,
    })
  else
    print(
      `${stepName} of ${record.runId} ${reason}${step.cached || before === undefined ? '' : `\n  compared with run ${before.runId}`}`,
    )
  return 0
}

/** What differs between two runs, and nothing else; with `html`, the model of the second drawn beside the first's. */
export async function compare(a: string, b: string, options: JsonOption & { html?: string }): Promise<number> {
  const { store } = openContext()
  const [first, second] = (await Promise.all(
    [a, b].map(async (id) => {
      const record = await readWholeRun(store, id)
      if (record === undefined)
        throw new SlipwayError('NOT_FOUND', `there is no finished run ${id}`, { next: 'see `slipway runs`' })
      return record
    }),
  )) as [RunRecord, RunRecord]
  if (options.html !== undefined) {
    await writeFile(options.html, modelPage(await reportOnRun(store, second, first)))
    say(`page written to ${options.html}`)
  }
  const differences: { what: string; a: string; b: string; better?: 'a' | 'b' }[] = []
  const note = (what: string, x: unknown, y: unknown, better?: 'a' | 'b'): void => {
    const [left, right] = [x ?? null, y ?? null]
    if (canonicalJson(left) === canonicalJson(right)) return
    differences.push({ what, a: String(left), b: String(right), ...(better === undefined ? {} : { better }) })
  }
  note('pipeline', first.pipeline, second.pipeline)
  note('status', first.status, second.status)
  for (const name of keysOf(first.origin, second.origin))
    note(`origin ${name}`, first.origin[name], second.origin[name])
  for (const { name, stepKey } of second.steps) {
    const before = first.steps.find((step) => step.name === name)?.stepKey
    if (before !== undefined && before !== stepKey)
      differences.push({ what: `step ${name}`, a: '', b: await reasonItRan(store, before, stepKey) })
  }
  for (const name of keysOf(first.metrics, second.metrics)) {
    const better = betterOf(name, first.metrics[name], second.metrics[name])
    note(`metric ${name}`, first.metrics[name], second.metrics[name], better)
  }
  for (const { name, passed } of second.gates)
    note(`gate ${name}`, first.gates.find((gate) => gate.name === name)?.passed, passed)
  note('model', first.model?.digest, second.model?.digest)
  if (options.json === true) printJson({ a, b, differences })
  else if (differences.length === 0) print('the same in everything that counts')
  else
    print(
      table(
        ['', a, b],
        differences.map(({ what, a: left, b: right, better }) => [
          what,
          better === 'a' ? `${left} (better)` : left,
          better === 'b' ? `${right} (better)` : right,
        ]),
      ),
    )
  return 0
}

function keysOf(a: object, b: object): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort()
}

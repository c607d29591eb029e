import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import { DeterminismViolationError } from '@temporalio/workflow'
import { beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../lib/code/host.ts'
import { converterFile, workflowBundle } from '../../workers/files.ts'

const folder = join(packageRoot, 'test/histories')
const files = readdirSync(folder)
const read = (file: string): string => readFileSync(join(folder, file), 'utf8')
/** Why each history cannot be replayed, by its file; undefined where it can. */
const outcomes = new Map<string, Error | undefined>()
/** A history in which two steps of a run have changed places. */
const changed = 'changed'

beforeAll(async () => {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { forward: {}, filter: 'ERROR' } },
  })
  const [succeeded = ''] = files.filter((name) => name.startsWith('run-pipeline-succeeded'))
  const swapped = read(succeeded).replace('"name":"validateTable"', '"name":"splitIntoParts"')
  // One worker for all: most of the time a replay takes is its worker's start.
  const results = Worker.runReplayHistories(
    { workflowBundle: { codePath: workflowBundle }, dataConverter: { payloadConverterPath: converterFile } },
    [
      ...files.map((file) => ({ workflowId: file, history: JSON.parse(read(file)) })),
      { workflowId: changed, history: JSON.parse(swapped) },
    ],
  )
  for await (const { workflowId, error } of results) outcomes.set(workflowId, error)
})

describe('workflow code still carries out what older versions began', () => {
  it('has histories of every workflow, and of every way a run or a rollout can end', () => {
    for (const name of [
      'own-model',
      'run-pipeline-succeeded',
      'run-pipeline-gate-failed',
      'run-pipeline-approved',
      'run-pipeline-rejected',
      'run-pipeline-contract-failed',
      'run-pipeline-against-champion',
      'run-pipeline-opened',
      'own-endpoint',
      'run-rollout-promoted',
      'run-rollout-rolled-back',
      'run-rollout-inconclusive',
      'run-pipeline-watched',
      'run-pipeline-retraining',
      'supervise',
      'monitor-endpoint',
      'score-batch',
      'score-batch-failed',
      'run-pipeline-branches',
      'run-branches',
      'run-pipeline-view',
      'own-view',
      'run-pipeline-tuned',
      'tune-model',
    ]) {
      expect(
        files.some((file) => file.startsWith(`${name}-`)),
        name,
      ).toBe(true)
    }
  })

  it.each(files)('%s', (file) => {
    expect(outcomes.has(file)).toBe(true)
    expect(outcomes.get(file)).toBeUndefined()
  })

  it('and a change of the order of steps would be noticed', () => {
    expect(outcomes.get(changed)).toBeInstanceOf(DeterminismViolationError)
  })
})

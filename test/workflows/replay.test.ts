import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import { DeterminismViolationError } from '@temporalio/workflow'
import { beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../code/host.ts'
import { converterFile, workflowBundle } from '../../workers/files.ts'

const folder = join(packageRoot, 'test/histories')
const read = (file: string): string => readFileSync(join(folder, file), 'utf8')
const replay = (text: string): Promise<void> =>
  Worker.runReplayHistory(
    { workflowBundle: { codePath: workflowBundle }, dataConverter: { payloadConverterPath: converterFile } },
    JSON.parse(text),
  )

beforeAll(() => {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { forward: {}, filter: 'ERROR' } },
  })
})

describe('workflow code still carries out what older versions began', () => {
  const files = readdirSync(folder)
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
    ]) {
      expect(
        files.some((file) => file.startsWith(`${name}-`)),
        name,
      ).toBe(true)
    }
  })

  it.each(files)('%s', async (file) => {
    await expect(replay(read(file))).resolves.toBeUndefined()
  })

  it('and a change of the order of steps would be noticed', async () => {
    const [file] = files.filter((name) => name.startsWith('run-pipeline-succeeded'))
    const changed = read(file as string).replace('"name":"validateTable"', '"name":"splitIntoParts"')
    await expect(replay(changed)).rejects.toThrow(DeterminismViolationError)
  })
})

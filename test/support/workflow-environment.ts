import type { Connection } from '@temporalio/client'
import proto from '@temporalio/proto'
import { TestWorkflowEnvironment } from '@temporalio/testing'
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import type { Activities } from '../../activities/index.ts'
import { converterFile, workflowBundle } from '../../workers/files.ts'
import { fromPython, testServerPackage } from '../../workers/platform/binaries.ts'
import { cacheHome } from '../../workers/settings.ts'
import { attributes } from '../../workflows/attributes.ts'
import { scoringQueue } from '../../workflows/messages.ts'
import { mockOwners } from './mock-owners.ts'

/** The time-skipping server, and workers on task queues of their own with as many slots as real ones have. */
export interface WorkflowEnvironment {
  readonly environment: TestWorkflowEnvironment
  /** @param options.scores also take shards, from their own task queue, which tests share: one at a time */
  withWorker<T>(
    activities: Activities,
    body: (taskQueue: string) => Promise<T>,
    options?: { readonly scores: boolean },
  ): Promise<T>
  close(): Promise<void>
}

export async function openWorkflowEnvironment(): Promise<WorkflowEnvironment> {
  const path = await fromPython(cacheHome(), testServerPackage, () => {})
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { forward: {}, filter: 'ERROR' } },
  })
  const environment = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path } },
  })
  const keyword = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
  await (environment.connection as Connection).operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: Object.fromEntries(Object.values(attributes).map(({ name }) => [name, keyword])),
  })
  unlockOnce(environment)
  let count = 0
  return {
    environment,
    async withWorker(activities, body, options) {
      const taskQueue = `test-${++count}`
      const worker = await Worker.create({
        connection: environment.nativeConnection,
        taskQueue,
        workflowBundle: { codePath: workflowBundle },
        dataConverter: { payloadConverterPath: converterFile },
        activities: { ...mockOwners(activities), ...activities },
        maxConcurrentActivityTaskExecutions: 8,
      })
      const scorer = options?.scores
        ? await Worker.create({
            connection: environment.nativeConnection,
            taskQueue: scoringQueue,
            dataConverter: { payloadConverterPath: converterFile },
            activities,
          })
        : undefined
      return worker.runUntil(scorer === undefined ? body(taskQueue) : scorer.runUntil(body(taskQueue)))
    },
    close: () => environment.teardown(),
  }
}

/**
 * Has whoever waits for several results unlock time only once. The server counts: unlocked twice, time goes on while
 * one activity is under way, and on a busy machine runs are over their time before it ends.
 */
function unlockOnce({ client }: TestWorkflowEnvironment): void {
  const workflow = client.workflow as unknown as { testService: Record<string, (request: object) => Promise<unknown>> }
  const { testService } = workflow
  let waiting = 0
  workflow.testService = {
    unlockTimeSkipping: async (request) => (waiting++ === 0 ? testService.unlockTimeSkipping?.(request) : undefined),
    lockTimeSkipping: async (request) => (--waiting === 0 ? testService.lockTimeSkipping?.(request) : undefined),
  }
}

import { userInfo } from 'node:os'
import { WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client'
import { SlipwayError } from '../../pipelines/errors.ts'
import { readModel } from '../../store/registry.ts'
import {
  approveUpdate,
  championUpdate,
  modelWorkflowId,
  rejectUpdate,
  runWorkflowId,
  taskQueue,
} from '../../workflows/messages.ts'
import { openContext } from '../context.ts'
import { print, printJson } from '../output.ts'

interface DecisionOptions {
  readonly reason?: string
  readonly json?: boolean
}

/** Approves or rejects a run that waits for it. */
export async function decide(
  verb: 'approve' | 'reject',
  runId: string,
  { reason = '', json }: DecisionOptions,
): Promise<number> {
  const { client } = await openContext().temporal()
  const decision = { by: userInfo().username, reason: reason === '' ? 'no reason given' : reason }
  try {
    await client.workflow
      .getHandle(runWorkflowId(runId))
      .executeUpdate(verb === 'approve' ? approveUpdate : rejectUpdate, { args: [decision] })
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError)
      throw new SlipwayError('USAGE', error.cause?.message ?? error.message, { next: `slipway show ${runId}` })
    if ((error as Error).name === 'WorkflowNotFoundError')
      throw new SlipwayError('NOT_FOUND', `no run ${runId} is going on`, { next: 'see `slipway runs`' })
    throw error
  }
  if (json === true) printJson({ runId, decision: verb, ...decision })
  else print(`${verb === 'approve' ? 'approved' : 'rejected'} ${runId}`)
  return 0
}

/** Makes the champion before the present one champion again, or a version that is named. */
export async function rollback(model: string, options: DecisionOptions & { to?: string }): Promise<number> {
  const context = openContext()
  const state = await readModel(context.store, model)
  if (state === undefined)
    throw new SlipwayError('NOT_FOUND', `there is no model "${model}"`, { next: 'see `slipway models`' })
  const current = state.champions.at(-1)
  const version =
    options.to === undefined ? state.champions.filter((each) => each !== current).at(-1) : Number(options.to)
  if (version === undefined || state.versions[version - 1] === undefined) {
    throw new SlipwayError(
      'USAGE',
      options.to === undefined
        ? `model ${model} has no champion before version ${current}`
        : `model ${model} has no version ${options.to}; it has 1 to ${state.versions.length}`,
      { next: `slipway rollback ${model} --to <version>` },
    )
  }
  const { client } = await context.temporal()
  const champion = await client.workflow.executeUpdateWithStart(championUpdate, {
    args: [{ version, reason: `rolled back by ${userInfo().username}: ${options.reason ?? 'no reason given'}` }],
    startWorkflowOperation: new WithStartWorkflowOperation('ownModel', {
      workflowId: modelWorkflowId(model),
      workflowIdConflictPolicy: 'USE_EXISTING',
      taskQueue,
      args: [model],
    }),
  })
  if (options.json === true) printJson({ model, champion, before: current ?? null })
  else print(`champion of ${model} is version ${champion} (was ${current})`)
  return 0
}

import { WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { Expected, InForce } from '../lib/formats/in-force.ts'
import type { BranchesRecord, RunRecord } from '../lib/formats/records.ts'
import { findInForce } from '../lib/store/in-force.ts'
import { setChampion as moveChampion, registerVersion } from '../lib/store/registration.ts'
import { publishBranches, publishRun } from '../lib/store/runs.ts'
import { type ChampionChange, ownerOfModel, type Registration, registerUpdate } from '../workflows/messages.ts'
import { type ModelOrder, modelOrderSignal, type Order, type RegistrationOrder } from '../workflows/owner-messages.ts'
import { type ActivityDeps, runActivity } from './step.ts'
import { told } from './told.ts'

export interface ModelRegistration extends RegistrationOrder {
  readonly model: string
}

/** What concerns the registry and the record of runs. */
export function createRegistryActivities(deps: ActivityDeps) {
  const { store, client } = deps
  return {
    /** What a candidate would replace and is compared with; `endpoint` null where it is not deployed. */
    async findInForce(order: { model: string; candidate: string; endpoint: string | null }): Promise<InForce> {
      return runActivity('gate', () => findInForce(store, order.model, order.candidate, order.endpoint))
    },

    /** For runs that 0.7 and before began: the model a candidate is compared with, null while there is none. */
    async findOpponent({ model, candidate }: { model: string; candidate: string }): Promise<string | null> {
      return runActivity(
        'gate',
        async () => (await findInForce(store, model, candidate, null)).opponent?.digest ?? null,
      )
    },

    /**
     * Tells the owner workflow of a model what is asked of it, starting it if this is the model's first. It answers by
     * signal.
     */
    async tellModelOwner({ model, order }: { model: string; order: Order<ModelOrder> }): Promise<void> {
      const message = { ...ownerOfModel(model), signal: modelOrderSignal, signalArgs: [order] as [Order<ModelOrder>] }
      await runActivity('register', () =>
        told(`the owner of model ${model}`, client.workflow.signalWithStart('ownModel', message)),
      )
    },

    /** For runs that 0.7 and before began: waits for the owner, and holds a slot of the worker meanwhile. */
    async requestRegistration({ model, version, promote }: ModelRegistration): Promise<Registration> {
      return runActivity('register', async () => {
        try {
          return await client.workflow.executeUpdateWithStart(registerUpdate, {
            args: [{ version, promote }],
            // One registration a run and package, however often this activity is retried.
            updateId: `${version.run}:${version.digest}`,
            startWorkflowOperation: new WithStartWorkflowOperation('ownModel', ownerOfModel(model)),
          })
        } catch (error) {
          if (error instanceof WorkflowUpdateFailedError) throw error
          // The owner has not answered yet: it waits for a worker or the store, and so do we.
          const why = `the owner of model ${model} does not answer: ${(error as Error).message}`
          throw new SlipwayError('TEMPORAL_UNREACHABLE', why, {}, { cause: error })
        }
      })
    },

    /** For the owner workflow only. */
    async writeRegistration({ model, version, promote, expect }: ModelRegistration): Promise<Registration> {
      return runActivity('register', () => registerVersion(store, model, version, promote, expect))
    },

    /** For the owner workflow only. What an endpoint serves already is followed, be it refused or not. */
    async writeChampion(order: ChampionChange & { model: string; expect?: Expected }): Promise<number> {
      const { model, version, reason, expect, byHand } = order
      const isServed = expect === undefined && byHand !== true
      return runActivity('promote', async () => {
        const { champions } = await moveChampion(store, model, { version, reason, expect, isServed })
        return champions.at(-1) as number
      })
    },

    /** Keeps a run's record where it can be read with Temporal away. */
    async recordRun(record: RunRecord): Promise<void> {
      await runActivity('record', () => publishRun(store, record))
    },

    /** The same for a group of its branches. */
    async recordBranches(record: BranchesRecord): Promise<void> {
      await runActivity('record', () => publishBranches(store, record))
    },
  }
}

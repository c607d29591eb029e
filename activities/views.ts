import type { Digest } from '../lib/formats/artifact.ts'
import { type StepOutcome, stepOf } from '../lib/formats/step-inputs.ts'
import { checkView } from '../lib/jobs/steps/check-view.ts'
import { getPlan } from '../lib/store/plans.ts'
import { definitionOf, writeView } from '../lib/store/views.ts'
import { runWorkflowId } from '../workflows/messages.ts'
import {
  type Order,
  ownerOfView,
  type ViewOrder,
  type ViewPublished,
  viewOrderSignal,
} from '../workflows/owner-messages.ts'
import { moveLookups } from './move-lookups.ts'
import { type ActivityDeps, runActivity, runStep, type StepOrder } from './step.ts'
import { told } from './told.ts'

/** What concerns tables that pipelines share by name. */
export function createViewActivities(deps: ActivityDeps) {
  const { store, client } = deps
  return {
    checkView: (order: StepOrder<'publish'>): Promise<StepOutcome> =>
      runStep(deps, order, (work) => checkView(deps, work, order.inputs)),

    /**
     * Tells the owner workflow of a view what is asked of it, starting it if this is the view's first. It answers by
     * signal.
     */
    async tellViewOwner({ view, order }: { view: string; order: Order<ViewOrder> }): Promise<void> {
      const message = { ...ownerOfView(view), signal: viewOrderSignal, signalArgs: [order] as [Order<ViewOrder>] }
      await runActivity('publish', () =>
        told(`the owner of view ${view}`, client.workflow.signalWithStart('ownView', message)),
      )
    },

    /** For the owner workflow only. */
    async writeView({ view, step: ref, table, ...asked }: ViewOrder & { view: string }): Promise<ViewPublished> {
      return runActivity('publish', async () => {
        const plan = await getPlan(store, ref.plan)
        const step = stepOf(plan, ref.id, 'publish')
        const { revision, publishedAt } = await writeView(store, {
          ...asked,
          name: view,
          definition: definitionOf(plan, step),
          table: { digest: table.digest as Digest, rows: table.rows },
          key: step.key,
          known: step.known,
        })
        await moveLookups(deps, { view, revision, publishedAt, answerTo: runWorkflowId(asked.run) })
        return { revision }
      })
    },
  }
}

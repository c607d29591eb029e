import { withDuckDb } from '../lib/data/duckdb.ts'
import { localTable } from '../lib/data/local-table.ts'
import { checkKeys } from '../lib/data/view-keys.ts'
import type { Digest } from '../lib/formats/artifact.ts'
import { type StepOutcome, stepOf } from '../lib/formats/step-inputs.ts'
import { getPlan } from '../lib/store/plans.ts'
import { definitionOf, writeView } from '../lib/store/views.ts'
import {
  type Order,
  ownerOfView,
  type ViewOrder,
  type ViewPublished,
  viewOrderSignal,
} from '../workflows/owner-messages.ts'
import { type ActivityDeps, required, runActivity, runStep, type StepOrder } from './step.ts'
import { told } from './told.ts'

/** What concerns tables that pipelines share by name. */
export function createViewActivities(deps: ActivityDeps) {
  const { store, client } = deps
  return {
    /** Makes sure that a view's key names its rows, and hands its table on as it is. */
    async checkView(order: StepOrder<'publish'>): Promise<StepOutcome> {
      return runStep(deps, order, async ({ step, progress, signal }) => {
        const source = required(order.inputs, 'table')
        progress('fetching the table', 0)
        const table = await localTable(store, source.digest)
        progress(`checking the keys of ${table.rows} rows`, 0.2)
        const keys = await withDuckDb(2, (connection) => checkKeys(connection, table, step, signal))
        return { outputs: [{ ...source, name: 'table' }], facts: { rows: table.rows, keys } }
      })
    },

    /** Tells the owner workflow of a view what is asked of it, starting it if this is the view's first. It answers by signal. */
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
        const { revision } = await writeView(store, {
          ...asked,
          name: view,
          definition: definitionOf(plan, step),
          table: { digest: table.digest as Digest, rows: table.rows },
          key: step.key,
          known: step.known,
        })
        return { revision }
      })
    },
  }
}

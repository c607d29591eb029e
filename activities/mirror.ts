import { z } from 'zod'
import { GateResult } from '../lib/formats/records.ts'
import type { MirroredStatus } from '../lib/formats/registry-mirror.ts'
import { sharedClients } from '../lib/sagemaker/clients.ts'
import { describePackage, statusOf, writeApproval } from '../lib/sagemaker/model-packages.ts'
import { getJson } from '../lib/store/objects.ts'
import { putIntoGroup, setVersion } from '../lib/tracking/sagemaker-registry.ts'
import { type ActivityDeps, runActivity, type StepGiven, wholeStep } from './step.ts'

/** What concerns a registry elsewhere that has what is registered here. */
export function createMirrorActivities(deps: ActivityDeps) {
  const { store } = deps
  const client = () => sharedClients().sageMaker
  const look = async (arn: string) => {
    const found = await describePackage(client(), arn)
    return { found, ...statusOf(found) }
  }
  return {
    /** Puts a package into SageMaker's registry, once. @returns its ARN */
    async mirrorModel(order: {
      run: string
      step: StepGiven<'mirror'>
      digest: string
      gates: string | null
      metrics: Record<string, number>
      creator: string | null
    }): Promise<string> {
      return runActivity(order.step.id, async (_context, progress) => {
        const step = await wholeStep(deps, order.step)
        const gates = order.gates === null ? [] : await getJson(store, order.gates, z.array(GateResult))
        return putIntoGroup({ ...deps, sageMaker: client() }, { ...order, ...step, gates }, progress)
      })
    },

    /**
     * Asks for a decision there, unless there is one: a refusal of somebody there stands, and so does an approval that
     * came since.
     * @param since ISO time; what was approved before was approved on other evidence
     */
    async askMirror(order: { arn: string; run: string; since: string; reason: string }): Promise<MirroredStatus> {
      return runActivity('mirror', async () => {
        const { found, ...there } = await look(order.arn)
        if (there.isTheirs && there.status === 'rejected') return there
        const isNew = (found.LastModifiedTime?.getTime() ?? 0) >= Date.parse(order.since)
        if (there.isTheirs && there.status === 'approved' && isNew) return there
        await writeApproval(client(), order.arn, { ...order, status: 'pending' })
        return { status: 'pending', isTheirs: false, reason: order.reason }
      })
    },

    /** How a package stands there. */
    async lookAtMirror({ arn }: { arn: string }): Promise<MirroredStatus> {
      return runActivity('mirror', async () => {
        const { found: _, ...there } = await look(arn)
        return there
      })
    },

    /** Writes a decision there that was taken here, unless somebody there has refused: a refusal wins. */
    async decideMirror(order: {
      arn: string
      run: string
      approved: boolean
      reason: string
    }): Promise<MirroredStatus> {
      return runActivity('mirror', async () => {
        const { arn, approved, reason } = order
        const { found: _, ...there } = await look(arn)
        if (there.isTheirs && there.status === 'rejected') return there
        const status = approved ? 'approved' : 'rejected'
        await writeApproval(client(), arn, { ...order, status })
        return { status, isTheirs: false, reason }
      })
    },

    /**
     * Writes which version a package has become, and approves it where nobody was asked.
     * @param order reason null where somebody was
     */
    async noteRegistered(order: {
      arn: string
      run: string
      step: StepGiven<'mirror'>
      version: number
      digest: string
      reason: string | null
    }): Promise<void> {
      await runActivity('mirror', async () => {
        const step = await wholeStep(deps, order.step)
        await setVersion({ ...deps, sageMaker: client() }, { ...order, ...step })
      })
    },
  }
}

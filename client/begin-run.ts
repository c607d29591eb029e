import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client'
import { type PlannedPipeline, publishPlan } from '../lib/code/plan.ts'
import { shortDigest } from '../lib/formats/artifact.ts'
import { inConsole } from '../lib/formats/console-link.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { SeenView } from '../lib/formats/view.ts'
import { digestOfFile } from '../lib/store/digest.ts'
import { requireSameStore } from '../workers/same-store.ts'
import { consoleAddress, signerOf } from '../workers/settings.ts'
import { runWorkflowId, taskQueue } from '../workflows/messages.ts'
import { attachTo } from './attach.ts'
import type { ClientContext } from './context.ts'

/** What a run reads: contents of its sources in the store, or snapshots, by step. */
export interface RunInputs {
  readonly sources: Readonly<Record<string, string>>
  readonly snapshots: Readonly<Record<string, string>>
  /** For the record: what was read in the place of what the definition says, parameters that were set. */
  readonly told?: Readonly<Record<string, string>>
  /** Where the plan's code is from, where that is not what is checked out here. */
  readonly code?: Readonly<Record<string, string>>
  /** Its id, where the same run may have been begun already: then it is that one. */
  readonly runId?: string
  /** Whether a run that goes on for the very same, from the same commit, is as good as a new one. */
  readonly attach?: boolean
  /** The views of its tables as they were seen, where it has some. */
  readonly views?: Readonly<Record<string, SeenView>> | undefined
}

/** A run that was begun, here or by somebody else. */
export interface BegunRun {
  readonly runId: string
  readonly workflowId: string
  /** Somebody else had begun it. */
  readonly isAttached: boolean
}

/**
 * Stores a plan with its code, and starts a run of it.
 * @throws SlipwayError INTERRUPTED where that was asked for before
 */
export async function beginRun(
  context: ClientContext,
  planned: PlannedPipeline,
  { sources, snapshots, told = {}, code = undefined, views, runId: named, attach = false }: RunInputs,
  interrupt: { readonly happened: boolean } = { happened: false },
): Promise<BegunRun> {
  const { settings, store, temporal } = context
  const { pipeline } = planned.plan
  const plan = await publishPlan(store, signerOf(settings), planned)
  const { client } = await temporal()
  await requireSameStore(store, client)
  if (interrupt.happened)
    throw new SlipwayError('INTERRUPTED', 'interrupted before the run was started', { next: 'the same command again' })
  const from = code ?? (await codeOf(settings.root))
  const { commit } = from
  const asked = { pipeline, plan: plan.digest, sources, snapshots, told, commit, views: views ?? null }
  const given =
    named ?? (attach && commit !== undefined ? await attachTo(context, asked, newRunId(pipeline)) : undefined)
  const runId = given ?? newRunId(pipeline)
  const workflowId = runWorkflowId(runId)
  const console = consoleAddress(settings.root)
  const begun = client.workflow.start('runPipeline', {
    workflowId,
    ...(given !== undefined && { workflowIdReusePolicy: 'REJECT_DUPLICATE' as const }),
    taskQueue,
    args: [
      {
        runId,
        pipeline,
        planDigest: plan.digest,
        sources,
        snapshots,
        origin: { ...from, ...whoStarts(), ...told },
        ...(views !== undefined && { views }),
        ...(console !== undefined && { console }),
      },
    ],
    staticSummary: `${pipeline} • plan ${shortDigest(plan.digest)}${told.from === undefined ? '' : ` • from ${told.from}`}`,
    ...inConsole(console, `/runs/${runId}`),
  })
  const isAttached = await begun.then(
    () => false,
    (error: unknown) => {
      if (given !== undefined && error instanceof WorkflowExecutionAlreadyStartedError) return true
      throw error
    },
  )
  return { runId, workflowId, isAttached }
}

/** Readable and sortable: `flights-20261122-034512-k3x9`. */
function newRunId(pipeline: string): string {
  const time = new Date().toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15)
  return `${pipeline}-${time}-${randomBytes(2).toString('hex')}`
}

/** The commit and the lock file of what is checked out: on record with a run, part of no digest. */
async function codeOf(root: string): Promise<Record<string, string>> {
  const git = (...args: string[]): string | undefined => {
    try {
      return execFileSync('git', args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' }).trim()
    } catch {
      return undefined
    }
  }
  const commit = git('rev-parse', 'HEAD')
  const lock = join(root, 'package-lock.json')
  return {
    ...(commit === undefined ? {} : { commit, tree: git('status', '--porcelain') === '' ? 'clean' : 'dirty' }),
    ...(existsSync(lock) ? { lockFile: (await digestOfFile(lock)).digest } : {}),
  }
}

const whoStarts = (): Record<string, string> => ({
  node: process.version,
  user: userInfo().username,
  host: hostname(),
})

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { planAsOfOther } from '../lib/definition/plan-as-of.ts'
import { SlipwayError } from '../lib/formats/errors.ts'
import type { Plan } from '../lib/formats/plan.ts'
import { type PlanDifference, planDifference } from '../lib/formats/plan-difference.ts'
import type { RunRecord } from '../lib/formats/records.ts'
import { digestOfFile } from '../lib/store/digest.ts'
import { digestOfPlan } from '../lib/store/plans.ts'
import type { Store } from '../lib/store/store.ts'
import { planned } from '../workers/planned.ts'

/** What a recorded commit plans. */
export interface PlannedAtCommit {
  readonly commit: string
  /** Of the plan that was made anew. */
  readonly plan: string
  readonly difference: PlanDifference | null
  /** What may have made the difference, in words. */
  readonly notes: readonly string[]
}

/** What a run says of where its plan came from. */
type Origin = RunRecord['origin']

/** Parameters that were given on the command line, as a run keeps them. */
export const parametersIn = ({ set }: Origin): Record<string, string> => (set === undefined ? {} : JSON.parse(set))

/**
 * The plan that a definition makes for what another run of it was asked for: as of the same moment.
 * @param recorded the plan of that run
 */
export const asItWasAsked = (plan: Plan, recorded: Plan, { retraining, rerun }: Origin): Plan =>
  planAsOfOther(plan, recorded, { withWindows: retraining !== undefined || rerun !== undefined })

/** Whether a run is of a finished model without a pipeline: no definition plans it. */
const isWithoutPipeline = ({ steps }: Plan): boolean =>
  steps.some((step) => step.kind === 'snapshot' && step.from.startsWith('snapshot:'))

/**
 * Plans a pipeline anew from the commit that a run has on record, in a clone of its own: what is checked out here stays
 * as it is.
 * @returns null where no commit plans it: the model was registered without a pipeline
 * @throws SlipwayError USAGE where no commit is on record, or this is no git repository; NOT_FOUND where it lacks it
 */
export async function planAtCommit(
  root: string,
  store: Store,
  { run, plan: recorded }: { readonly run: RunRecord; readonly plan: Plan },
): Promise<PlannedAtCommit | null> {
  if (isWithoutPipeline(recorded)) return null
  const { commit, tree } = run.origin
  if (commit === undefined)
    throw new SlipwayError('USAGE', `--commit: run ${run.runId} has no commit on record`, {
      next: 'runs that are started in a git repository have one; leave --commit out',
    })
  return atCommit(root, commit, async (there) => {
    const { plan } = await planned(there, store, run.pipeline, parametersIn(run.origin))
    const anew = asItWasAsked(plan, recorded, run.origin)
    const digest = digestOfPlan(anew)
    const difference = digest === run.plan.digest ? null : planDifference(recorded, anew)
    const notes = difference === null ? [] : await whatElseDiffers(there, root, run.origin)
    if (difference !== null && tree === 'dirty')
      notes.unshift('the run was started from files with changes that are in no commit')
    return { commit, plan: digest, difference, notes }
  })
}

async function whatElseDiffers(there: string, root: string, { lockFile }: Origin): Promise<string[]> {
  if (lockFile === undefined) return []
  const lockIn = async (folder: string): Promise<string | undefined> => {
    const file = join(folder, 'package-lock.json')
    return existsSync(file) ? (await digestOfFile(file)).digest : undefined
  }
  if ((await lockIn(there)) !== lockFile) return ['its lock file was another one than the commit has']
  return (await lockIn(root)) === lockFile ? [] : ['the packages installed here are those of another lock file']
}

const execute = promisify(execFile)

/** Checks a commit out into a folder of its own that borrows the objects of this repository, and the packages. */
async function atCommit<T>(root: string, commit: string, use: (there: string) => Promise<T>): Promise<T> {
  const git = async (folder: string, ...args: string[]): Promise<string> =>
    (await execute('git', args, { cwd: folder })).stdout.trim()
  const top = await git(root, 'rev-parse', '--show-toplevel').catch(() => {
    throw new SlipwayError('USAGE', `--commit: ${root} is in no git repository`, {
      next: 'run it in a clone of the repository of the pipeline, or leave --commit out',
    })
  })
  await git(root, 'cat-file', '-e', `${commit}^{commit}`).catch(() => {
    throw new SlipwayError('NOT_FOUND', `--commit: this repository has no commit ${commit}`, { next: 'git fetch' })
  })
  const within = await git(root, 'rev-parse', '--show-prefix')
  const clone = await realpath(await mkdtemp(join(tmpdir(), 'slipway-commit-')))
  try {
    await git(clone, 'clone', '--quiet', '--shared', '--no-checkout', top, '.')
    await git(clone, 'checkout', '--quiet', '--detach', commit)
    const there = join(clone, within)
    for (const [from, to] of new Map([[root, there] as const, [top, clone] as const]))
      if (existsSync(join(from, 'node_modules')) && !existsSync(join(to, 'node_modules')))
        await symlink(join(from, 'node_modules'), join(to, 'node_modules'))
    return await use(there)
  } finally {
    await rm(clone, { recursive: true, force: true })
  }
}

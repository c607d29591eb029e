import { join } from 'node:path'
import type { StoreContext } from '../../client/context.ts'
import type { ProgressView } from '../../client/progress.ts'
import { type PlannedAtCommit, planAtCommit } from '../../client/recorded-commit.ts'
import { shortDigest } from '../../lib/formats/artifact.ts'
import { exitCodes, SlipwayError } from '../../lib/formats/errors.ts'
import type { ModelVersion } from '../../lib/formats/route.ts'
import { type OnRecord, readOnRecord } from '../../lib/jobs/verify/on-record.ts'
import type { Store } from '../../lib/store/store.ts'
import { trustedKeysOf } from '../../workers/settings.ts'
import { type ScratchServer, startScratchServer } from '../../workers/verify/scratch-store.ts'
import { jobInWords, type TrainedByJob, trainedByJobs } from '../../workers/verify/trained-by-jobs.ts'
import { apartInWords, type VersionVerified } from '../../workers/verify/verified.ts'
import { verifyVersion } from '../../workers/verify/verify-version.ts'
import type { VerifyOrder } from '../../workers/verify/version-again.ts'
import { colors } from '../colors.ts'
import { print, printJson, say, seconds } from '../output.ts'
import { progressView, sayAbove } from '../progress.ts'
import type { VerifyOptions } from './verify.ts'

/** A hundredth: of a probability, or of the standard deviation of other predictions. */
const usualTolerance = 0.01

/** What is said of a version. */
interface Verdict extends VersionVerified {
  readonly model: string
  readonly version: number
  readonly digest: string
  readonly run: string
  readonly plan: string
  readonly passed: boolean
  readonly exitCode: number
  /** What the recorded commit plans, where that was asked for and a commit plans it. */
  readonly commit?: PlannedAtCommit
}

/** A version of which nothing can be said here. */
interface NoVerdict extends Pick<Verdict, 'model' | 'version' | 'digest' | 'passed' | 'exitCode'> {
  readonly outcome: 'not verified'
  readonly error: { readonly code: string; readonly message: string; readonly next: string | null }
}

/**
 * Makes versions again, one after the other, on a store of their own, and says how they compare with what is on record.
 * @param wanted one, which is the document then; or a list of them, of which each is told, also where one fails
 * @returns 16 when one of them is not what is on record; else the exit code of the first that cannot be verified
 */
export async function verifyModels(
  context: StoreContext,
  wanted: ModelVersion | readonly ModelVersion[],
  options: VerifyOptions,
): Promise<number> {
  const view = progressView()
  const environments = join(context.store.cacheFolder, 'environments')
  const server = await startScratchServer(environments, sayAbove)
  try {
    if (!('length' in wanted)) {
      const verdict = await verdictOf(context, server, wanted, options, view)
      if (options.json === true) printJson(verdict)
      else show(verdict)
      return verdict.exitCode
    }
    const verdicts: (Verdict | NoVerdict)[] = []
    for (const version of wanted) {
      const verdict = await verdictOf(context, server, version, options, view).catch((error) =>
        noVerdict(version, error),
      )
      verdicts.push(verdict)
      if (options.json !== true) show(verdict, `${version.model}@${version.version} `)
    }
    const codes = verdicts.map(({ exitCode }) => exitCode)
    const exitCode = codes.includes(exitCodes.verification) ? exitCodes.verification : (codes.find(Boolean) ?? 0)
    if (options.json === true) printJson({ passed: exitCode === 0, exitCode, models: verdicts })
    else if (verdicts.length === 0) print('no models yet: npx slipway run <pipeline> --wait')
    return exitCode
  } finally {
    view.end()
    await server.stop()
  }
}

async function verdictOf(
  { store, settings }: StoreContext,
  server: ScratchServer,
  version: ModelVersion,
  options: VerifyOptions,
  view: ProgressView,
): Promise<Verdict> {
  const source = { store, trusted: trustedKeysOf(settings) }
  const onRecord = await readOnRecord(source, version)
  const { run } = onRecord
  const jobs = options.trainAgain === true ? await jobsOf(store, onRecord) : undefined
  view.note(
    `${colors.bold(`${version.model} version ${version.version}`)}  run ${run.runId}, plan ${shortDigest(run.plan.digest)}`,
  )
  const commit = options.commit === true ? await planAtCommit(settings.root, store, onRecord) : null
  if (commit !== null) view.note(`  commit ${commit.commit.slice(0, 12)} plans ${shortDigest(commit.plan)}`)
  if (options.commit === true && commit === null) view.note('  registered without a pipeline: no commit plans it')
  const order = { source, root: settings.root, onRecord, tolerance: toleranceIn(options) }
  const verified = commit?.difference
    ? { outcome: 'differs' as const, steps: [], left: [], predictions: [], difference: differenceIn(commit) }
    : jobs === undefined
      ? await verifiedOn(server, order, view)
      : await withJobs(jobs, view, (trainAgain) => verifiedOn(server, { ...order, trainAgain }, view))
  const passed = verified.outcome !== 'differs'
  return {
    ...version,
    run: run.runId,
    plan: run.plan.digest,
    ...verified,
    ...(commit !== null && { commit }),
    passed,
    exitCode: passed ? exitCodes.done : exitCodes.verification,
  }
}

/** @throws SlipwayError USAGE where no training job made anything of a version */
async function jobsOf(store: Store, onRecord: OnRecord): Promise<TrainedByJob[]> {
  const jobs = await trainedByJobs(store, onRecord)
  if (jobs.length > 0) return jobs
  const name = `${onRecord.version.model}@${onRecord.version.version}`
  throw new SlipwayError('USAGE', `--train-again: no training job on SageMaker made a model of ${name}`, {
    next: `slipway verify ${name} does all again that costs nothing, and says what it leaves`,
  })
}

/** Says which jobs will be begun, and ends them when we are interrupted. @throws SlipwayError INTERRUPTED */
async function withJobs<T>(
  steps: readonly TrainedByJob[],
  view: ProgressView,
  work: (trainAgain: NonNullable<VerifyOrder['trainAgain']>) => Promise<T>,
): Promise<T> {
  for (const each of steps) view.note(`  ${jobInWords(each)}`)
  const stop = new AbortController()
  const onInterrupt = (): void => {
    view.note('  interrupted: waits until its job has stopped')
    stop.abort()
  }
  process.once('SIGINT', onInterrupt)
  try {
    return await work({ steps, signal: stop.signal })
  } catch (error) {
    if (!stop.signal.aborted || error instanceof SlipwayError) throw error
    throw new SlipwayError('INTERRUPTED', 'interrupted; what it began on SageMaker is stopped', {
      next: 'the same command again',
    })
  } finally {
    process.removeListener('SIGINT', onInterrupt)
  }
}

async function verifiedOn(
  server: ScratchServer,
  order: Omit<Parameters<typeof verifyVersion>[0], 'scratch'>,
  view: ProgressView,
): Promise<VersionVerified> {
  const scratch = await server.open()
  try {
    const verified = await verifyVersion(
      { ...order, scratch },
      {
        working: view.working,
        finished({ name, outcome, seconds: took }) {
          const mark = outcome === 'differs' ? colors.red('✗') : colors.green('✓')
          view.note(`  ${mark} ${name.padEnd(12)} ${outcome}  ${colors.dim(seconds(took))}`)
        },
      },
    )
    view.end()
    for (const why of new Set(verified.left.map((each) => each.why))) {
      const steps = verified.left.filter((each) => each.why === why).map(({ step }) => step)
      view.note(colors.dim(`  not done again: ${steps.join(', ')} (${why})`))
    }
    return verified
  } finally {
    view.end()
    await scratch.drop()
  }
}

const differenceIn = ({ commit, difference, notes }: PlannedAtCommit) =>
  difference && {
    ...difference,
    how: [`commit ${commit.slice(0, 12)} plans it otherwise: ${difference.how.join(', ')}`, ...notes],
  }

function toleranceIn({ tolerance }: VerifyOptions): number {
  return tolerance === undefined ? usualTolerance : Number(tolerance)
}

function noVerdict({ model, version, digest }: ModelVersion, error: unknown): NoVerdict {
  if (!(error instanceof SlipwayError) || error.retryable) throw error
  const { code, message, facts, exitCode } = error
  const known = { code, message, next: facts.next ?? null }
  return { model, version, digest, outcome: 'not verified', passed: false, exitCode, error: known }
}

/** The verdict, in a line; of a difference with what differs. */
function show(verdict: Verdict | NoVerdict, name = ''): void {
  const [line = '', ...more] = linesOf(verdict)
  print(`${name}${line}`)
  for (const each of more) print(`  ${each}`)
  if (verdict.outcome === 'not verified' && verdict.error.next !== null) say(`  next: ${verdict.error.next}`)
}

function linesOf(verdict: Verdict | NoVerdict): string[] {
  switch (verdict.outcome) {
    case 'identical':
      return [`${colors.green('identical')} ${verdict.digest}`]
    case 'predictions agree':
      return [
        `${colors.green('predictions agree')}: its learner is not deterministic, and it came out as other bytes`,
        ...verdict.predictions.map(apartInWords),
      ]
    case 'not verified':
      return [`${colors.red('not verified')}: ${verdict.error.code}: ${verdict.error.message}`]
    case 'differs': {
      const { step, kind, how } = verdict.difference ?? { step: '', kind: '', how: [] }
      return [`${colors.red('differs')} at ${step}${kind === step ? '' : ` (${kind})`}`, ...how]
    }
  }
}

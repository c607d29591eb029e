import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { hostVersions } from '../../code/host.ts'
import { type PlannedPipeline, planPipeline, publishPlan } from '../../code/plan.ts'
import { shortDigest } from '../../pipelines/artifact.ts'
import { SlipwayError } from '../../pipelines/errors.ts'
import type { RunRecord } from '../../pipelines/records.ts'
import { planAsOf } from '../../pipelines/retraining.ts'
import { durationMs } from '../../pipelines/rollout.ts'
import { digestOfFile } from '../../store/digest.ts'
import { readSource, uploadSource } from '../../store/sources.ts'
import { signerOf } from '../../workers/settings.ts'
import { runWorkflowId, taskQueue } from '../../workflows/messages.ts'
import { colors } from '../colors.ts'
import { type CliContext, openContext, workflowLink } from '../context.ts'
import { followRun, listenForInterrupt } from '../follow.ts'
import { isoTime, pairs } from '../options.ts'
import { print, printJson, say } from '../output.ts'
import { noProgress, progressView } from '../progress.ts'
import { junit, runJson, summaryLines, verdict } from '../report.ts'
import { requireSameSignature } from '../signature.ts'

export interface RunOptions {
  readonly wait?: boolean
  readonly json?: boolean
  readonly junit?: string
  readonly set?: readonly string[]
  readonly snapshot?: readonly string[]
  readonly timeout?: string
  readonly from?: string
  readonly asOf?: string
  /** Show the verdict only. */
  readonly brief?: boolean
  /** Show nothing while it goes on. */
  readonly quiet?: boolean
}

/** Plans a pipeline, stores plan and code, and starts a run; with `wait` follows it to its end. @returns the exit code */
export async function run(pipeline: string, options: RunOptions): Promise<number> {
  return (await runAndShow(openContext(), pipeline, options)).code
}

/** The same, and the record of the run if it was followed. */
export async function runAndShow(
  context: CliContext,
  pipeline: string,
  options: RunOptions,
): Promise<{ code: number; record?: RunRecord }> {
  const { runId, workflowId } = await startRun(context, pipeline, options)
  const link = workflowLink(context.settings, workflowId)
  if (options.wait !== true && options.junit === undefined) {
    if (options.json === true) printJson({ runId, workflowId, status: 'started', exitCode: 0 })
    else print(`started ${runId}\n  look  ${link}\n  wait  slipway show ${runId}`)
    return { code: 0 }
  }
  const interrupt = listenForInterrupt()
  const isQuiet = options.quiet === true
  if (!isQuiet) say(`${colors.bold(pipeline)} run ${runId}\n  look  ${link}`)
  const record = await followRun(
    context,
    runId,
    workflowId,
    pipeline,
    isQuiet ? noProgress : progressView(),
    interrupt,
    options.timeout === undefined ? undefined : durationMs(options.timeout),
  )
  if (options.junit !== undefined) writeFileSync(options.junit, junit(record))
  if (options.json === true) printJson(runJson(record))
  else if (isQuiet) return { code: record.exitCode, record }
  else if (options.brief === true) say(`  ${verdict(record)}`)
  else showSummary(record, link)
  return { code: record.exitCode, record }
}

function showSummary(record: RunRecord, link: string): void {
  for (const line of summaryLines(record, link)) print(line)
}

async function startRun(
  { settings, store, temporal }: CliContext,
  pipeline: string,
  options: RunOptions,
): Promise<{ runId: string; workflowId: string }> {
  const { root } = settings
  const planned = plannedAsOf(await planPipeline(root, pipeline, hostVersions(), pairs('--set', options.set)), options)
  const snapshots = pairs(
    '--snapshot',
    options.snapshot,
    planned.plan.steps.find(({ kind }) => kind === 'snapshot')?.id,
  )
  await requireSameSignature(store, planned.plan)
  const plan = await publishPlan(store, signerOf(settings), planned)
  const sources: Record<string, string> = {}
  for (const step of planned.plan.steps) {
    if (step.kind !== 'snapshot' || snapshots[step.id] !== undefined) continue
    const from = options.from === undefined ? step.from : resolve(options.from)
    sources[step.id] = await uploadSource(store, await readSource(root, from), step.format)
  }
  const { client } = await temporal()
  const runId = newRunId(pipeline)
  const workflowId = runWorkflowId(runId)
  await client.workflow.start('runPipeline', {
    workflowId,
    taskQueue,
    args: [
      {
        runId,
        pipeline: planned.plan.pipeline,
        planDigest: plan.digest,
        sources,
        snapshots,
        origin: await originOf(root),
      },
    ],
    staticSummary: `${pipeline} • plan ${shortDigest(plan.digest)}`,
  })
  return { runId, workflowId }
}

/** The plan with the options that change what it reads. @throws SlipwayError USAGE */
function plannedAsOf(planned: PlannedPipeline, { asOf, from }: RunOptions): PlannedPipeline {
  const { plan } = planned
  if (from !== undefined && plan.steps.filter(({ kind }) => kind === 'snapshot').length !== 1)
    throw new SlipwayError('USAGE', `--from: pipeline "${plan.pipeline}" has more than one source`, {
      next: 'change the definition, or use --snapshot <name>=<digest>',
    })
  if (asOf === undefined) return planned
  if (!plan.steps.some((step) => step.kind === 'split' && step.rule.by === 'age'))
    throw new SlipwayError('USAGE', `--as-of: pipeline "${plan.pipeline}" does not split by age`, {
      next: "split with { by: '<date column>', test: '30d', validation: '30d' }",
    })
  return { ...planned, plan: planAsOf(plan, isoTime('--as-of', asOf)) }
}

/** Readable and sortable: `flights-20261122-034512-k3x9`. */
function newRunId(pipeline: string): string {
  const time = new Date().toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15)
  return `${pipeline}-${time}-${randomBytes(2).toString('hex')}`
}

/** Who and what starts a run: on record with the run, part of no digest. */
async function originOf(root: string): Promise<Record<string, string>> {
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
    node: process.version,
    user: userInfo().username,
    host: hostname(),
  }
}

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { hostVersions } from '../../code/host.ts'
import { planPipeline, publishPlan } from '../../code/plan.ts'
import { shortDigest } from '../../pipelines/artifact.ts'
import type { RunRecord } from '../../pipelines/records.ts'
import { durationMs } from '../../pipelines/rollout.ts'
import { digestOfFile } from '../../store/digest.ts'
import { readSource, uploadSource } from '../../store/sources.ts'
import { signerOf } from '../../workers/settings.ts'
import { runWorkflowId, taskQueue } from '../../workflows/messages.ts'
import { colors } from '../colors.ts'
import { type CliContext, openContext, workflowLink } from '../context.ts'
import { followRun, listenForInterrupt } from '../follow.ts'
import { pairs } from '../options.ts'
import { print, printJson, say } from '../output.ts'
import { progressView } from '../progress.ts'
import { junit, runJson, summaryLines, verdict } from '../report.ts'
import { requireSameSignature } from '../signature.ts'

export interface RunOptions {
  readonly wait?: boolean
  readonly json?: boolean
  readonly junit?: string
  readonly set?: readonly string[]
  readonly snapshot?: readonly string[]
  readonly timeout?: string
  /** Show the verdict only. */
  readonly brief?: boolean
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
  say(`${colors.bold(pipeline)} run ${runId}\n  look  ${link}`)
  const record = await followRun(
    context,
    runId,
    workflowId,
    pipeline,
    progressView(),
    interrupt,
    options.timeout === undefined ? undefined : durationMs(options.timeout),
  )
  if (options.junit !== undefined) writeFileSync(options.junit, junit(record))
  if (options.json === true) printJson(runJson(record))
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
  const planned = await planPipeline(root, pipeline, hostVersions(), pairs('--set', options.set))
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
    sources[step.id] = await uploadSource(store, await readSource(root, step.from), step.format)
  }
  const { client } = await temporal()
  const runId = newRunId(pipeline)
  const workflowId = runWorkflowId(runId)
  await client.workflow.start('runPipeline', {
    workflowId,
    taskQueue,
    args: [{ runId, plan: planned.plan, planDigest: plan.digest, sources, snapshots, origin: await originOf(root) }],
    staticSummary: `${pipeline} • plan ${shortDigest(plan.digest)}`,
  })
  return { runId, workflowId }
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

import type { ClientContext } from '../../client/context.ts'
import { gatewayAddress, gatewayClient } from '../../client/gateway-client.ts'
import { requestSchemaOf } from '../../client/route.ts'
import { hostVersions } from '../../lib/code/host.ts'
import { type PlannedPipeline, planPipeline } from '../../lib/code/plan.ts'
import { checkTypes } from '../../lib/code/type-check.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { readRoute } from '../../lib/store/routes.ts'
import { openPort, portOf } from '../../workers/platform/servers.ts'
import { signsOfPlatform } from '../../workers/platform/signs.ts'
import { logFile, readPlatform } from '../../workers/platform/state.ts'
import { findRoot } from '../../workers/settings.ts'
import { waitFor } from '../../workers/wait-for.ts'
import { colors } from '../colors.ts'
import { openContext } from '../context.ts'
import { print, say } from '../output.ts'
import { openPast } from '../replay.ts'
import { tellStory } from '../story.ts'
import { bodiesOfOneRow } from '../traffic.ts'
import { startDetached } from './platform.ts'
import { type RunOptions, runAndShow } from './run.ts'

export interface StartOptions extends RunOptions {
  /** Where a model lives whose story is told, instead of a pipeline's. */
  readonly target?: 'sagemaker-fake'
}

/**
 * `npm start`: the platform, which stays up, and what there is to see of a pipeline: a watched one lives through its
 * whole life in fast time (`story.ts`), any other is run.
 */
export async function start(named: string | undefined, options: StartOptions): Promise<number> {
  if (options.target !== undefined) return startOnFake(named, options)
  const pipeline = named ?? 'flights'
  const root = findRoot()
  const [{ plan }] = await Promise.all([plannedAndChecked(root, pipeline), ensurePlatform(root)])
  const console = readPlatform(root)?.console?.address
  if (console !== undefined && options.json !== true) print(`look at ${console}`)
  const context = openContext()
  const isWatched =
    plan.steps.some(({ kind }) => kind === 'monitor') &&
    plan.steps.some((step) => step.kind === 'split' && step.rule.by === 'age')
  const code = isWatched
    ? await tellStory(context, pipeline, options)
    : (await runAndShow(context, pipeline, { ...options, wait: true })).code
  const state = readPlatform(root)
  if (state === undefined || options.json === true) return code
  const endpoint = plan.steps.find((step) => step.kind === 'deploy')?.endpoint
  if (endpoint !== undefined && (await readRoute(context.store, endpoint)) !== undefined) {
    await showEndpoint(context, pipeline, endpoint)
    if (isWatched) print(`  report   npx slipway drift show ${endpoint} --html drift.html`)
  }
  print(`  Temporal web UI ${state.temporal.ui ?? state.temporal.address}, S3 ${state.s3.endpoint}`)
  print('  all of it stays up, its data in .slipway/: `npx slipway down` stops it, `npx slipway up` brings it back')
  return code
}

/** A pipeline as it is defined; the verdict on its types is kept, so that the run that follows has it at once. */
async function plannedAndChecked(root: string, pipeline: string): Promise<PlannedPipeline> {
  const planned = await planPipeline(root, pipeline, hostVersions())
  await checkTypes(root, pipeline, planned.sources)
  return planned
}

/** Starts the platform, or waits for one that somebody else is starting. */
async function ensurePlatform(root: string): Promise<void> {
  if (readPlatform(root) !== undefined) return untilStarted(root)
  say(colors.dim('  starting Temporal, S3, a worker and a gateway'))
  // Months go by in minutes: what gateways count is wanted sooner than in life.
  const env = { SLIPWAY_WINDOW_MS: '500', ...process.env }
  await startDetached(root, (what) => say(colors.dim(what)), env)
}

/** The story of a model on SageMaker, which has a pipeline and a platform of its own. */
async function startOnFake(pipeline: string | undefined, options: StartOptions): Promise<number> {
  const given = pipeline ?? (options.set === undefined ? undefined : '--set')
  if (given !== undefined)
    throw new SlipwayError('USAGE', `${given} with --target sagemaker-fake: that story has a pipeline of its own`, {
      next: 'npm start -- --target sagemaker-fake',
    })
  return (await import('../sagemaker-story/tell.ts')).tellSageMakerStory(options)
}

/** Waits for a platform that somebody else is starting: its gateway comes last. */
async function untilStarted(root: string): Promise<void> {
  await waitFor({
    what: 'the platform, which is starting',
    look: async () => {
      const port = portOf(readPlatform(root)?.gateway?.address)
      if (port === undefined) return undefined
      await openPort(port)
      return true
    },
    signs: signsOfPlatform(root),
    log: logFile(root, 'platform'),
    code: 'PLATFORM_MISSING',
    say: (line) => say(`  ${line}`),
  })
}

/** Where the endpoint is, and a line to paste; tried here first. */
async function showEndpoint(context: ClientContext, pipeline: string, endpoint: string): Promise<void> {
  const address = await gatewayAddress(context)
  print(`  endpoint ${address}/v2/models/${endpoint}`)
  const planned = await planPipeline(context.settings.root, pipeline, hostVersions())
  if (!planned.plan.steps.some((step) => step.kind === 'split' && step.rule.by === 'age')) return
  const past = await openPast(context.store, planned, context.settings.root)
  const [sample] = bodiesOfOneRow((await past.stretch(past.first, past.last, 1)).bodies)
  if (sample === undefined) return
  const [row] = JSON.parse(sample).instances as [Record<string, unknown>]
  const schema = await requestSchemaOf(context.store, endpoint)
  const datatypes = {
    number: 'FP64',
    integer: 'INT64',
    bigint: 'INT64',
    boolean: 'BOOL',
    string: 'BYTES',
    timestamp: 'BYTES',
  } as const
  const inputs = schema.map(({ name, type }) => ({ name, shape: [1], datatype: datatypes[type], data: [row[name]] }))
  const body = JSON.stringify({ inputs })
  const client = gatewayClient(address, 1, context.gateway)
  const answer = await client.post(`/v2/models/${endpoint}/infer`, body)
  client.close()
  print(`  try it   curl -d '${body}' ${address}/v2/models/${endpoint}/infer`)
  print(`  answers  ${answer.body}`)
}

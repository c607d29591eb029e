import { hostVersions } from '../../code/host.ts'
import { planPipeline } from '../../code/plan.ts'
import { getBundle, localFile } from '../../store/objects.ts'
import { readRoute } from '../../store/routes.ts'
import { listRuns } from '../../store/runs.ts'
import { readPlatform } from '../../workers/platform/state.ts'
import { findRoot } from '../../workers/settings.ts'
import { colors } from '../colors.ts'
import { type CliContext, openContext } from '../context.ts'
import { gatewayAddress, gatewayClient } from '../gateway-client.ts'
import { print, say } from '../output.ts'
import { bodiesFrom, sendTraffic } from '../traffic.ts'
import { startDetached } from './platform.ts'
import { type RunOptions, runAndShow } from './run.ts'
import { schemaOf, trafficLine } from './serve.ts'

/** Requests a second that are replayed at an endpoint, and rows that are, over and over. */
const replay = { rate: 400, rows: 20_000 } as const
/** What a first version is trained with, so that the second one has something to take over from. */
const smallFirst = ['trees=80']

/**
 * `npm start`: the platform, which stays up; a run of a pipeline; and where it deploys, its model behind an endpoint. An endpoint
 * that serves nothing yet gets a smaller model first; then rows of the test part are replayed at it as traffic, under which the
 * real model has to hold its own.
 */
export async function start(pipeline: string, options: RunOptions): Promise<number> {
  const root = findRoot()
  if (readPlatform(root) === undefined) {
    say(colors.dim('  starting Temporal, S3, a worker and a gateway'))
    await startDetached(root, (what) => say(colors.dim(what)))
  }
  const code = await tell(openContext(), pipeline, options)
  const state = readPlatform(root)
  if (state !== undefined && options.json !== true) {
    print(`  Temporal web UI ${state.temporal.ui ?? state.temporal.address}, S3 ${state.s3.endpoint}`)
    print('  all of it stays up, its data in .slipway/: `npx slipway down` stops it, `npx slipway up` brings it back')
  }
  return code
}

async function tell(context: CliContext, pipeline: string, options: RunOptions): Promise<number> {
  const { plan } = await planPipeline(context.settings.root, pipeline, hostVersions())
  const step = plan.steps.find((each) => each.kind === 'deploy')
  if (step === undefined) return (await runAndShow(context, pipeline, { ...options, wait: true })).code
  const { endpoint } = step
  if ((await readRoute(context.store, endpoint)) === undefined) {
    say(colors.dim(`  ${endpoint} serves nothing yet: a smaller model first, for the real one to take over from`))
    const first = { ...options, wait: true, set: smallFirst, json: false, brief: true }
    const { code, record } = await runAndShow(context, pipeline, first)
    // One that does not pass the gates is no drama: then the real one is the first.
    if (code !== 0 && record?.status !== 'gate failed') return code
  }
  const traffic = await replayTraffic(context, pipeline, endpoint)
  try {
    const { code } = await runAndShow(context, pipeline, { ...options, wait: true })
    if (code !== 0 || options.json === true) return code
  } finally {
    await traffic?.stop()
  }
  await showEndpoint(context, endpoint, traffic?.sample)
  return 0
}

/** The file with the rows of the test part of a pipeline's last run. */
async function testRows({ store }: CliContext, pipeline: string): Promise<string | undefined> {
  const [last] = await listRuns(store, pipeline, 1)
  const test = last?.steps.find(({ kind }) => kind === 'split')?.outputs.find(({ name }) => name === 'test')
  const data = test === undefined ? undefined : (await getBundle(store, test.digest, 'table')).files['data/00000']
  return data === undefined ? undefined : localFile(store, data.digest)
}

/** Replays the rows of the last run's test part at an endpoint, until it is told to stop; nothing where none is served. */
async function replayTraffic(
  context: CliContext,
  pipeline: string,
  endpoint: string,
): Promise<{ sample: string; stop(): Promise<void> } | undefined> {
  const isServed = (await readRoute(context.store, endpoint)) !== undefined
  const file = isServed ? await testRows(context, pipeline) : undefined
  if (file === undefined) return undefined
  const bodies = await bodiesFrom({ file, format: 'parquet' }, await schemaOf(context.store, endpoint), replay.rows)
  const address = await gatewayAddress(context)
  let stopped = false
  say(colors.dim(`  replaying ${bodies.length} rows of the test part at ${address}, ${replay.rate} requests a second`))
  const sending = sendTraffic({ address, endpoint, bodies, rate: replay.rate, faults: 0, goesOn: () => !stopped })
  return {
    sample: bodies[0] as string,
    async stop() {
      stopped = true
      say(colors.dim(`  ${trafficLine(await sending.done)}`))
    },
  }
}

/** Where the endpoint is, and a line to paste; tried here first. */
async function showEndpoint(context: CliContext, endpoint: string, sample: string | undefined): Promise<void> {
  const address = await gatewayAddress(context)
  print(`  endpoint ${address}/v2/models/${endpoint}`)
  if (sample === undefined) return
  const [row] = JSON.parse(sample).instances as [Record<string, unknown>]
  const schema = await schemaOf(context.store, endpoint)
  const datatypes = { number: 'FP64', integer: 'INT64', boolean: 'BOOL', string: 'BYTES', timestamp: 'BYTES' } as const
  const inputs = schema.map(({ name, type }) => ({ name, shape: [1], datatype: datatypes[type], data: [row[name]] }))
  const body = JSON.stringify({ inputs })
  const client = gatewayClient(address, 1)
  const answer = await client.post(`/v2/models/${endpoint}/infer`, body)
  client.close()
  print(`  try it   curl -d '${body}' ${address}/v2/models/${endpoint}/infer`)
  print(`  answers  ${answer.body}`)
}

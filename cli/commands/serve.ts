import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { gatewayAddress } from '../../client/gateway-client.ts'
import { servesTensors } from '../../client/infer.ts'
import { type ClassAnswer, type Prediction, predictRows } from '../../client/predict.ts'
import { requestSchemaOf } from '../../client/route.ts'
import { tableAt } from '../../client/table-at.ts'
import { builtFile } from '../../lib/code/host.ts'
import { durationMs } from '../../lib/definition/duration.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import { openContext } from '../context.ts'
import type { JsonOption } from '../options.ts'
import { print, printJson, say, table } from '../output.ts'
import { predictTensors } from '../predict-tensors.ts'
import { bodiesFrom, faultShare, sendTraffic, type TrafficReport } from '../traffic.ts'

/** Runs a gateway in the foreground; its settings are environment variables (docs/cli.md). */
export async function gateway({ port, host }: { port?: string; host?: string }): Promise<number> {
  const child = spawn(process.execPath, ['--enable-source-maps', builtFile('gateway')], {
    stdio: 'inherit',
    env: {
      ...process.env,
      ...(port === undefined ? {} : { SLIPWAY_GATEWAY_PORT: port }),
      ...(host === undefined ? {} : { SLIPWAY_GATEWAY_HOST: host }),
    },
  })
  // Ctrl-C reaches it as well; we wait until it has answered what it was asked.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  return new Promise((done) => child.once('exit', (code) => done(code ?? 1)))
}

/**
 * Asks an endpoint for predictions of rows in a JSON file: one object, or an array of them. A model of tensors is asked
 * about the tensors there.
 */
export async function predict(endpoint: string, options: JsonOption & { data: string }): Promise<number> {
  const context = openContext()
  let given: unknown
  try {
    given = JSON.parse(readFileSync(options.data === '-' ? 0 : options.data, 'utf8'))
  } catch (error) {
    throw new SlipwayError('USAGE', `--data ${options.data}: ${(error as Error).message}`, {
      next: 'give a file with a JSON array of rows',
    })
  }
  if (await servesTensors(context, endpoint)) return predictTensors(context, endpoint, given, options)
  const document = await predictRows(context, endpoint, Array.isArray(given) ? given : [given])
  const { version, role, predictions, ms } = document
  if (options.json === true) printJson(document)
  else {
    print(predictionTable(predictions))
    say(`version ${version} (${role}), ${ms.toFixed(1)} ms`)
  }
  return 0
}

const isOfClasses = (answer: Prediction): answer is ClassAnswer =>
  typeof answer === 'object' && Array.isArray(answer.probabilities)

function predictionTable(predictions: readonly Prediction[]): string {
  const [first] = predictions
  const names = typeof first === 'object' && !isOfClasses(first) ? Object.keys(first) : ['prediction']
  return table(
    first !== undefined && isOfClasses(first) ? ['row', 'label', 'probability'] : ['row', ...names],
    predictions.map((each, i) => {
      if (typeof each === 'number') return [String(i + 1), String(each)]
      if (isOfClasses(each)) return [String(i + 1), each.label, String(Math.max(...each.probabilities))]
      return [String(i + 1), ...names.map((name) => String(each[name]))]
    }),
  )
}

export interface TrafficCommandOptions extends JsonOption {
  readonly from: string
  readonly rate?: string
  readonly fault?: string
  readonly for?: string
}

/** Sends the rows of a file to an endpoint as traffic, over and over until the time is over or Ctrl-C. */
export async function traffic(endpoint: string, options: TrafficCommandOptions): Promise<number> {
  const context = openContext()
  const rate = Number(options.rate ?? 200)
  if (!(rate > 0 && rate <= 20_000))
    throw new SlipwayError('USAGE', `--rate ${options.rate}: expected requests a second, 1 to 20000`)
  const faults = options.fault === undefined ? 0 : faultShare(options.fault)
  const file = resolve(options.from)
  const bodies = await bodiesFrom(tableAt(file), await requestSchemaOf(context.store, endpoint), 50_000)
  const until = Date.now() + (options.for === undefined ? Number.POSITIVE_INFINITY : durationMs(options.for))
  let stopped = false
  const stop = (): void => {
    stopped = true
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  const address = await gatewayAddress(context)
  say(
    `${rate} requests a second to ${address}, ${bodies.length} rows over and over${options.for === undefined ? '; Ctrl-C ends it' : ` for ${options.for}`}`,
  )
  const sending = sendTraffic({ address, endpoint, bodies, rate, faults, goesOn: () => !stopped && Date.now() < until })
  const ticker = setInterval(() => say(trafficLine(sending.report())), 2_000)
  const report = await sending.done
  clearInterval(ticker)
  if (options.json === true) printJson({ endpoint, ...report })
  else print(trafficLine(report))
  return 0
}

/** `1200 sent, 0 failed; version 1 (champion) 1140, version 2 (candidate) 60; p50 1.1 ms, p99 4.0 ms`. */
export function trafficLine({ sent, failed, answeredBy, p50, p99 }: TrafficReport): string {
  const bad = Object.entries(failed).map(([status, count]) => `${count} with ${status === '0' ? 'no answer' : status}`)
  const by = Object.entries(answeredBy)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([who, count]) => `${who} ${count}`)
  return `${sent} sent, ${bad.length === 0 ? '0 failed' : `failed: ${bad.join(', ')}`}; ${by.join(', ')}; p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`
}

import { readFileSync } from 'node:fs'
import { generate, type Load, wire } from './load.ts'
import { median } from './measure.ts'

/** A process that serves. */
export interface Server {
  readonly port: number
  readonly pid: number
}

/** A server under load, with what it costs. */
export interface Served extends Load {
  /** Microseconds of processor time an answer. */
  readonly cpu: number
}

export const seconds = 3
export const rounds = 3

export const values = { hour: 8.5, weekday: 3, day: 152, distance: 500, origin: 120, destination: 340 }
/**
 * Row schema and features share their names: what goes to the feature code has all of the row's columns and no more.
 */
export const tensors = (rows: number, datatype: 'FP64' | 'FP32') =>
  Object.entries(values).map(([name, value]) => ({
    name,
    datatype,
    shape: [rows],
    data: Array.from({ length: rows }, (_, i) => value + (i % 7)),
  }))

/** Processor time of a process and its threads so far, microseconds. */
function cpuOf(pid: number): number {
  const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
  const fields = rest.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

/**
 * Puts a server under load for a while.
 * @param rate requests a second, sent whether it answers or not; without, as fast as it answers
 */
export async function load(
  { port, pid }: Server,
  requests: Buffer[],
  connections: number,
  rate?: number,
): Promise<Served> {
  const before = cpuOf(pid)
  const measured = await generate(port, requests, { connections, seconds, ...(rate === undefined ? {} : { rate }) })
  return { ...measured, cpu: (cpuOf(pid) - before) / Math.max(1, measured.answered) }
}

/** Answers a second. */
export const perSecond = ({ answered, seconds: took }: Load): number => answered / took
export const rate = (value: number): string => `${Math.round(value).toLocaleString('en')}/s`

/** Interleaved rounds of several loads; the median of what is asked of each. */
export async function compare<Name extends string>(
  loads: Readonly<Record<Name, () => Promise<Served>>>,
): Promise<(name: Name, of: (served: Served) => number) => number> {
  const results: Record<string, Served[]> = {}
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of Object.entries(loads) as [Name, () => Promise<Served>][]) {
      const served = await run()
      if (round > 0) results[name] = [...(results[name] ?? []), served]
    }
  }
  return (name, of) => median((results[name] ?? []).map(of))
}

export const infer = (port: number, name: string, inputs: object[]): Buffer =>
  wire(port, `/v2/models/${name}/infer`, JSON.stringify({ inputs }))

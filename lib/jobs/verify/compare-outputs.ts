import { readFile } from 'node:fs/promises'
import { type Output, shortDigest } from '../../formats/artifact.ts'
import { subjectOf } from '../../formats/check.ts'
import { jsonDifferences } from '../../formats/json-differences.ts'
import type { StepOf } from '../../formats/plan.ts'
import { GateResult } from '../../formats/records.ts'
import { getJson, localFile } from '../../store/objects.ts'
import type { Store } from '../../store/store.ts'

/** An output that is not what it was. */
export interface OutputDifference {
  readonly output: string
  /** Digests; null where there is none. */
  readonly recorded: string | null
  readonly again: string | null
}

/**
 * Outputs that tell when something happened, and not what was made: the log of a program, whose lines have times, and
 * what trials took.
 */
const accounts: readonly string[] = ['log', 'times']

/** The outputs of a step that differ, those that were recorded first. */
export function differentOutputs(recorded: readonly Output[], again: readonly Output[]): OutputDifference[] {
  const digest = (outputs: readonly Output[], name: string): string | null =>
    outputs.find((output) => output.name === name)?.digest ?? null
  const names = new Set([...recorded, ...again].map(({ name }) => name))
  return [...names]
    .filter((name) => !accounts.includes(name))
    .map((output) => ({ output, recorded: digest(recorded, output), again: digest(again, output) }))
    .filter(({ recorded, again }) => recorded !== again)
}

/** What `validate` says of the rows that it set aside, besides those it kept. */
const ofBadRows: readonly string[] = ['report', 'quarantine']

/**
 * Leaves out what differs because 0.15 and before wrote it otherwise: reports of bad rows had a value for each rule,
 * and quarantines did not say which columns are masked. Which rows were set aside is told by the table of those that
 * were kept.
 * @param recordedIn where the recorded ones are
 */
export async function withoutOlderReports(
  different: readonly OutputDifference[],
  recordedIn: Store,
): Promise<readonly OutputDifference[]> {
  const recorded = different.find(({ output }) => output === 'report')?.recorded
  if (recorded == null) return different
  const report = await bytesOf(recordedIn, recorded).then(jsonIn, () => undefined)
  const { findings } = (report ?? {}) as { findings?: unknown }
  const isOlder = Array.isArray(findings) && findings.some((finding) => Object.hasOwn(finding, 'example'))
  return isOlder ? different.filter(({ output }) => !ofBadRows.includes(output)) : different
}

/** How two of the same name differ is told of the first few places. */
const mostPlaces = 4
/** Larger ones are compared by their bytes alone. */
const mostJson = 4_000_000

/**
 * How an output differs, in words: digests, and what in it.
 * @param recordedIn where the recorded one is, if it still is there
 */
export async function differenceInWords(
  { output, recorded, again }: OutputDifference,
  recordedIn: Store,
  againIn: Store,
): Promise<string> {
  if (recorded === null) return `${output} is on no record`
  if (again === null) return `${output} is on record and was not made`
  const digests = `${output} is ${shortDigest(again)}, on record is ${shortDigest(recorded)}`
  try {
    const [before, after] = await Promise.all([bytesOf(recordedIn, recorded), bytesOf(againIn, again)])
    return `${digests}: ${contentsApart(before, after)}`
  } catch {
    // What is on record is gone, or cannot be had: that it is another one is known all the same.
    return digests
  }
}

const bytesOf = async (store: Store, digest: string): Promise<Buffer> => readFile(await localFile(store, digest))

/** What differs between the contents of two files, in words. */
export function contentsApart(before: Buffer, after: Buffer): string {
  const [a, b] = [jsonIn(before), jsonIn(after)]
  if (a !== undefined && b !== undefined) {
    const changes = jsonDifferences(a, b)
    const more = changes.length > mostPlaces ? `, and ${changes.length - mostPlaces} more` : ''
    return `${changes.slice(0, mostPlaces).join(', ')}${more}`
  }
  const shorter = Math.min(before.length, after.length)
  let at = 0
  while (at < shorter && before[at] === after[at]) at++
  const sizes = before.length === after.length ? `${after.length}` : `${after.length}, were ${before.length}`
  return `bytes (${sizes}) from the ${at + 1}th on`
}

function jsonIn(bytes: Buffer): unknown {
  // Canonical JSON is an object or an array.
  if (bytes.length > mostJson || !['{', '['].includes(String.fromCharCode(bytes[0] ?? 0))) return undefined
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

/** What is measured by the clock, and is another number every time. */
const timed = 'latencyP99Ms'

/** A gate step without what is measured by the clock; undefined where nothing is left. */
export function withoutClock(step: StepOf<'gate'>): StepOf<'gate'> | undefined {
  const must = step.must.filter((check) => subjectOf(check) !== timed)
  return must.length === 0 ? undefined : { ...step, must }
}

/** How gates were judged otherwise, in words; nothing where all but those of latency are as they were. */
export async function gatesApart(
  recorded: { readonly store: Store; readonly digest: string },
  again: { readonly store: Store; readonly digest: string },
): Promise<string[]> {
  const [before, after] = await Promise.all(
    [recorded, again].map(async ({ store, digest }) => getJson(store, digest, GateResult.array())),
  )
  const kept = (results: readonly GateResult[] = []) => results.filter(({ metric }) => metric !== timed)
  return jsonDifferences(kept(before), kept(after))
}

import { z } from 'zod'
import { SlipwayError } from '../formats/errors.ts'
import type { Store } from './store.ts'

/**
 * A kind of document: what people call it, and what to do where one is broken. docs/store.md says what its readers do
 * by themselves.
 */
interface DocumentKind {
  readonly name: string
  next(key: string): string
}

/** By the first part of the key. */
export const documentKinds: Readonly<Record<string, DocumentKind>> = {
  blobs: { name: 'artifact', next: () => 'run the pipeline of this version again: its steps make what they need anew' },
  steps: { name: 'step record', next: () => 'run the pipeline again: the step runs anew and takes its place' },
  lineage: { name: 'trace', next: () => 'nothing need be done: only its name counts' },
  runs: { name: 'run record', next: () => 'see the run in the Temporal web UI, or restore this object from a backup' },
  asked: { name: 'run that was asked for', next: () => 'nothing need be done: the next run takes its place' },
  branches: {
    name: 'record of branches',
    next: () => 'see these branches in the Temporal web UI, or restore this object from a backup',
  },
  models: {
    name: 'version record',
    next: () => 'run its pipeline again: registering the version again writes it anew',
  },
  refusals: { name: 'refusal', next: () => 'npx slipway sagemaker sync: what was rejected there is written anew' },
  signatures: { name: 'signature', next: () => 'plan or package again with the same key: it is signed anew' },
  refs: { name: 'ref', next: (key) => `npx slipway restore ${refOf(key)}` },
  log: { name: 'log entry', next: () => 'restore this object from a backup, or do without its reason' },
  rollouts: { name: 'rollout record', next: () => 'see the rollout in the Temporal web UI, or restore this object' },
  windows: { name: 'telemetry window', next: () => 'nothing need be done: it counts as lost' },
  monitors: {
    name: 'monitor report',
    next: () => 'wait for the next check, which takes its place: slipway drift check',
  },
  batches: { name: 'batch record', next: () => 'score that partition again with --redo: what it says is written anew' },
  keys: { name: 'key', next: () => 'restore this object from a backup; once it is deleted there is another one' },
  inputs: { name: 'known digest', next: () => 'nothing need be done: the file is read again' },
  gateways: { name: 'presence', next: () => 'nothing need be done: the gateway writes it anew' },
  leases: { name: 'lease', next: () => 'nothing need be done: nobody waits for it' },
  maps: { name: 'source map', next: () => 'plan the pipeline again: it is written anew' },
}

/** `refs/routes/flights.json` → `routes/flights`. */
const refOf = (key: string): string => key.replace(/^refs\//, '').replace(/\.json$/, '')

/** What bytes say, or what is wrong with them, in words. */
export type Read<T> = { readonly value: T } | { readonly why: string }

/** Bytes as a document of a kind, or what is wrong with them. */
export function readAs<T>(bytes: Uint8Array, schema: z.ZodType<T>): Read<T> {
  if (bytes.byteLength === 0) return { why: 'it is empty' }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return { why: 'it is not UTF-8 text' }
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { why: `it is cut off or not JSON: ${(error as Error).message.split('\n')[0]?.slice(0, 120)}` }
  }
  try {
    const parsed = schema.safeParse(value)
    if (parsed.success) return { value: parsed.data }
    return { why: shapeProblem(parsed.error) }
  } catch (error) {
    // A schema may unpack what it reads.
    if (error instanceof z.ZodError) return { why: shapeProblem(error) }
    throw error
  }
}

/** The first thing that is not as a schema wants it, in words. */
export function shapeProblem({ issues }: z.ZodError): string {
  const [issue] = issues
  const path = issue?.path.join('.') ?? ''
  return `it has another shape: ${`${path === '' ? '' : `${path}: `}${issue?.message ?? ''}`.slice(0, 160)}`
}

/** A document that cannot be read, by its key: trying again does not help. */
export function brokenError(store: Store, key: string, why: string, next?: string): SlipwayError {
  const kind = documentKinds[key.split('/')[0] ?? '']
  return new SlipwayError(
    'DOCUMENT_BROKEN',
    `the ${kind?.name ?? 'document'} ${key} in the store ${store.address} is broken: ${why}`,
    { key, why, next: next ?? kind?.next(key) ?? 'restore this object from a backup' },
  )
}

export const isBroken = (error: unknown): error is SlipwayError =>
  error instanceof SlipwayError && error.code === 'DOCUMENT_BROKEN'

/** What a read comes to where the work goes on without a broken document; that it does is said. */
export function passOver<T>(read: Promise<T>, say: (what: string) => void = console.error): Promise<T | undefined> {
  return read.catch((error) => {
    if (!isBroken(error)) throw error
    say(`passed over: ${error.message}`)
    return undefined
  })
}

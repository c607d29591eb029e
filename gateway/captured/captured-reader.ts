import { readFile } from 'node:fs/promises'
import type { ModelVersion, Route } from '../../lib/formats/route.ts'
import type { CapturedCounts, CapturedOrder, ReadCaptured } from '../../lib/formats/sagemaker-capture.ts'
import { localModel, type PackageSource } from '../../lib/models/package.ts'
import { rowReader } from '../../lib/models/rows.ts'
import type { Profile } from '../../lib/stats/profile.ts'
import { captureFile } from '../capture.ts'
import { readInvocation } from '../protocols/invocations/read-invocation.ts'
import type { Incoming, ServedVersion } from '../protocols/protocol.ts'
import { createRecorder } from '../recorder.ts'
import { sampleRows } from '../row-sample.ts'
import { type ScorerThread, startScorerThread } from '../scorer-host.ts'
import { readAnswers } from './read-answers.ts'

/*
 * Requests that somebody else had answered and wrote down, read as a gateway reads them, and counted and kept as it
 * counts and keeps its own. Nothing is scored again: what was answered is what stands there. Features are made again,
 * by the version's own code in a thread of its own, because drift is measured on them.
 */

/** A version, as far as reading goes. */
interface Opened extends ServedVersion {
  readonly modelVersion: ModelVersion
  readonly baseline: Profile
  readonly thread: ScorerThread
}

/** Versions that are open, and for how long after their last use, ms. */
const mostOpen = 4
const idleMs = 10_000

/** @param source where packages are, and whose signatures count */
export function capturedReader(source: PackageSource): ReadCaptured {
  const open = new Map<string, Promise<Opened>>()
  let work: Promise<unknown> = Promise.resolve()
  let idle: NodeJS.Timeout | undefined

  const close = async (digest: string): Promise<void> => {
    const opened = open.get(digest)
    open.delete(digest)
    await (await opened?.catch(() => undefined))?.thread.close()
  }
  const get = async (version: ModelVersion): Promise<Opened> => {
    const { digest } = version
    const known = open.get(digest) ?? opening(source, version)
    // The one used last stands last.
    open.delete(digest)
    open.set(digest, known)
    known.catch(() => open.delete(digest))
    for (const other of [...open.keys()].slice(0, -mostOpen)) await close(other)
    return known
  }
  return (order) => {
    clearTimeout(idle)
    // One after another: a thread counts for one window at a time.
    const result = work.then(async () =>
      count(order, await get(order.champion), order.candidate && (await get(order.candidate))),
    )
    work = result
      .catch(() => {})
      .finally(() => {
        clearTimeout(idle)
        idle = setTimeout(() => {
          for (const digest of [...open.keys()]) void close(digest)
        }, idleMs).unref()
      })
    return result
  }
}

async function opening(source: PackageSource, modelVersion: ModelVersion): Promise<Opened> {
  const local = await localModel(source, modelVersion.digest)
  const baseline = JSON.parse(await readFile(local.baselineFile, 'utf8')) as Profile
  // What its code fails at is told by the count of what cannot be read.
  const thread = await startScorerThread(modelVersion, local, () => {})
  const { facts } = local
  return { modelVersion, facts, reader: rowReader(facts.inputs), baseline, thread }
}

async function count(order: CapturedOrder, champion: Opened, candidate: Opened | null): Promise<CapturedCounts> {
  const recorder = createRecorder(
    routeOf(order),
    {
      champion: { ...champion.facts, baseline: champion.baseline },
      candidate: candidate?.facts,
    },
    new Map(),
    order.from,
  )
  let unreadable = 0
  for (const event of order.events) {
    const version = event.by === 'candidate' ? (candidate as Opened) : champion
    try {
      const input = readInvocation(incoming(event.input)).read(version)
      const scored = readAnswers(event.output, version.facts, input.rows)
      await version.thread.count(input.kind, input.columns, scored)
      const outcome = { rows: input.rows, ms: 0, failure: undefined, ...scored }
      recorder.count(event.by, outcome, undefined)
      sampleRows(recorder, 1, {
        request: { id: event.requestId },
        at: event.at,
        role: roleOf(order, event.by),
        first: true,
        version: { kind: 'rows', facts: version.facts, scorer: version },
        input,
        outcome,
      })
    } catch {
      unreadable++
    }
  }
  const window = recorder.close(0, true)
  const countsOf = async ({ rows = 0, scores = [] as number[] } = {}, { thread }: Opened) => ({
    rows,
    scores,
    profile: await thread.takeProfile(),
  })
  const captured = window?.captured ?? []
  return {
    champion: await countsOf(window?.champion, champion),
    candidate: candidate && (await countsOf(window?.candidate ?? undefined, candidate)),
    capture: captured.length === 0 ? undefined : captureFile(captured, champion.facts.inputs),
    unreadable,
  }
}

/** The answer that nobody got is a shadow's. */
function roleOf({ rollout }: CapturedOrder, by: 'champion' | 'candidate'): 'champion' | 'candidate' | 'shadow' {
  const shadow = { shadow: 'candidate', bake: 'champion', split: undefined }[rollout?.mode ?? 'split']
  return by === shadow ? 'shadow' : by
}

const incoming = ({ type, body }: CapturedOrder['events'][number]['input']): Incoming => ({
  body,
  arrivedAt: 0,
  header: (name) => (name === 'content-type' ? type : undefined),
})

const routeOf = ({ endpoint, revision, champion, candidate, rollout }: CapturedOrder): Route => ({
  slipway: 'route/1',
  endpoint,
  revision,
  champion,
  previous: null,
  rollout: candidate && {
    id: '',
    mode: 'split',
    share: 0,
    sticky: null,
    ...rollout,
    candidate,
    salt: '',
    slowMs: null,
  },
})

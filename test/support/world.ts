import { Context } from '@temporalio/activity'
import { ApplicationFailure } from '@temporalio/common'
import type { Activities } from '../../activities/index.ts'
import { policyOf } from '../../lib/definition/deploy.ts'
import type { Digest } from '../../lib/formats/artifact.ts'
import { SlipwayError } from '../../lib/formats/errors.ts'
import type { PlanOutline, StepOutline } from '../../lib/formats/plan-outline.ts'
import type { ModelState, RunRecord } from '../../lib/formats/records.ts'
import { changeRoute, type ModelVersion, type Route } from '../../lib/formats/route.ts'
import type { StepOutcome } from '../../lib/formats/step-inputs.ts'
import { championIn, inForceFor, promote, register } from '../../lib/stats/registration.ts'
import { ownerOfEndpoint, ownerOfModel } from '../../workflows/messages.ts'
import { modelOrderSignal, routeOrderSignal } from '../../workflows/owner-messages.ts'
import { runMocks } from './run-mocks.ts'

/*
 * A registry, routes and gates in memory, for real runs, rollouts and owners. A candidate is as good as its digest
 * says; a gate passes what is not worse than what it is compared with.
 */

/** A candidate: its number, and how good it is, 0 to 255. */
export function candidateOf(number: number, quality: number): Digest {
  return `sha256:${number.toString(16).padStart(62, '0')}${quality.toString(16).padStart(2, '0')}`
}
export const qualityOf = (digest: string): number => Number.parseInt(digest.slice(-2), 16)

/** A change of what is in force. */
export interface Takeover {
  /** `model m`, `endpoint m` */
  readonly where: string
  readonly from: Digest | null
  readonly to: Digest
  /** Rollbacks are the only ones that may go to something worse. */
  readonly byPerson: boolean
}

export interface World {
  readonly activities: Activities
  /** Time between two looks at a run, ms. */
  readonly pulse: number
  /** A candidate that can be told from others, and is as good as that, 0 to 255. */
  candidateOf(number: number, quality: number): Promise<Digest>
  /** Makes something version 1 of a model, in force already, also on the endpoints given. */
  putInForce(model: string, quality: number, endpoints?: readonly string[]): Promise<ModelVersion>
  readonly models: Map<string, ModelState>
  readonly routes: Map<string, Route>
  readonly takeovers: Takeover[]
  readonly records: Map<string, RunRecord>
  /** How good a candidate is. */
  readonly quality: (digest: string) => number
  /** Notes a change of what is in force; `reason` says whether a person made it. */
  tookOver(where: string, from: Digest | undefined, to: Digest | undefined, reason?: string): void
  /** What the runs of a pipeline make, by run. */
  readonly candidates: Map<string, Digest>
  /** Plans by digest. */
  readonly plans: Map<string, PlanOutline>
}

interface PlanShape {
  readonly approval?: boolean
  /** Endpoints it is deployed to, all at once. */
  readonly endpoints?: readonly string[]
  readonly guard?: boolean
}

/**
 * The plan of a pipeline as its workflow sees it, from the package on: what comes before is one step, which makes the
 * package and the rows to test it on.
 */
export function planOf(pipeline: string, { approval = false, endpoints = [], guard = false }: PlanShape): PlanOutline {
  const of = { package: 'package', summary: '' }
  const [endpoint = ''] = endpoints
  const none: StepOutline[] = []
  const deploys = endpoints.map(
    (name, i): StepOutline => ({
      ...of,
      id: i === 0 ? 'deploy' : `deploy-${i + 1}`,
      kind: 'deploy',
      endpoint: name,
      policy: policyOf({ endpoint: name, allAtOnce: true }),
    }),
  )
  return {
    pipeline,
    steps: [
      { id: 'package', kind: 'snapshot', summary: '' },
      { ...of, id: 'evaluate', kind: 'evaluate', split: 'package', part: 'test' },
      { ...of, id: 'gate', kind: 'gate', evaluation: 'evaluate', model: pipeline, againstChampion: true },
      ...(approval
        ? [
            {
              ...of,
              id: 'approve',
              kind: 'approve' as const,
              role: 'ml-lead',
              withinMs: 86_400_000,
              otherwise: 'reject' as const,
            },
          ]
        : none),
      ...(guard
        ? [{ ...of, id: 'never-worse', kind: 'guard' as const, split: 'package', endpoint, alpha: 0.05 }]
        : none),
      { ...of, id: 'register', kind: 'register', model: pipeline },
      ...deploys,
    ],
  }
}

/** @param compares whether owners compare what is in force with what a candidate was judged against */
export function openWorld({ compares = true, quality = qualityOf } = {}): World {
  const models = new Map<string, ModelState>()
  const routes = new Map<string, Route>()
  const takeovers: Takeover[] = []
  const records = new Map<string, RunRecord>()
  const candidates = new Map<string, Digest>()
  const plans = new Map<string, PlanOutline>()
  const noHistory = { errors: { n: 0, k: 0 }, latency: { n: 0, k: 0 } }
  const expected = <T>(expect: T): T | undefined => (compares ? expect : undefined)
  const tookOver = (where: string, from: Digest | undefined, to: Digest | undefined, reason = ''): void => {
    if (to !== undefined && from !== to)
      takeovers.push({ where, from: from ?? null, to, byPerson: reason.startsWith('rolled back by') })
  }
  const judged = (candidate: string, opponent: string | undefined): StepOutcome => {
    const passed = opponent === undefined || quality(candidate) >= quality(opponent)
    const evidence = `${quality(candidate)} against ${opponent === undefined ? 'nothing' : quality(opponent)}`
    const gates = [{ name: 'quality', passed, metric: 'auc', value: quality(candidate), limit: null, evidence }]
    return {
      stepKey: 'k',
      cached: false,
      outputs: [{ name: 'gates', digest: candidateOf(0, 0), mediaType: 'x', size: 1 }],
      facts: { passed, gates, judged: 1, failed: passed ? 0 : 1 },
    }
  }
  const named = (digest: Digest, ...names: string[]): StepOutcome => ({
    stepKey: 'k',
    cached: false,
    outputs: names.map((name) => ({ name, digest, mediaType: 'x', size: 1 })),
    facts: { rows: 2, metrics: {}, bytes: 1, parity: 0, parityRows: 1 },
  })
  const activities: Activities = {
    ...runMocks(),
    readPlan: async ({ plan }) => plans.get(plan) as PlanOutline,
    snapshotSource: async ({ run }) => named(candidates.get(run) as Digest, 'package', 'test'),
    evaluatePackage: async ({ inputs }) => named(inputs.package?.digest ?? '', 'evaluation', 'predictions', 'labels'),
    judgeCandidate: async ({ inputs }) => judged(inputs.package?.digest ?? '', inputs['opponent:predictions']?.digest),
    findInForce: async ({ model, candidate, endpoint }) =>
      inForceFor(candidate, model, models.get(model), endpoint === null ? undefined : routes.get(endpoint)),
    findGuarded: async ({ endpoint, candidate }) => {
      const champion = routes.get(endpoint)?.champion.digest
      if (champion === undefined || champion === candidate) return null
      return { champion, anchor: champion, labelled: null, championTest: null, alpha: 0.05 }
    },
    guardCandidate: async ({ inputs }) => judged(inputs.package?.digest ?? '', inputs.champion?.digest),
    tellModelOwner: async ({ model, order }) => {
      const { client, info } = Context.current()
      const message = { ...ownerOfModel(model), taskQueue: info.taskQueue, signal: modelOrderSignal }
      await client.workflow.signalWithStart('ownModel', { ...message, signalArgs: [order] })
    },
    tellEndpointOwner: async ({ endpoint, order }) => {
      const { client, info } = Context.current()
      const message = { ...ownerOfEndpoint(endpoint), taskQueue: info.taskQueue, signal: routeOrderSignal }
      await client.workflow.signalWithStart('ownEndpoint', { ...message, signalArgs: [order] })
    },
    writeRegistration: ({ model, version, promote: isPromoted, expect }) =>
      asActivity(() => {
        const before = models.get(model)
        const { digest } = version
        const state = register(before, model, { digest, promote: isPromoted, expect: expected(expect) })
        models.set(model, state)
        tookOver(`model ${model}`, championIn(before)?.digest, championIn(state)?.digest)
        const number = state.versions.indexOf(digest) + 1
        return { version: number, champion: state.champions.at(-1) ?? null, registered: state !== before }
      }),
    writeChampion: ({ model, version, reason, expect }) =>
      asActivity(() => {
        const before = models.get(model) as ModelState
        const state = promote(before, model, version, expected(expect))
        models.set(model, state)
        // Without anything expected the model follows an endpoint, which has compared.
        if (expect !== undefined || reason.startsWith('rolled back by'))
          tookOver(`model ${model}`, championIn(before)?.digest, championIn(state)?.digest, reason)
        return version
      }),
    lookAtEndpoint: async ({ endpoint }) => ({ route: routes.get(endpoint) ?? null, cursors: {}, history: noHistory }),
    writeRouteChange: ({ endpoint, change, reason }) =>
      asActivity(() => {
        const before = routes.get(endpoint)
        const other = before?.rollout ?? null
        if (change.kind === 'begin' && before !== undefined && other !== null && other.id !== change.rollout.id)
          return { route: before, champion: null, waitsFor: other.id }
        const asked = 'expect' in change ? { ...change, expect: expected(change.expect) } : change
        const route = changeRoute(before, endpoint, asked)
        routes.set(endpoint, route)
        tookOver(`endpoint ${endpoint}`, before?.champion.digest, route.champion.digest, reason)
        const isMoved = change.kind !== 'begin' && change.kind !== 'traffic'
        return { route, champion: isMoved ? route.champion : null, waitsFor: null }
      }),
    reconcileRoute: async ({ endpoint, seen }) => {
      const route = routes.get(endpoint)
      return route === undefined || route.revision <= seen ? null : { route, strangers: [] }
    },
    collectEvidence: async ({ rollout, endpoint, seq, cursors, before }) => {
      const isMine = routes.get(endpoint)?.rollout?.id === rollout
      return { seq, at: Date.now(), blocks: [], cursors: { ...cursors }, before, taken: isMine ? null : 'somebody' }
    },
    recordRun: async (record) => void records.set(record.runId, record),
  }
  return {
    activities,
    pulse: 5,
    models,
    routes,
    takeovers,
    records,
    candidates,
    plans,
    quality,
    tookOver,
    candidateOf: async (number, good) => candidateOf(number, good),
    async putInForce(model, good, endpoints = []) {
      const champion = { model, version: 1, digest: candidateOf(0, good) }
      models.set(model, { versions: [champion.digest], champions: [1], candidate: 1 })
      for (const endpoint of endpoints)
        routes.set(endpoint, changeRoute(undefined, endpoint, { kind: 'open', variant: champion }))
      return champion
    },
  }
}

/** Errors of ours as the wrapper of real activities makes them. */
async function asActivity<T>(work: () => T): Promise<T> {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error
    const { code, message, facts } = error
    throw ApplicationFailure.create({
      type: code,
      message,
      nonRetryable: !error.retryable,
      details: [{ next: facts.next ?? null }],
    })
  }
}

import type { Activities } from '../../activities/index.ts'
import type { Plan } from '../../lib/formats/plan.ts'
import { outlineOf } from '../../lib/formats/plan-outline.ts'
import type { StepOutcome } from '../../lib/formats/step-inputs.ts'
import { outlineOfGroup, outlineOfRun } from '../../lib/stats/shared-outline.ts'
import { digestOfPlan } from '../../lib/store/plans.ts'
import { rolloutMocks } from './rollout-mocks.ts'

/** A digest made of one letter. */
export const digest = (letter: string) => `sha256:${letter.repeat(64)}` as const
/** What a step made. */
export const outcome = (names: string[], facts: Record<string, unknown> = {}): StepOutcome => ({
  stepKey: 'k',
  cached: false,
  outputs: names.map((name, i) => ({ name, digest: digest('abcdef'[i] ?? '0'), mediaType: 'x', size: 1 })),
  facts,
})

const plans = new Map<string, Plan>()
/** Puts a plan where the mocks find it. @returns its digest */
export function planned(plan: Plan): string {
  const name = digestOfPlan(plan)
  plans.set(name, plan)
  return name
}

const unexpected = (name: string) => async (): Promise<never> => {
  throw new Error(`${name} was not to be called`)
}

/** Activities of runs that answer at once; `calls` notes who was asked. Owners are mocked by the environment. */
export function runMocks(over: Partial<Activities> = {}, calls: string[] = []): Activities {
  const noted =
    <T>(name: string, answer: T) =>
    async () => {
      calls.push(name)
      return answer
    }
  const gates = [
    { name: 'auc ≥ 0.6', passed: true, metric: 'auc' as const, value: 0.7, limit: 0.6, evidence: '0.7 ≥ 0.6' },
  ]
  return {
    readPlan: async ({ plan, group }) => {
      const outline = outlineOf(plans.get(plan) as Plan)
      return group === undefined ? outlineOfRun(outline) : outlineOfGroup(outline, group)
    },
    snapshotSource: noted('snapshot', outcome(['table', 'profile'], { rows: 10, files: 1 })),
    validateTable: noted('validate', outcome(['table', 'report'], { verdict: 'all well' })),
    splitIntoParts: noted('split', outcome(['train', 'validation', 'test'], { train: 6, validation: 2, test: 2 })),
    trainModel: noted(
      'train',
      outcome(['model', 'training', 'baseline', 'parity'], { trees: 3, rows: 6, metrics: { auc: 0.7 } }),
    ),
    packageModel: noted('package', outcome(['package', 'card'], { bytes: 10, parity: 0, parityRows: 2 })),
    evaluatePackage: noted(
      'evaluate',
      outcome(['evaluation', 'predictions', 'labels'], { rows: 2, metrics: { auc: 0.7 } }),
    ),
    judgeCandidate: noted('gate', outcome(['gates'], { passed: true, gates })),
    findInForce: noted('findInForce', { champion: null, opponent: null }),
    findOpponent: unexpected('findOpponent'),
    requestRegistration: noted('register', { version: 1, champion: 1, registered: true }),
    writeRegistration: noted('writeRegistration', { version: 1, champion: 1, registered: true }),
    writeChampion: noted('writeChampion', 1),
    mirrorModel: unexpected('mirrorModel'),
    askMirror: unexpected('askMirror'),
    lookAtMirror: unexpected('lookAtMirror'),
    decideMirror: unexpected('decideMirror'),
    noteRegistered: unexpected('noteRegistered'),
    recordRun: noted('record', undefined),
    recordBranches: noted('recordBranches', undefined),
    establishBatch: noted('establishBatch', undefined),
    planBatch: unexpected('planBatch'),
    scoreShard: unexpected('scoreShard'),
    stageShard: unexpected('stageShard'),
    transformBatch: unexpected('transformBatch'),
    collectShard: unexpected('collectShard'),
    publishBatch: unexpected('publishBatch'),
    ...rolloutMocks(calls),
    ...over,
  } as Activities
}

import type { Digest } from '../formats/artifact.ts'
import type { ModelState, StepReport } from '../formats/records.ts'
import { readRefusal } from '../store/refusals.ts'
import { readModel } from '../store/registry.ts'
import { listRuns } from '../store/runs.ts'
import type { Store } from '../store/store.ts'
import type { MlflowServer, MlflowTag } from './mlflow.ts'
import { digestsOf, modelsOf, type Tracking, tags, trackWaiting } from './track.ts'

/** A run that waits for a person, as it shows itself now. */
export interface WaitingRun {
  readonly runId: string
  readonly workflowId: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** The steps that are done: their outputs are the evidence. */
  readonly steps: readonly StepReport[]
  readonly question: Question
}

/** What a run asks a person. */
export interface Question {
  readonly role: string
  /** The step that asks. */
  readonly step: string
  /** Digest of the version that the candidate was judged against, or `nothing`. */
  readonly against: string
}

/** What a person decided in MLflow. */
export interface TakenDecision extends Question {
  readonly approved: boolean
  readonly by: string
  readonly reason: string
}

/** Who carries out what people decide: runs themselves, and the owners of models and endpoints. */
export interface Owners {
  waiting(pipeline: string): Promise<readonly WaitingRun[]>
  /** @returns why it was not taken, in words; undefined when it was */
  decide(runId: string, decision: TakenDecision): Promise<string | undefined>
  /** Goes back to a version that was champion before; resolves when it is again. */
  rollBack(model: string, version: number, reason: string): Promise<void>
}

/** What was taken in, and what was not, each in words. */
export interface Taken {
  readonly taken: readonly string[]
  readonly notTaken: readonly string[]
}

/** Tags that people set on a run: `slipway.approve` is `approved` or `rejected`, the others as they please. */
export const decisionTags = {
  answer: 'slipway.approve',
  by: 'slipway.approve.by',
  as: 'slipway.approve.as',
  reason: 'slipway.approve.reason',
} as const
/** Tags of ours on a run that waits: the question that its answer is about. */
const questionTags = {
  role: 'slipway.waits.role',
  step: 'slipway.waits.step',
  against: 'slipway.waits.against',
} as const
const answers: ReadonlyMap<string, boolean> = new Map([
  ['approved', true],
  ['rejected', false],
])

/**
 * Takes in what people decided in MLflow: answers to runs that wait for one, and champions that they set back. Slipway
 * decides what becomes of it: an answer is about the evidence that was shown beside it, a champion moves forwards
 * through a rollout alone.
 */
export async function takeDecisions(tracking: Tracking, owners: Owners, pipeline: string): Promise<Taken> {
  const { server, store } = tracking
  const experiment = await server.experiment(pipeline)
  const taken: string[] = []
  const notTaken: string[] = []
  for (const waiting of await owners.waiting(pipeline)) {
    const said = await takeAnswer(server, owners, experiment, waiting)
    if (said !== undefined) (said.isTaken ? taken : notTaken).push(said.words)
  }
  // After them: what was just approved or asked anew shows its question as it is now.
  for (const waiting of await owners.waiting(pipeline)) await showQuestion(tracking, experiment, waiting)
  for (const model of modelsOf(await listRuns(store, pipeline, Number.POSITIVE_INFINITY))) {
    const state = await readModel(store, model)
    const said = state === undefined ? undefined : await takeChampion({ server, store }, owners, model, state)
    if (said !== undefined) (said.isTaken ? taken : notTaken).push(said.words)
  }
  return { taken, notTaken }
}

interface Said {
  readonly isTaken: boolean
  readonly words: string
}

const valueIn = (of: readonly MlflowTag[], wanted: string): string | undefined =>
  of.find(({ key }) => key === wanted)?.value.trim()

async function takeAnswer(
  server: MlflowServer,
  owners: Owners,
  experiment: string,
  { runId }: WaitingRun,
): Promise<Said | undefined> {
  const run = await server.findRun(experiment, { key: tags.run, value: runId })
  const own = run?.data?.tags ?? []
  const answer = valueIn(own, decisionTags.answer)
  const step = valueIn(own, questionTags.step)
  if (run === undefined || answer === undefined) return undefined
  const approved = answers.get(answer.toLowerCase())
  // Answered before it was asked: there was no evidence beside it.
  if (step === undefined) return undefined
  if (approved === undefined)
    return { isTaken: false, words: `${runId}: "${answer}" is no answer: it is approved or rejected` }
  const by = valueIn(own, decisionTags.by) ?? 'somebody'
  const reason = valueIn(own, decisionTags.reason) ?? 'no reason given'
  const refusal = await owners.decide(runId, {
    approved,
    step,
    role: valueIn(own, decisionTags.as) ?? valueIn(own, questionTags.role) ?? '',
    against: valueIn(own, questionTags.against) ?? 'nothing',
    by: `${by} in MLflow`,
    reason,
  })
  // An answer counts once: the next question is answered anew, and so is this one on other evidence.
  await server.deleteTag(run.info.run_id, decisionTags.answer)
  if (refusal !== undefined) return { isTaken: false, words: `${runId}: ${refusal}` }
  const words = `${answer.toLowerCase()} by ${by}`
  await server.setTag(run.info.run_id, { key: `slipway.answer.${step}`, value: words })
  return { isTaken: true, words: `${runId}: ${words}` }
}

/** Writes a run that waits, with the evidence it shows and what it asks. */
async function showQuestion(tracking: Tracking, experiment: string, waiting: WaitingRun): Promise<void> {
  const { server } = tracking
  const { role, step, against } = waiting.question
  const asks: readonly MlflowTag[] = [
    { key: questionTags.against, value: against },
    { key: questionTags.role, value: role },
    // Last: without it no answer counts.
    { key: questionTags.step, value: step },
  ]
  const found = await server.findRun(experiment, { key: tags.run, value: waiting.runId })
  const own = found?.data?.tags ?? []
  if (asks.every(({ key, value }) => valueIn(own, key) === value)) return
  const run = await trackWaiting(tracking, experiment, waiting)
  // What was answered meanwhile was about something else.
  await server.deleteTag(run.info.run_id, decisionTags.answer)
  for (const tag of asks) await server.setTag(run.info.run_id, tag)
  const note = `Waits for ${role}: set the tag ${decisionTags.answer} to approved or rejected.`
  await server.setTag(run.info.run_id, { key: 'mlflow.note.content', value: note })
}

/** Takes in that people set the alias `champion` to another version than Slipway did. */
async function takeChampion(
  { server, store }: { readonly server: MlflowServer; readonly store: Store },
  owners: Owners,
  model: string,
  state: ModelState,
): Promise<Said | undefined> {
  const registered = await server.registeredModel(model)
  const before = registered?.tags.find(({ key }) => key === tags.champion)?.value
  const now = registered?.aliases.find(({ alias }) => alias === 'champion')?.version
  if (before === undefined || now === before) return undefined
  const own = await digestsOf(server, model)
  const there = own.find(([, version]) => version === now)?.[0]
  const version = there === undefined ? 0 : state.versions.indexOf(there as Digest) + 1
  const champion = state.champions.at(-1)
  if (version !== 0 && version === champion) return undefined
  const ours = own.find(([digest]) => digest === state.versions[(champion ?? 0) - 1])?.[1]
  const not = (why: string): Said => ({ isTaken: false, words: `${model}: alias champion ${why}` })
  if (now === undefined) return not('was taken away there: only a rollout or a rollback moves it')
  if (version === 0) return not(`is on version ${now} there, which is not Slipway's: take it in by slipway register`)
  if (ours !== before) return not(`was moved there and here: version ${champion} stays`)
  if (!state.champions.includes(version))
    return not(`is on version ${version}, which never was champion: only gates and a rollout make it one`)
  const refusal = await readRefusal(store, { model, digest: there as Digest })
  if (refusal !== undefined) return not(`is on version ${version}, which was rejected by ${refusal.by}`)
  await owners.rollBack(model, version, 'alias champion was set back in MLflow')
  return { isTaken: true, words: `${model}: rolled back to version ${version}` }
}

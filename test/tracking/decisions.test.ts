import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Digest } from '../../lib/formats/artifact.ts'
import { ModelState, RunRecord } from '../../lib/formats/records.ts'
import { updateRef } from '../../lib/store/refs.ts'
import { publishRefusal } from '../../lib/store/refusals.ts'
import { publishRun } from '../../lib/store/runs.ts'
import { type Owners, type TakenDecision, takeDecisions, type WaitingRun } from '../../lib/tracking/decisions.ts'
import type { MlflowRun, MlflowServer, MlflowTag } from '../../lib/tracking/mlflow.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'
import { runRecord } from '../support/stored-documents.ts'

const digests = [1, 2, 3].map((n): Digest => `sha256:${String(n).repeat(64)}`)

/** Versions 1 and 2 were champion, 3 never was. */
const state = { versions: digests, champions: [1, 2], candidate: 3 }
let bucket: TestBucket
beforeAll(async () => {
  bucket = await openTestBucket()
  const record = RunRecord.parse(runRecord('loans-20260101-000000-aaaa'))
  const model = { name: 'loans', version: 1, digest: digests[0] as Digest, champion: true }
  await publishRun(bucket.store, { ...record, pipeline: 'loans', model })
  await updateRef(bucket.store, 'models/loans', ModelState, 'a test', () => state)
})
afterAll(() => bucket?.stop())

/** What MLflow keeps, of one run and one registered model whose versions have Slipway's numbers and ten. */
let run: { tags: Map<string, string> } | undefined
let champion: { alias: string | undefined; written: string | undefined }
let done: unknown[]
let refusal: string | undefined
beforeEach(() => {
  run = undefined
  champion = { alias: '12', written: '12' }
  done = []
  refusal = undefined
})

const tagsIn = (tags: ReadonlyMap<string, string>): MlflowTag[] => [...tags].map(([key, value]) => ({ key, value }))
const server = {
  experiment: async () => '1',
  findRun: async () => run && { info: { run_id: 'r', artifact_uri: '' }, data: { tags: tagsIn(run.tags) } },
  async createRun(_: string, __: string, ___: number, tags: readonly MlflowTag[]): Promise<MlflowRun> {
    run = { tags: new Map(tags.map(({ key, value }) => [key, value])) }
    return { info: { run_id: 'r', artifact_uri: '' } }
  },
  setTag: async (_: string, { key, value }: MlflowTag) => void run?.tags.set(key, value),
  deleteTag: async (_: string, key: string) => void run?.tags.delete(key),
  registeredModel: async () => ({
    aliases: champion.alias === undefined ? [] : [{ alias: 'champion', version: champion.alias }],
    tags: champion.written === undefined ? [] : [{ key: 'slipway.champion', value: champion.written }],
  }),
  versions: async () => [
    ...digests.map((value, i) => ({ version: String(11 + i), tags: [{ key: 'slipway.digest', value }] })),
    { version: '20' },
  ],
} as unknown as MlflowServer

const asking = (question: Partial<WaitingRun['question']> = {}): WaitingRun => ({
  runId: 'loans-1',
  workflowId: 'run/loans-1',
  startedAt: 0,
  steps: [],
  question: { role: 'ml-lead', step: 'approval', against: digests[1] as string, ...question },
})
const take = (waiting: readonly WaitingRun[] = [], pipeline = 'loans') => {
  const owners: Owners = {
    waiting: async () => waiting,
    async decide(runId: string, decision: TakenDecision) {
      done.push([runId, decision])
      return refusal
    },
    rollBack: async (...order) => void done.push(order),
  }
  return takeDecisions({ store: bucket.store, server, say: () => {} }, owners, pipeline)
}

describe('an answer to a run that waits', () => {
  it('is about the question and the evidence that stood beside it, whatever the run asks by then', async () => {
    await take([asking()])
    run?.tags.set('slipway.approve', ' Approved ').set('slipway.approve.by', 'ann')
    expect(await take([asking({ against: digests[2] as string })])).toMatchObject({
      taken: ['loans-1: approved by ann'],
    })
    const answered = { approved: true, step: 'approval', against: digests[1], by: 'ann in MLflow', role: 'ml-lead' }
    expect(done).toEqual([['loans-1', { ...answered, reason: 'no reason given' }]])
  })

  it('counts once, refused or not: other evidence is answered anew', async () => {
    await take([asking()])
    run?.tags.set('slipway.approve', 'approved')
    refusal = 'the candidate was judged anew'
    const again = asking({ against: digests[2] as string })
    expect(await take([again])).toEqual({ taken: [], notTaken: ['loans-1: the candidate was judged anew'] })
    expect(run?.tags.get('slipway.approve')).toBeUndefined()
    expect(run?.tags.get('slipway.waits.against')).toBe(digests[2])
    refusal = undefined
    expect(await take([again])).toEqual({ taken: [], notTaken: [] })
    expect(done).toHaveLength(1)
  })

  it('that came before the question is none', async () => {
    run = { tags: new Map([['slipway.approve', 'approved']]) }
    expect((await take([asking()])).taken).toEqual([])
    expect(done).toEqual([])
    expect(run?.tags.get('slipway.approve')).toBeUndefined()
  })

  it.each(['yes', 'true', ''])('"%s" is none', async (answer) => {
    await take([asking()])
    run?.tags.set('slipway.approve', answer)
    expect((await take([asking()])).notTaken).toEqual([expect.stringContaining('it is approved or rejected')])
    expect(done).toEqual([])
  })
})

describe('a champion that people set', () => {
  it('back to one that was champion is rolled back to', async () => {
    champion.alias = '11'
    expect((await take()).taken).toEqual(['loans: rolled back to version 1'])
    expect(done).toEqual([['loans', 1, 'alias champion was set back in MLflow']])
  })

  it('back to one that was rejected since changes nothing', async () => {
    champion.alias = '11'
    const by = 'ann in SageMaker: unfair'
    const version = { model: 'rejected', version: 1, digest: digests[0] as Digest }
    await publishRefusal(bucket.store, { ...version, by, at: '2026-01-01T00:00:00.000Z' })
    await updateRef(bucket.store, 'models/rejected', ModelState, 'a test', () => state)
    const record = RunRecord.parse(runRecord('rejected-20260101-000000-aaaa'))
    const model = { name: 'rejected', version: 1, digest: version.digest, champion: true }
    await publishRun(bucket.store, { ...record, pipeline: 'rejected', model })
    expect(await take([], 'rejected')).toEqual({
      taken: [],
      notTaken: ['rejected: alias champion is on version 1, which was rejected by ann in SageMaker: unfair'],
    })
    expect(done).toEqual([])
  })

  it.each([
    ['forwards, to one that never was champion', { alias: '13', written: '12' }, /version 3, which never was champion/],
    ['to a version that is not of Slipway', { alias: '20', written: '12' }, /version 20 there, which is not Slipway's/],
    ['to nothing', { alias: undefined, written: '12' }, /was taken away/],
    ['while Slipway moved on', { alias: '13', written: '11' }, /moved there and here: version 2 stays/],
    ['back, while Slipway moved on', { alias: '11', written: '13' }, /moved there and here: version 2 stays/],
  ])('%s changes nothing', async (_, set, why) => {
    champion = set
    expect(await take()).toEqual({ taken: [], notTaken: [expect.stringMatching(why)] })
    expect(done).toEqual([])
  })

  it.each([
    ['nobody moved', { alias: '12', written: '12' }],
    ['Slipway alone moved', { alias: '11', written: '11' }],
    ['the last write was broken off behind the alias', { alias: '12', written: '11' }],
    ['nothing was written yet', { alias: undefined, written: undefined }],
  ])('is not looked for where %s', async (_, set) => {
    champion = set
    expect(await take()).toEqual({ taken: [], notTaken: [] })
    expect(done).toEqual([])
  })
})

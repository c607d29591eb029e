import { readFileSync } from 'node:fs'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createStore } from '../../lib/store/store.ts'
import { keyFiles } from '../../workers/platform/state.ts'
import { loansSql, writeLoans } from '../support/project.ts'
import { openWatchedPlace, type Running, type WatchedPlace } from '../support/watched-place.ts'

/** Commands, a worker and a gateway, while the test kills the servers that they need and brings them back. */
let place: WatchedPlace

const until = async (what: string, isSo: () => boolean | Promise<boolean>): Promise<void> => {
  for (const start = Date.now(); !(await isSo()); await new Promise((resolve) => setTimeout(resolve, 100)))
    if (Date.now() - start > 200_000) throw new Error(`${what} did not come about`)
}
const waits = /does not answer: waiting for it \(up to 60 s\)/
const back = /answers again/
/** Waits until a command says that it waits; one that ended without a word fails here. */
const toWait = (running: Running): Promise<void> =>
  Promise.race([
    until(`a word of ${running.args.join(' ')}`, () => waits.test(running.said())),
    running.ended.then(({ code, stdout, stderr }) => {
      if (!waits.test(stderr)) throw new Error(`${running.args.join(' ')} ended with ${code}: ${stdout}${stderr}`)
    }),
  ])
/** The exit codes of commands that all waited, and said when that was over. */
const codesOf = async (all: readonly Running[]): Promise<Record<string, number>> => {
  const codes: Record<string, number> = {}
  for (const running of all) {
    const { code, stderr, stdout } = await running.ended
    expect(stderr, running.args.join(' ')).toMatch(back)
    // What is waited for is said on standard error, and nowhere else.
    expect(stdout).not.toMatch(waits)
    if (running.args.includes('--json') && code === 0) expect(() => JSON.parse(stdout), stdout).not.toThrow()
    codes[running.args.join(' ')] = code
  }
  return codes
}
const all = (code: number, commands: readonly string[]) => Object.fromEntries(commands.map((each) => [each, code]))
/** Begins commands until all of them wait: those that plan first come to it late, and a minute is all they have. */
async function begin(planning: readonly string[], others: readonly string[]): Promise<Running[]> {
  const running: Running[] = []
  for (const commands of [planning, others]) {
    const begun = commands.map((each) => place.begin(each.split(' ')))
    await Promise.all(begun.map(toWait))
    running.push(...begun)
  }
  return running
}
const alive = async (): Promise<boolean> =>
  (await fetch(`${place.state.gateway?.address}/v2/health/ready`).catch(() => undefined))?.ok === true

const body = (deploy: string, trees: number): string => `import { auc, binary, pipeline, trees } from 'slipway'
import { features } from './features.ts'
import { Loan } from './schema.ts'
import { bad } from './target.ts'

export default pipeline('loans', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(p.validate(loans), { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const model = p.train('risk', { on: parts, features, target: binary('defaulted', bad), learner: trees({ trees: ${trees}, leaves: 7, minRowsPerLeaf: 10 }), seed: 1 })
  const candidate = p.package(model)
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.6), auc.notWorseThan('champion', { by: 0.3 })] })
  ${deploy}
})
`

beforeAll(async () => {
  place = await openWatchedPlace()
  writeLoans(place.project, { body: body("p.deploy(candidate, { endpoint: 'credit' })", 20) })
  await place.project.data('data/loans.parquet', loansSql(2_000))
  await place.project.data('labels.parquet', "SELECT 'a' AS requestId, 1 AS label")
  place.project.write('row.json', JSON.stringify({ id: 1, day: '2024-01-01', income: 30_000, age: 40, purpose: 'car' }))
  // The worker and the gateway come before the servers: they wait for them, and their logs say so.
  await place.s3.kill()
  await place.temporal.kill()
  await place.worker.start()
  await until('a word of the worker about the store', () =>
    /the S3 store at .* waiting for it/.test(place.worker.said()),
  )
  await place.gateway.start()
  await until('a word of the gateway', () => /the store is away/.test(place.gateway.said()))
  await place.s3.start()
  await until('a word of the worker about Temporal', () =>
    /the Temporal server at .* waiting for it/.test(place.worker.said()),
  )
  await place.temporal.start()
  const first = await place.begin(['run', 'loans', '--wait']).ended
  expect(first, first.stderr).toMatchObject({ code: 0 })
  await until('a gateway that serves', alive)
}, 400_000)
afterAll(() => place.close())

it('commands that begin while the store is away wait for it, and end as they should', async () => {
  await place.s3.kill()
  const planning = ['plan loans --json', 'run loans --wait --json']
  const others = ['runs --json', 'show loans --json', 'rollout status credit --json']
  const running = await begin(planning, others)
  await place.s3.start()
  expect(await codesOf(running)).toEqual(all(0, [...planning, ...others]))
}, 400_000)

it('commands that begin while Temporal is away wait for it, and end as they should', async () => {
  await place.temporal.kill()
  const planning = ['run loans --wait --json']
  const listing = ['schedule list --json']
  const refused = ['approve loans-20260101-000000-abcd']
  const running = await begin(planning, [...listing, ...refused])
  await place.temporal.start()
  expect(await codesOf(running)).toEqual({ ...all(0, [...planning, ...listing]), ...all(2, refused) })
}, 400_000)

it('commands that ask a gateway which is away wait for it', async () => {
  await place.gateway.kill()
  const commands = ['predict credit --data row.json --json', 'labels import labels.parquet --json']
  const running = await begin([], commands)
  await place.gateway.start()
  expect(await codesOf(running)).toEqual(all(0, commands))
}, 400_000)

it('a run that is followed while both servers are killed is followed to its end', async () => {
  writeLoans(place.project, { body: body('', 60) })
  const running = place.begin(['run', 'loans', '--wait', '--json'])
  await until('the start of the run', () => /run loans-\d/.test(running.said()))
  await Promise.all([place.s3.kill(), place.temporal.kill()])
  await toWait(running)
  await Promise.all([place.s3.start(), place.temporal.start()])
  const { code, stdout, stderr } = await running.ended
  expect(code, stderr).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ status: 'succeeded', model: { version: 2 } })
  expect(stderr).toMatch(back)
}, 400_000)

it('an endpoint whose route is broken is served by the copy of its gateway until somebody restores the route', async () => {
  const { endpoint } = place.state.s3
  const credentials = JSON.parse(readFileSync(keyFiles(place.project.root).s3, 'utf8'))
  const options = { endpoint, bucket: 'slipway', region: 'us-east-1', credentials, cacheFolder: '' }
  const { client } = createStore(options)
  await client.send(
    new PutObjectCommand({ Bucket: 'slipway', Key: 'refs/routes/credit.json', Body: '{"generation":1,"val' }),
  )
  client.destroy()
  await place.gateway.kill()
  await place.gateway.start()
  await until('a gateway that serves', alive)
  expect(place.gateway.said()).toContain('npx slipway restore routes/credit')
  const shown = await place.begin(['rollout', 'status', 'credit']).ended
  expect(shown.code).toBe(16)
  expect(shown.stderr).toMatch(/DOCUMENT_BROKEN.*the last good generation of its log is 1 \(/)
  expect(await place.begin(['restore', 'routes/credit']).ended).toMatchObject({ code: 0 })
  await until('revision 3', () => place.gateway.said().includes('credit: revision 3 applied'))
}, 400_000)

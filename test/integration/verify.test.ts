import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunRecord, VersionRecord } from '../../lib/formats/records.ts'
import { digestOf } from '../../lib/store/digest.ts'
import { listObjects } from '../../lib/store/documents.ts'
import { putBytes } from '../../lib/store/objects.ts'
import { sealName, sealOf } from '../../lib/store/seal.ts'
import { newKeyPair, sign, signerFrom } from '../../lib/store/signing.ts'
import { expectUserError } from '../support/cli.ts'
import { elsewhere, forgetSteps } from '../support/elsewhere.ts'
import { openPlace, type Place } from '../support/place.ts'
import { linearProgram } from '../support/programs.ts'
import { loansSql, newProject, writeLoans } from '../support/project.ts'

/*
 * A registered model is made again from what the store holds of its plan, code and data, and of nothing that its run
 * made; what differs is named.
 */
let place: Place
const keys = newProject()

beforeAll(async () => {
  const { privateKey, publicKey } = newKeyPair()
  keys.write('key.pem', privateKey)
  keys.write('key.pub', publicKey)
  place = await openPlace({
    SLIPWAY_SIGNING_KEY: join(keys.root, 'key.pem'),
    SLIPWAY_TRUSTED_KEYS: join(keys.root, 'key.pub'),
  })
  writeLoans(place.project)
  await place.project.data('data/loans.parquet', loansSql())
})
afterAll(async () => {
  await place?.close()
  keys.remove()
})

const run = async (...args: string[]) => {
  const { code, stdout, stderr } = await place.run('run', 'loans', ...args, '--wait', '--json')
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout)
}

/** Everything in the store, with what it is, but for the gateway's sign of life. */
const contents = async () => {
  const objects = await listObjects(place.store.store, '')
  return objects.flatMap(({ Key = '', ETag }) => (Key.startsWith('gateways/') ? [] : `${Key} ${ETag}`)).sort()
}

/** Writes a document otherwise than it was, as whoever has the signing key can. @returns what writes it as it was */
async function tamper<Record extends object>(
  key: string,
  change: (record: Record) => void,
): Promise<() => Promise<void>> {
  const { client, bucket } = place.store.store
  const object = { Bucket: bucket, Key: key }
  const { Body, Metadata } = await client.send(new GetObjectCommand(object))
  const was = (await Body?.transformToString()) as string
  const record = JSON.parse(was)
  change(record)
  const text = JSON.stringify(record)
  const seal = sealOf(signerFrom(readFileSync(join(keys.root, 'key.pem'), 'utf8')), key, Buffer.from(text))
  await client.send(new PutObjectCommand({ ...object, Body: text, Metadata: { [sealName]: seal } }))
  return async () => void (await client.send(new PutObjectCommand({ ...object, Body: was, Metadata })))
}
const tamperRun = (runId: string, change: (record: RunRecord) => void) => tamper(`runs/${runId}.json`, change)

/** The document of a verification with its exit code. */
const verify = async (...args: string[]) => {
  const { code, stdout, stderr } = await place.run('verify', ...args, '--json')
  return { code, stderr, document: JSON.parse(stdout) }
}

describe('a registered model', () => {
  let first: { runId: string; model: { digest: string }; plan: { digest: string } }

  it('comes out identical elsewhere, on one core, without a record of a step; nothing is written', async () => {
    first = await run()
    await forgetSteps(place)
    const before = await contents()
    const { code, stdout, stderr } = await elsewhere(place, 'verify', 'loans')
    expect(stderr).toMatch(/✓ risk +identical/)
    expect(stderr).toContain('not done again: register (')
    expect([code, stdout]).toEqual([0, `identical ${first.model.digest}\n`])
    expect(await contents()).toEqual(before)
  })

  it('is not what a plan with another constant makes: the step is named', async () => {
    writeLoans(place.project, {
      features: `export function features({ income, age, purpose }: { income: Float64Array; age: Float64Array; purpose: readonly string[] }) {
  return { income, age, ratio: Float32Array.from(income, (x, i) => x / (age[i]! + 7)), purpose }
}
`,
    })
    const second = await run()
    const restore = await tamperRun(first.runId, (record) => Object.assign(record.plan, second.plan))
    const { code, stdout, stderr } = await place.run('verify', 'loans@1')
    expect([code, stdout]).toEqual([
      16,
      expect.stringMatching(/^differs at risk \(train\)\n {2}model is \w{12}, on record/),
    ])
    expect(stderr).toMatch(/✓ split +identical/)
    await restore()
  })

  it('is not what a record says that was changed: what differs is told', async () => {
    const restore = await tamperRun(first.runId, ({ steps }) => {
      const evaluation = steps.find(({ kind }) => kind === 'evaluate')?.outputs.find(({ name }) => name === 'labels')
      Object.assign(evaluation as object, { digest: `sha256:${'0'.repeat(64)}` })
    })
    const { code, document } = await verify('loans@1')
    expect(code).toBe(16)
    expect(document).toMatchObject({
      model: 'loans',
      version: 1,
      outcome: 'differs',
      passed: false,
      exitCode: 16,
      difference: { kind: 'evaluate', how: [expect.stringMatching(/^labels is \w{12}, on record is 000000000000$/)] },
    })
    await restore()
  })

  it('was judged as it is judged again, against the version that it was compared with', async () => {
    const { code, document } = await verify('loans@2')
    expect(code).toBe(0)
    const gate = document.steps.find(({ kind }: { kind: string }) => kind === 'gate')
    expect(gate).toMatchObject({ outcome: 'identical' })
    const restore = await tamper<VersionRecord>(`models/loans/${document.digest.slice(7)}.json`, (record) =>
      Object.assign(record, { against: null }),
    )
    expect((await verify('loans@2')).document.difference).toMatchObject({
      kind: 'gate',
      how: expect.arrayContaining([expect.stringContaining('evidence')]),
    })
    await restore()
  })

  it('is verified with all others, and each is told', async () => {
    const restore = await tamperRun(first.runId, (record) =>
      Object.assign(record.plan, { digest: `sha256:${'1'.repeat(64)}` }),
    )
    const { code, document } = await verify('--all')
    await restore()
    expect(code).toBe(16)
    expect(document).toMatchObject({
      passed: false,
      exitCode: 16,
      models: [
        { model: 'loans', version: 1, outcome: 'not verified', error: { code: 'OBJECT_MISSING' } },
        { model: 'loans', version: 2, outcome: 'identical', passed: true },
      ],
    })
    const { code: good, stdout } = await place.run('verify', '--all')
    expect([good, stdout]).toEqual([
      0,
      expect.stringMatching(/^loans@1 identical sha256.*\nloans@2 identical sha256.*\n$/),
    ])
  })

  it('is no batch, and a batch is no model', async () => {
    expectUserError(await place.run('verify'), 2, 'USAGE')
    expectUserError(await place.run('verify', 'loans/nightly/2001-06-01', '--commit'), 2, 'USAGE')
    expectUserError(await place.run('verify', 'lones'), 2, 'NOT_FOUND')
    expectUserError(await place.run('verify', 'loans@9'), 2, 'NOT_FOUND')
    expectUserError(await place.run('verify', 'loans@1', '--commit'), 2, 'USAGE')
  })
})

describe('the commit of a run', () => {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args], {
      cwd: place.project.root,
      encoding: 'utf8',
    }).trim()
  const status = (): string => git('status', '--porcelain')

  it('plans what it ran, with the parameters that were set, whatever is checked out now', async () => {
    place.project.write('.gitignore', 'data\n.slipway\n')
    git('init', '--quiet')
    git('add', '.')
    git('commit', '--quiet', '-m', 'first')
    const { model, runId } = await run('--set', 'trees=15')
    place.project.write('pipelines/loans/features.ts', 'nothing that could be planned')
    const { code, document } = await verify(`loans@${model.version}`, '--commit')
    expect([code, document.commit]).toEqual([0, expect.objectContaining({ commit: git('rev-parse', 'HEAD') })])
    expect(document).toMatchObject({
      run: runId,
      outcome: 'identical',
      commit: { plan: document.plan, difference: null },
    })
    expect(status()).toBe('M pipelines/loans/features.ts')
    expect(git('worktree', 'list').split('\n')).toHaveLength(1)
  })

  it('does not plan a constant that was edited and not committed: the step is named, and why', async () => {
    git('checkout', '--quiet', '.')
    writeLoans(place.project, { learner: 'trees({ trees: 12, leaves: 7, minRowsPerLeaf: 10 })' })
    const { model } = await run()
    const { code, stdout } = await place.run('verify', `loans@${model.version}`, '--commit')
    expect(code).toBe(16)
    expect(stdout).toMatch(/^differs at risk \(train\)\n {2}commit \w{12} plans it otherwise: .*learner.trees 12→20/)
    expect(stdout).toContain('the run was started from files with changes that are in no commit')
    expect((await verify(`loans@${model.version}`)).code).toBe(0)
  })
})

describe('a learner that is not deterministic', () => {
  beforeAll(async () => {
    place.project.write('trainer/linear.mjs', await linearProgram())
    place.project.write(
      'trainer/train.mjs',
      "process.env.SM_HPS = JSON.stringify({ l2: String(1 + Math.random()) })\nawait import('./linear.mjs')\n",
    )
    place.project.write(
      'pipelines/noisy/pipeline.ts',
      `import { auc, binary, pipeline, program } from 'slipway'
import { features } from '../loans/features.ts'
import { Loan } from '../loans/schema.ts'
export default pipeline('noisy', (p) => {
  const loans = p.snapshot('loans', { from: 'data/loans.parquet', schema: Loan })
  const parts = p.split(loans, { byHashOf: 'id', validation: 0.2, test: 0.3, seed: 3 })
  const learner = program({ command: ['node', 'train.mjs'], folder: './trainer', deterministic: false })
  const candidate = p.package(p.train('risk', { on: parts, features, target: binary('defaulted'), learner, seed: 1 }))
  p.gate(candidate, { on: parts.test, must: [auc.atLeast(0.5)], champion: 'not compared' })
})
`,
    )
  })

  it('is held to its predictions, by a tolerance that is told', async () => {
    const { code, stderr } = await place.run('run', 'noisy', '--wait')
    expect(code, stderr).toBe(0)
    const near = await place.run('verify', 'noisy')
    expect([near.code, near.stdout]).toEqual([
      0,
      expect.stringMatching(
        /^predictions agree: .*\n {2}validation: \d+ predictions, largest difference [\d.e-]+ \(prediction \d+\), mean [\d.e-]+; within 0.01\n {2}test: /,
      ),
    ])
    expect(near.stderr).toMatch(/✓ risk +may differ/)
    const far = await place.run('verify', 'noisy', '--tolerance', '0.000000001')
    expect([far.code, far.stdout]).toEqual([
      16,
      expect.stringMatching(/^differs at package\n {2}validation: .*; more than 1e-9\n/),
    ])
  })

  it('is shown as such where models are listed', async () => {
    expect((await place.run('models')).stdout).toMatch(/^noisy .*not deterministic/m)
    expect((await place.run('show', 'noisy')).stdout).toContain('It is not byte-deterministic')
  })
})

describe('a run', () => {
  let runId: string
  const rerun = async (plan: 'same' | 'new') => {
    const { code, stdout, stderr } = await place.run('rerun', runId, '--plan', plan, '--wait', '--json')
    expect(code, stderr).toBe(0)
    return JSON.parse(stdout)
  }
  const originOf = async (id: string) => JSON.parse((await place.run('show', id, '--json')).stdout).origin

  it('is run again with its plan on the bytes that it read, whatever source and definition are now', async () => {
    writeLoans(place.project)
    const first = await run('--set', 'trees=11')
    runId = first.runId
    await place.project.data('data/loans.parquet', loansSql(3_000))
    writeLoans(place.project, { learner: 'trees({ trees: 30, leaves: 5 })' })
    const again = await rerun('same')
    expect(again.plan).toEqual(first.plan)
    expect(again.model.digest).toBe(first.model.digest)
    expect(
      again.steps
        .filter(({ stepKey }: { stepKey: string }) => stepKey !== '')
        .every(({ cached }: { cached: boolean }) => cached),
    ).toBe(true)
    expect(await originOf(again.runId)).toMatchObject({
      rerun: runId,
      set: '{"trees":"11"}',
    })
    expect((await originOf(again.runId)).commit).toBe((await originOf(runId)).commit)
  })

  it('is run again with the definition of now, with the parameters it had, on the bytes that it read', async () => {
    const first = JSON.parse((await place.run('show', runId, '--json')).stdout)
    const anew = await rerun('new')
    expect(anew.plan).not.toEqual(first.plan)
    const tableOf = ({ steps }: typeof first) => steps.find(({ name }: { name: string }) => name === 'loans').outputs
    expect(tableOf(anew)).toEqual(tableOf(first))
    const { bundle } = JSON.parse((await place.run('show', `loans@${anew.model.version}`, '--json')).stdout)
    expect(bundle.facts.learner).toMatchObject({ trees: 11, leaves: 5 })
  })

  it('is not run again on sources that it never read', async () => {
    expectUserError(await place.run('rerun', 'loans-20261129-191919-ab12', '--plan', 'same'), 2, 'NOT_FOUND')
    const { code, stderr } = await place.run('rerun', runId)
    expect([code, stderr]).toEqual([2, expect.stringContaining('--plan')])
  })

  it('has a plan that runs from a file, on the sources as they are now', async () => {
    await place.run('export', runId, '--output', 'plan.json')
    const { code, stdout, stderr } = await place.run('run', '--plan', 'plan.json', '--wait', '--json')
    expect(code, stderr).toBe(0)
    const { plan, runId: id } = JSON.parse(stdout)
    expect(plan.digest).toBe(JSON.parse((await place.run('show', runId, '--json')).stdout).plan.digest)
    expect(await originOf(id)).not.toHaveProperty('commit')
    expectUserError(await place.run('run', 'noisy', '--plan', 'plan.json'), 2, 'USAGE')
    expectUserError(await place.run('run', '--plan', 'plan.json', '--set', 'trees=3'), 2, 'USAGE')
    expectUserError(await place.run('run', '--plan', '.gitignore'), 2, 'USAGE')
  })

  it('has a plan that does not run with code that nobody trusted signed, or that is not there', async () => {
    const plan = JSON.parse((await place.run('export', runId)).stdout)
    const planWith = async (digest: string) => {
      const train = plan.steps.find(({ kind }: { kind: string }) => kind === 'train')
      train.features.digest = digest
      place.project.write('other.json', JSON.stringify(plan))
      return place.run('run', '--plan', 'other.json')
    }
    const unsigned = await putBytes(place.store.store, 'module.exports.default = () => ({})', 'text/javascript')
    expectUserError(await planWith(unsigned.digest), 16, 'SIGNATURE_INVALID')
    const missing = digestOf('nothing')
    await sign(place.store.store, signerFrom(readFileSync(join(keys.root, 'key.pem'), 'utf8')), {
      subject: 'code',
      name: 'x',
      digest: missing,
    })
    expectUserError(await planWith(missing), 2, 'NOT_FOUND')
  })

  it('differs from a plan whose step fails, which is told without our stack', async () => {
    const plan = JSON.parse((await place.run('export', runId)).stdout)
    const validate = plan.steps.find(({ kind }: { kind: string }) => kind === 'validate')
    validate.unique = [['purpose']]
    place.project.write('strict.json', JSON.stringify(plan))
    const failed = await place.run('run', '--plan', 'strict.json', '--wait', '--json')
    expect(failed.code, failed.stdout).toBe(10)
    const restore = await tamperRun(runId, (record) => Object.assign(record.plan, JSON.parse(failed.stdout).plan))
    const { model } = JSON.parse((await place.run('show', runId, '--json')).stdout)
    const { code, stdout, stderr } = await place.run('verify', `loans@${model.version}`)
    await restore()
    expect([code, stdout]).toEqual([
      16,
      expect.stringMatching(/^differs at validate\n {2}it ended well on record, and ends with DATA_CONTRACT here: /),
    ])
    expect(stderr).not.toMatch(/\n\s+at /)
  })
})

describe('two pipelines that are alike but for their names', () => {
  it('each make a model of their own name, which comes out identical', async () => {
    const { root, write } = place.project
    for (const name of ['debts', 'credits']) {
      for (const file of ['schema.ts', 'features.ts', 'target.ts', 'pipeline.ts']) {
        const text = readFileSync(join(root, 'pipelines/loans', file), 'utf8')
        write(`pipelines/${name}/${file}`, text.replace("pipeline('loans'", `pipeline('${name}'`))
      }
      const { code, stderr } = await place.run('run', name, '--wait', '--json')
      expect(code, stderr).toBe(0)
    }
    for (const name of ['debts', 'credits']) {
      expect((await verify(name)).document, name).toMatchObject({ outcome: 'identical' })
    }
  })
})

import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { blobKey } from '../../lib/store/objects.ts'
import { createStore, type Store } from '../../lib/store/store.ts'
import { keyFiles } from '../../workers/platform/state.ts'
import { expectUserError } from '../support/cli.ts'
import { loansSql, newProject, writeLoans } from '../support/project.ts'
import { runCommand as slipway } from '../support/run-command.ts'

/*
 * Every mistake a user can make ends with its documented exit code, its stable error code, what to do next, in at most
 * five lines without a stack trace; and nothing is registered.
 */
const project = newProject()
const parquet = 'data/loans.parquet'

beforeAll(async () => {
  await project.data(parquet, loansSql())
  expect((await slipway(project.root, ['up', '--detach'])).code).toBe(0)
})
afterAll(async () => {
  await slipway(project.root, ['down'])
  project.remove()
})
beforeEach(() => writeLoans(project))
afterEach(async () => {
  expect(JSON.parse((await slipway(project.root, ['models', '--json'])).stdout)).toEqual([])
})

async function runFails(exitCode: number, code: string, env: Record<string, string> = {}): Promise<string> {
  const result = await slipway(project.root, ['run', 'loans', '--wait', '--json'], env)
  const document = JSON.parse(result.stdout)
  if (document.runId !== undefined) {
    // The run was started: its document says the same as its exit code.
    expect(document, result.stderr).toMatchObject({ exitCode, model: null, error: { code } })
    expect(result.code).toBe(exitCode)
    const shown = await slipway(project.root, ['run', 'loans', '--wait'], env)
    expect(shown.code).toBe(exitCode)
    expect(`${shown.stdout}${shown.stderr}`).not.toMatch(/\n\s+at .*:\d+/)
    return `${document.error.message}\n${document.error.next}`
  }
  expect(document).toMatchObject({ exitCode, error: { code } })
  return expectUserError(result, exitCode, code)
}

describe('data that breaks its contract', () => {
  const withData = async (sql: string): Promise<void> => project.data('data/bad.parquet', sql)
  beforeEach(() => writeLoans(project, { from: 'data/bad.parquet' }))

  it('a source that is not there', async () => {
    writeLoans(project, { from: 'data/nowhere.parquet' })
    expect(await runFails(10, 'SOURCE_MISSING')).toContain('data/nowhere.parquet')
  })

  it('a missing column, with the columns there are', async () => {
    await withData(`SELECT * EXCLUDE (income) FROM (${loansSql(50)})`)
    expect(await runFails(10, 'COLUMN_MISSING')).toContain(
      'no column "income"; it has id, day, age, purpose, defaulted',
    )
  })

  it('a column of another type, with its row and rule', async () => {
    await withData(`SELECT * REPLACE ('much' AS income) FROM (${loansSql(50)})`)
    const message = await runFails(10, 'COLUMN_TYPE')
    expect(message).toContain('"income"')
    expect(message).toContain('row 1 holds "much"')
  })

  it('a file of no bytes, and one of no rows', async () => {
    writeFileSync(join(project.root, 'data/bad.parquet'), '')
    await runFails(10, 'SOURCE_EMPTY')
    await withData(`SELECT * FROM (${loansSql(50)}) WHERE false`)
    await runFails(10, 'SOURCE_EMPTY')
  })

  it('a truncated parquet file', async () => {
    await withData(loansSql(4_000))
    truncateSync(join(project.root, 'data/bad.parquet'), 9_000)
    expect(await runFails(10, 'SOURCE_UNREADABLE')).toContain('data/bad.parquet')
  })

  it('values out of range, with column, row and rule; the bad rows can be looked at', async () => {
    await withData(`SELECT * REPLACE (CASE WHEN id = 41 THEN 999 ELSE age END AS age) FROM (${loansSql(50)})`)
    const message = await runFails(10, 'DATA_CONTRACT')
    expect(message).toContain('column "age", row 42 breaks "≤ 100"')
    const quarantine = /slipway show (\w+)/.exec(message)?.[1] as string
    expect((await slipway(project.root, ['show', quarantine])).stdout).toContain('age: ≤ 100')
  })

  it('too many missing values, with the share', async () => {
    writeLoans(project, { from: 'data/bad.parquet', validate: '{ completeness: { purpose: 0.99 } }' })
    await withData(
      `SELECT * REPLACE (CASE WHEN id % 20 = 0 THEN NULL ELSE purpose END AS purpose) FROM (${loansSql(100)})`,
    )
    expect(await runFails(10, 'DATA_CONTRACT')).toContain('completeness 0.95 < 0.99')
  })

  it('labels of one class only', async () => {
    await withData(`SELECT * REPLACE (1 AS defaulted) FROM (${loansSql(200)})`)
    expect(await runFails(11, 'SINGLE_CLASS')).toContain('have the label 1')
  })
})

describe('a feature function', () => {
  const signature = 'export function features({ income, age }: { income: Float64Array; age: Float64Array })'
  it.each([
    [
      'that throws',
      `${signature} { void age; if (income.length > 0) throw new Error('no income'); return { income } }`,
      'FEATURES_FAILED',
      'no income',
    ],
    [
      'that makes NaN',
      `${signature} { return { ratio: Float32Array.from(income, (x, i) => Math.log(x - x - age[i]!)) } }`,
      'FEATURES_NOT_FINITE',
      'NaN in row 1',
    ],
    [
      'that makes infinities',
      `${signature} { void age; return { ratio: Float32Array.from(income, (x) => x / 0) } }`,
      'FEATURES_NOT_FINITE',
      'Infinity in row 1',
    ],
    [
      'of the wrong length',
      `${signature} { void age; return { income: income.slice(1) } }`,
      'FEATURES_LENGTH',
      '"income"',
    ],
    [
      'that returns plain numbers',
      `${signature} { void age; return { income: Array.from(income) as never } }`,
      'FEATURES_TYPE',
      'Float32Array',
    ],
    [
      'that returns nothing',
      `${signature} { void age; void income; return undefined as never }`,
      'FEATURES_TYPE',
      'undefined',
    ],
    [
      'that looks at other rows',
      `${signature} { void age; const mean = income.reduce((a, b) => a + b, 0) / income.length; return { income: income.map((x) => x / mean) } }`,
      'FEATURES_DEPEND_ON_CHUNKS',
      'among 1',
    ],
  ])('%s', async (_, features, code, words) => {
    writeLoans(project, { features: `${features}\n` })
    const message = await runFails(11, code)
    expect(message).toContain(words)
    expect(message).toContain('features')
  })

  it('that fails on rows further down is said with its line: in the terminal, in the JSON and in Temporal', async () => {
    const lines = [
      '/** Makes features. */',
      `${signature} {`,
      "  if (age.length > 64) throw new Error('too many')",
      '  return { income, age }',
      '}',
      '',
    ]
    writeLoans(project, { features: lines.join('\n') })
    const place = {
      file: 'pipelines/loans/features.ts',
      line: 3,
      column: (lines[2]?.indexOf('new Error') as number) + 1,
    }
    const ended = await slipway(project.root, ['run', 'loans', '--wait', '--json'])
    const document = JSON.parse(ended.stdout)
    expect(document).toMatchObject({ exitCode: 11, error: { code: 'FEATURES_FAILED', ...place, text: lines[2] } })
    expect(document.error.message).toContain(`${place.file}:3:${place.column}: features throws on rows 1 to`)
    const shown = await slipway(project.root, ['show', document.runId])
    expect(`${shown.stdout}${shown.stderr}`).toContain(`${place.file}:3:${place.column}: features throws`)
    const { connect } = await import('../../workers/connect.ts')
    const { readSettings } = await import('../../workers/settings.ts')
    const { client, connection } = await connect(readSettings(project.root))
    const { events } = await client.workflow.getHandle(document.workflowId).fetchHistory()
    const failed = events?.find(({ activityTaskFailedEventAttributes }) => activityTaskFailedEventAttributes != null)
    const { failure } = failed?.activityTaskFailedEventAttributes ?? {}
    expect(failure?.message).toContain(`${place.file}:3:${place.column}: features throws`)
    const details = failure?.applicationFailureInfo?.details?.payloads?.[0]?.data
    expect(JSON.parse(Buffer.from(details as Uint8Array).toString('utf8'))).toMatchObject({ ...place, text: lines[2] })
    await connection.close()
  })

  it('that never ends is stopped when the run is cancelled', async () => {
    writeLoans(project, {
      // A handful of rows, on which it is tried before, it lives through.
      features: `${signature} { void age; while (income.length > 64) if (income.length < 0) break; return { income } }\n`,
    })
    const started = JSON.parse((await slipway(project.root, ['run', 'loans', '--json'])).stdout)
    const { connect } = await import('../../workers/connect.ts')
    const { readSettings } = await import('../../workers/settings.ts')
    const { client, connection } = await connect(readSettings(project.root))
    const handle = client.workflow.getHandle(started.workflowId)
    for (;;) {
      const { raw } = await handle.describe()
      if (raw.pendingActivities?.some(({ activityType, state }) => activityType?.name === 'trainModel' && state === 2))
        break
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    await handle.cancel()
    await expect(handle.result()).rejects.toThrow()
    expect(JSON.parse((await slipway(project.root, ['show', started.runId, '--json'])).stdout)).toMatchObject({
      status: 'cancelled',
      exitCode: 130,
    })
    await connection.close()
  })
})

describe('a command line or a definition', () => {
  it('with an unknown pipeline, suggesting the one that may be meant', async () => {
    const message = expectUserError(await slipway(project.root, ['run', 'loan']), 2, 'PIPELINE_UNKNOWN')
    expect(message).toContain('did you mean "loans"?')
  })

  it('with an unknown command, option or parameter', async () => {
    expect(expectUserError(await slipway(project.root, ['rum', 'loans']), 2, 'USAGE')).toContain('run')
    expectUserError(await slipway(project.root, ['run', 'loans', '--wiat']), 2, 'USAGE')
    expectUserError(await slipway(project.root, ['run']), 2, 'USAGE')
    expect(expectUserError(await slipway(project.root, ['run', 'loans', '--set', 'tress=3']), 2, 'USAGE')).toContain(
      '--set trees=3',
    )
  })

  it('with a syntax error, with file and line', async () => {
    const file = join(project.root, 'pipelines/loans/pipeline.ts')
    writeFileSync(file, readFileSync(file, 'utf8').replace('p.package(model)', 'p.package(model'))
    expect(expectUserError(await slipway(project.root, ['run', 'loans', '--wait']), 2, 'DEFINITION_SYNTAX')).toContain(
      'pipelines/loans/pipeline.ts:12',
    )
  })

  it('with a function that reads the clock, with file and line', async () => {
    writeLoans(project, {
      features:
        'export function features({ income }: { income: Float64Array }) {\n  return { income, now: income.map(() => Date.now()) }\n}\n',
    })
    expect(expectUserError(await slipway(project.root, ['run', 'loans', '--wait']), 2, 'CODE_IMPURE')).toContain(
      'pipelines/loans/features.ts:2',
    )
  })

  it('that asks for what does not exist', async () => {
    expectUserError(await slipway(project.root, ['show', 'nothing']), 2, 'NOT_FOUND')
    expectUserError(await slipway(project.root, ['why', 'nothing']), 2, 'NOT_FOUND')
    expectUserError(await slipway(project.root, ['compare', 'a', 'b']), 2, 'NOT_FOUND')
    expectUserError(await slipway(project.root, ['rollback', 'nothing']), 2, 'NOT_FOUND')
    expectUserError(await slipway(project.root, ['approve', 'nothing']), 2, 'NOT_FOUND')
  })
})

describe('servers that cannot be reached', () => {
  it('Temporal', async () => {
    expect(await runFails(20, 'TEMPORAL_UNREACHABLE', { TEMPORAL_ADDRESS: '127.0.0.1:9' })).toContain(
      'TEMPORAL_ADDRESS',
    )
  })

  it('S3', async () => {
    expect(
      await runFails(20, 'STORE_UNREACHABLE', {
        S3_ENDPOINT: 'http://127.0.0.1:9',
        AWS_ACCESS_KEY_ID: 'a',
        AWS_SECRET_ACCESS_KEY: 'b',
      }),
    ).toContain('S3_ENDPOINT')
  })

  it('S3 with wrong credentials', async () => {
    const { s3 } = JSON.parse((await slipway(project.root, ['status', '--json'])).stdout)
    expect(
      await runFails(20, 'STORE_DENIED', {
        S3_ENDPOINT: s3,
        AWS_ACCESS_KEY_ID: 'wrong',
        AWS_SECRET_ACCESS_KEY: 'wrong',
      }),
    ).toContain('AWS_ACCESS_KEY_ID')
  })

  it('a platform that was never started', async () => {
    const other = newProject()
    expect(expectUserError(await slipway(other.root, ['runs']), 20, 'PLATFORM_MISSING')).toContain('slipway up')
    other.remove()
  })
})

describe('bytes that were changed in the store', () => {
  let store: Store
  beforeAll(async () => {
    const { s3 } = JSON.parse((await slipway(project.root, ['status', '--json'])).stdout)
    const credentials = JSON.parse(readFileSync(keyFiles(project.root).s3, 'utf8'))
    store = createStore({
      endpoint: s3,
      bucket: 'slipway',
      region: 'us-east-1',
      credentials,
      cacheFolder: join(project.root, 'none'),
    })
  })
  const overwrite = (digest: string, body: string) =>
    store.client.send(new PutObjectCommand({ Bucket: store.bucket, Key: blobKey(digest), Body: body }))
  const plan = async () => JSON.parse((await slipway(project.root, ['plan', 'loans', '--json'])).stdout)

  it('code with a flipped byte is refused', async () => {
    // New code, so that no verified copy of it is around; planned and stored by a run that fails its contract.
    writeLoans(project, {
      features: 'export function features({ income }: { income: Float64Array }) {\n  return { flipped: income }\n}\n',
      from: 'data/none.parquet',
    })
    await runFails(10, 'SOURCE_MISSING')
    const { planPipeline } = await import('../../lib/code/plan.ts')
    const { hostVersions } = await import('../../lib/code/host.ts')
    const [digest = '', bundle] =
      [...(await planPipeline(project.root, 'loans', hostVersions())).bundles].find(([, { name }]) =>
        name.endsWith('#features'),
      ) ?? []
    await overwrite(digest, String(bundle?.code).replace('flipped', 'flopped'))
    writeLoans(project, {
      features: 'export function features({ income }: { income: Float64Array }) {\n  return { flipped: income }\n}\n',
    })
    expect(await runFails(16, 'DIGEST_MISMATCH')).toContain('holds other bytes')
  })

  it('code that nobody trusted signed is refused', async () => {
    writeLoans(project, {
      features: 'export function features({ income }: { income: Float64Array }) {\n  return { unsigned: income }\n}\n',
    })
    const { newKeyPair } = await import('../../lib/store/signing.ts')
    const key = join(project.root, 'stranger.pem')
    writeFileSync(key, newKeyPair().privateKey)
    expect(await runFails(16, 'SIGNATURE_INVALID', { SLIPWAY_SIGNING_KEY: key })).toContain(
      'none of the 1 trusted keys has signed it',
    )
  })

  it('a table with a flipped byte stops the run before anything is made of it', async () => {
    writeLoans(project, { must: '[auc.atLeast(0.999)]' })
    await runFails(12, 'GATE_FAILED')
    const split = (await plan()).steps.find(({ step }: { step: string }) => step === 'split')
    const record = JSON.parse(
      await (await import('../../lib/store/documents.ts'))
        .readDocument(store, `steps/${split.stepKey}.json`, (await import('zod')).z.json())
        .then((document) => JSON.stringify(document?.value)),
    )
    const table = JSON.parse((await slipway(project.root, ['show', record.outputs[0].digest, '--json'])).stdout)
    const file = table.content.files['data/00000']
    await overwrite(file.digest, 'x'.repeat(file.size))
    // Forget the worker's verified copy.
    await slipway(project.root, ['down'])
    const { rmSync } = await import('node:fs')
    rmSync(join(project.root, '.slipway/cache'), { recursive: true, force: true })
    expect((await slipway(project.root, ['up', '--detach'])).code).toBe(0)
    writeLoans(project, { learner: 'trees({ trees: 3 })' })
    await runFails(16, 'DIGEST_MISMATCH')
  })
})

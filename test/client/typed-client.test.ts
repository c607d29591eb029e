import { spawnSync } from 'node:child_process'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { transform } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EndpointContract } from '../../client/typed/contract.ts'
import { answeredCodes } from '../../client/typed/transport.ts'
import { writeClient } from '../../client/typed/write-client.ts'
import { statusOf } from '../../gateway/problem.ts'
import { packageRoot } from '../../lib/code/host.ts'
import { newProject, type TestProject } from '../support/project.ts'

type RowContract = EndpointContract & { readonly kind: 'rows' }

const loans: RowContract = {
  kind: 'rows',
  endpoint: 'loans',
  task: 'binary',
  outputs: undefined,
  decision: undefined,
  row: [
    { name: 'income', type: 'number', nullable: false, minimum: 0 },
    { name: 'age', type: 'integer', nullable: true },
    { name: 'purpose', type: 'string', nullable: false, enum: ['car', "it's */ home"] },
    { name: 'home owner?', type: 'boolean', nullable: false },
    { name: 'day', type: 'timestamp', nullable: true },
    { name: 'account', type: 'bigint', nullable: true },
  ],
}
const birds: RowContract = {
  ...loans,
  endpoint: 'birds-east',
  task: 'multiclass',
  outputs: ['owl', 'tit'],
  decision: 'boolean',
}
const ranges: RowContract = { ...loans, endpoint: 'ranges', task: 'quantiles', outputs: ['0.1', '0.9'] }
const ranking: RowContract = { ...loans, endpoint: 'ranking', task: 'ranking' }
const tensors: EndpointContract = {
  kind: 'tensors',
  endpoint: '2nd-text',
  inputs: [{ name: 'input_ids', datatype: 'INT64', shape: ['batch', 4] }],
  outputs: [{ name: 'logits', datatype: 'FP32', shape: ['batch', 2] }],
}

const row = `{ income: 1, age: null, purpose: 'car', 'home owner?': true, day: new Date(0), account: '9007199254740993' }`
/** What a user writes: each file of good code compiles, each other one has one mistake that the contract shows. */
const good: Record<string, string> = {
  'use-loans': `import { LoansError, loansClient, type LoansPrediction } from './loans.js'
const client = loansClient({ url: 'http://x' })
export const one: Promise<LoansPrediction> = client.predictOne(${row})
export const half = (await client.predict([${row}], { requestId: 'a' })).predictions[0]! / 2
export const isBusy = (error: unknown): boolean => error instanceof LoansError && error.code === 'OVERLOADED'`,
  'use-birds': `import { type BirdsEastLabel, birdsEastClient, birdsEastLabels } from './birds-east.js'
const songs: Record<BirdsEastLabel, string> = { owl: 'hoo', tit: 'chirp' }
const { label, probabilities: [owl, tit], answer } = await birdsEastClient({ url: 'http://x' }).predictOne(${row})
export const said: [string, number, boolean, readonly string[]] = [songs[label], owl + tit, answer, birdsEastLabels]`,
  'use-ranges': `import { rangesClient } from './ranges.js'
const answer = await rangesClient({ url: 'http://x' }).predictOne(${row})
export const width: number = answer['0.9'] - answer['0.1']`,
  'use-ranking': `import { rankingClient } from './ranking.js'
export const best: number = await rankingClient({ url: 'http://x' }).predictOne(${row})`,
  'use-tensors': `import { _2ndTextClient } from './2nd-text.js'
const { outputs } = await _2ndTextClient({ url: 'http://x' }).infer({ input_ids: { shape: [1, 4], data: [1, 2, 3, 4] } })
export const first: number | undefined = outputs.logits.data[0]`,
}

/**
 * Writes clients and code that uses them, and compiles all of it. @returns files that do not compile, with the first
 * error
 */
function compile(
  project: TestProject,
  contracts: readonly EndpointContract[],
  uses: Readonly<Record<string, string>>,
  settings: object = { lib: ['es2022', 'dom'], types: [] },
): Record<string, string> {
  for (const contract of contracts) project.write(`src/${contract.endpoint}.ts`, writeClient(contract))
  for (const [name, text] of Object.entries(uses)) project.write(`src/${name}.ts`, `${text}\n`)
  const strict = { strict: true, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, noEmit: true }
  const modules = { module: 'nodenext', moduleResolution: 'nodenext', target: 'es2022', noUnusedLocals: true }
  const typeRoots = [join(packageRoot, 'node_modules/@types')]
  project.write('package.json', JSON.stringify({ type: 'module' }))
  project.write(
    'tsconfig.json',
    JSON.stringify({ compilerOptions: { ...strict, ...modules, typeRoots, noImplicitOverride: true, ...settings } }),
  )
  const tsc = join(packageRoot, 'node_modules/typescript/bin/tsc')
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', project.root], { cwd: project.root, encoding: 'utf8' })
  const faults = [...stdout.matchAll(/^src\/([\w-]+)\.ts\(\d+,\d+\): error (.*)$/gm)]
  return Object.fromEntries(faults.toReversed().map(([, file, what]) => [file, what]))
}

describe('a typed client of an endpoint', () => {
  let project: TestProject
  beforeAll(() => {
    project = newProject()
  })
  afterAll(() => project.remove())
  const all = [loans, birds, ranges, ranking, tensors]

  it.each([
    ['browsers', { lib: ['es2022', 'dom'], types: [] }],
    ['Node', { lib: ['es2022'], types: ['node'], skipLibCheck: true }],
  ])('compiles in a strict project for %s, and so does what uses it', (_, settings) => {
    expect(compile(project, all, good, settings)).toEqual({})
  })

  it.each<[string, EndpointContract, string, RegExp]>([
    [
      'a column is renamed',
      { ...loans, row: loans.row.map((column) => (column.name === 'income' ? { ...column, name: 'pay' } : column)) },
      'use-loans',
      /'income' does not exist/,
    ],
    [
      'a column has another type',
      { ...loans, row: loans.row.map((column) => (column.name === 'income' ? { ...column, type: 'string' } : column)) },
      'use-loans',
      /'number' is not assignable to type 'string'/,
    ],
    [
      'a column may not be missing any more',
      { ...loans, row: loans.row.map((column) => ({ ...column, nullable: false })) },
      'use-loans',
      /'null' is not assignable/,
    ],
    [
      'a value is not taken any more',
      {
        ...loans,
        row: loans.row.map((column) => (column.name === 'purpose' ? { ...column, enum: ['boat'] } : column)),
      },
      'use-loans',
      /"car".* is not assignable/,
    ],
    ['a class is added', { ...birds, outputs: ['owl', 'tit', 'wren'] }, 'use-birds', /wren/],
    ['a quantile is taken away', { ...ranges, outputs: ['0.1', '0.5'] }, 'use-ranges', /0\.9/],
    [
      'it answers classes and not a number',
      { ...loans, task: 'multiclass', outputs: ['no', 'yes'] },
      'use-loans',
      /arithmetic/,
    ],
  ])('breaks the compile of what uses it when %s', (_, changed, use, fault) => {
    const others = all.filter(({ endpoint }) => endpoint !== changed.endpoint)
    const faults = compile(project, [...others, changed], good)
    expect(Object.keys(faults)).toEqual([use])
    expect(faults[use]).toMatch(fault)
  })

  it('is the same for the same contract, and knows every code that a gateway answers with', () => {
    expect(writeClient(structuredClone(birds))).toBe(writeClient(birds))
    expect([...answeredCodes].sort()).toEqual(Object.keys(statusOf).sort())
  })
})

describe('a typed client, when it asks', () => {
  interface Asked {
    readonly url: string | undefined
    readonly headers: IncomingHttpHeaders
    readonly body: unknown
  }
  const asked: Asked[] = []
  let answers: { status: number; headers?: Record<string, string>; body: object }[] = []
  let server: Server
  let url: string
  beforeAll(async () => {
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      asked.push({ url: request.url, headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString()) })
      const { status, headers = {}, body } = answers.shift() ?? { status: 500, body: {} }
      response.writeHead(status, headers).end(JSON.stringify(body))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  })
  afterAll(() => {
    server.close()
    server.closeAllConnections()
  })

  /** The module as it runs in a browser: nothing of it is Node's. */
  async function load(contract: EndpointContract) {
    const { code } = await transform(writeClient(contract), { loader: 'ts' })
    return import(`data:text/javascript,${encodeURIComponent(code)}`)
  }
  const served = { 'x-request-id': 'r1', 'x-model-version': '3', 'x-slipway-role': 'champion' }
  const busy = {
    status: 503,
    headers: { 'retry-after': '0', 'x-slipway-error': 'OVERLOADED' },
    body: { error: 'busy' },
  }

  it('sends rows, and says which version answered', async () => {
    const { loansClient } = await load(loans)
    answers = [{ status: 200, headers: served, body: { predictions: [0.25] } }]
    const client = loansClient({ url, token: 'secret', headers: { 'x-user': 'ann' } })
    expect(await client.predict([{ income: 1 }], { requestId: 'mine', timeoutMs: 50 })).toEqual({
      predictions: [0.25],
      requestId: 'r1',
      version: 3,
      role: 'champion',
    })
    const { url: path, headers, body } = asked.at(-1) as Asked
    expect([path, body]).toEqual(['/v1/models/loans:predict', { instances: [{ income: 1 }] }])
    expect(headers).toMatchObject({
      authorization: 'Bearer secret',
      'x-user': 'ann',
      'x-request-id': 'mine',
      'x-request-timeout-ms': '50',
    })
  })

  it('tries again what the gateway was too busy for, and then says so', async () => {
    const { loansClient, LoansError } = await load(loans)
    answers = [busy, { status: 200, headers: served, body: { predictions: [0.5] } }]
    expect(await loansClient({ url }).predictOne({})).toBe(0.5)
    answers = [busy, busy, { status: 200, headers: served, body: { predictions: [0.5] } }]
    const failure = await loansClient({ url, retries: 1 })
      .predictOne({})
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(LoansError)
    expect(failure).toMatchObject({ code: 'OVERLOADED', status: 503, message: 'busy' })
  })

  it('tells errors apart by their code, and that nobody answered', async () => {
    const { loansClient } = await load(loans)
    const refused = { 'x-slipway-error': 'KEY_UNKNOWN', 'x-request-id': 'r2' }
    answers = [{ status: 400, headers: refused, body: { error: 'no such key' } }]
    await expect(loansClient({ url }).predictOne({})).rejects.toMatchObject({
      code: 'KEY_UNKNOWN',
      status: 400,
      requestId: 'r2',
      message: 'no such key',
    })
    // A browser may hide the header.
    answers = [{ status: 422, body: {} }]
    await expect(loansClient({ url }).predictOne({})).rejects.toMatchObject({ code: 'FEATURES_FAILED' })
    await expect(loansClient({ url: 'http://127.0.0.1:9' }).predictOne({})).rejects.toMatchObject({
      code: 'GATEWAY_UNREACHABLE',
      status: 0,
    })
  })

  it('sends tensors with their datatypes, and gives outputs by name', async () => {
    const { _2ndTextClient } = await load(tensors)
    answers = [{ status: 200, headers: served, body: { outputs: [{ name: 'logits', shape: [1, 2], data: [0.5, 1] }] } }]
    const inputs = { input_ids: { shape: [1, 4], data: Int32Array.of(1, 2, 3, 4) } }
    const { outputs } = await _2ndTextClient({ url }).infer(inputs)
    expect(outputs).toEqual({ logits: { shape: [1, 2], data: [0.5, 1] } })
    const { url: path, body } = asked.at(-1) as Asked
    expect(path).toBe('/v2/models/2nd-text/infer')
    expect(body).toEqual({ inputs: [{ name: 'input_ids', datatype: 'INT64', shape: [1, 4], data: [1, 2, 3, 4] }] })
  })
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateSync, gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Gateway } from '../../gateway/gateway.ts'
import { packageRoot } from '../../lib/code/host.ts'
import { readWindow, writeRoute } from '../../lib/store/routes.ts'
import { ask, eventually, type Reply, startTestGateway } from '../support/gateways.ts'
import { newProject, type TestProject } from '../support/project.ts'
import { packageServed, type ServedModel } from '../support/served-models.ts'
import { openTestBucket, type TestBucket } from '../support/servers.ts'

const endpoints = ['opt', 'words', 'churn', 'ids'] as const
let server: TestBucket
let project: TestProject
let gateway: Gateway
const started: Gateway[] = []

beforeAll(async () => {
  server = await openTestBucket()
  project = newProject()
  gateway = await startTestGateway(server.store)
  started.push(gateway)
  for (const name of endpoints) {
    const variant = await packageServed(project, server.store, name)
    await writeRoute(server.store, name, { kind: 'open', variant }, 'test')
  }
  await eventually(() => endpoints.every((name) => gateway.endpoint(name)?.route !== undefined))
})
afterEach(async () => {
  for (const each of started.splice(1)) await each.stop()
})
afterAll(async () => {
  for (const each of started) await each.stop()
  await server.stop()
  project.remove()
})

type Headers = Record<string, string>
const invoke = (name: ServedModel, body: object | string | Buffer, headers: Headers = {}, on = gateway) =>
  ask(on, 'POST', `/endpoints/${name}/invocations`, body, { 'content-type': 'application/json', ...headers })
const csv = (name: ServedModel, body: string | Buffer, type = 'text/csv') =>
  invoke(name, body, { 'content-type': type })
const infer = (name: ServedModel, body: object | Buffer, headers: Headers = {}) =>
  ask(gateway, 'POST', `/v2/models/${name}/infer`, body, headers)
const predictionsOf = (reply: Reply): number[] => (reply.json() as { predictions: number[] }).predictions
const dataOf = (reply: Reply): number[] => (reply.json() as { outputs: { data: number[] }[] }).outputs[0]?.data ?? []
/** SageMaker wraps what is wrong: the status behind, and the words. */
const refusalOf = (reply: Reply): [number, string] => {
  const { OriginalStatusCode, OriginalMessage } = reply.json() as {
    OriginalStatusCode: number
    OriginalMessage: string
  }
  return [OriginalStatusCode, OriginalMessage]
}
const caseOf = (path: string): string => readFileSync(join(packageRoot, 'test/cases/serving', path), 'utf8')

/** What the rows are worth, asked as JSON records. */
const worth = async (name: ServedModel, ...rows: object[]): Promise<number[]> =>
  predictionsOf(await invoke(name, { instances: rows }))

const oslo = { city: 'Oslo', sky: 'rain' }
const rome = { city: 'Rome', sky: 'fog' }

describe('a header of CSV is recognised by its names', () => {
  it.each(['header-right', 'extra-column', 'pandas-index'])('%s.csv is one row', async (file) => {
    const answer = await csv('words', caseOf(`02-header-taken-for-data/${file}.csv`))
    expect(predictionsOf(answer)).toEqual(await worth('words', oslo))
    // The column without a name is an index that pandas wrote.
    expect(answer.headers['x-slipway-ignored']).toBe(file === 'extra-column' ? 'id' : undefined)
  })

  it('other-case.csv is refused with the names that are meant, and not scored as a row', async () => {
    expect(refusalOf(await csv('words', caseOf('02-header-taken-for-data/other-case.csv')))).toEqual([
      400,
      expect.stringContaining('did you mean city, sky?'),
    ])
  })

  it('so is one whose cells are all like the names of columns', async () => {
    expect(refusalOf(await csv('words', 'Citi,Sky\nOslo,rain\n'))[0]).toBe(400)
  })

  it('takes columns in any order by their names', async () => {
    expect(predictionsOf(await csv('words', 'sky,city\nrain,Oslo\nfog,Rome\n'))).toEqual(
      await worth('words', oslo, rome),
    )
  })

  it('believes the media type: header=present, header=absent, and nothing else', async () => {
    const words = await worth('words', { city: 'city', sky: 'sky' }, oslo)
    expect(predictionsOf(await csv('words', 'city,sky\nOslo,rain\n', 'text/csv; header=absent'))).toEqual(words)
    expect(predictionsOf(await csv('words', 'city,sky\nOslo,rain\n', 'text/csv; header="present"'))).toEqual([words[1]])
    expect(refusalOf(await csv('words', 'Oslo,rain\nRome,fog\n', 'text/csv; header=present'))).toEqual([
      400,
      expect.stringContaining('no column that the model knows: Oslo, rain; it takes city, sky'),
    ])
    expect(refusalOf(await csv('words', 'Oslo,rain\n', 'text/csv; header=maybe'))[0]).toBe(415)
  })

  it('takes a first row for data though a cell of it is the name of a column', async () => {
    expect(predictionsOf(await csv('words', 'sky,rain\nOslo,fog\n'))).toHaveLength(2)
  })

  it('refuses a column that comes twice', async () => {
    expect(refusalOf(await csv('words', 'city,sky,city\nOslo,rain,Rome\n'))).toEqual([
      400,
      'header: a second column "city"',
    ])
  })
})

describe('delimiters are not guessed', () => {
  const row = { senior: 1, plan: 'basic', tenure: 10, monthly: 70.5, total: 705, paperless: true, since: '2024-03-01' }
  it.each([
    ['pipes', 'Action|Comedy|Drama|Horror|Sci-Fi|War|Western|Crime|Noir'],
    ['semicolons', 'a;b;c;d;e;f;g;h;i;j;k'],
  ])('%s.csv is one row of eight cells', async (file, genres) => {
    expect(predictionsOf(await csv('churn', caseOf(`10-csv-dialect/${file}.csv`)))).toEqual(
      await worth('churn', { ...row, genres }),
    )
  })

  it('fields in quotes hold delimiters, quotes and line ends', async () => {
    const text = 'city,sky\r\n"Oslo","ra""in"\r\n"Ro,me","f\nog"\r\n'
    expect(predictionsOf(await csv('words', text))).toEqual(
      await worth('words', { city: 'Oslo', sky: 'ra"in' }, { city: 'Ro,me', sky: 'f\nog' }),
    )
    for (const wrong of ['Oslo,"rain\n', '"Oslo"x,rain\n'])
      expect(refusalOf(await csv('words', `city,sky\n${wrong}`))).toEqual([400, expect.stringMatching(/^record 2: /)])
  })

  it('tabs are for text/tab-separated-values', async () => {
    const tabs = 'city\tsky\nOslo\train\n'
    expect(predictionsOf(await csv('words', tabs, 'text/tab-separated-values'))).toEqual(await worth('words', oslo))
    expect((await csv('words', tabs)).status).toBe(424)
  })

  it('a row with too many cells is refused with its number and both counts', async () => {
    expect(refusalOf(await csv('words', 'city,sky\nOslo,rain\nRome,fog,x\n'))).toEqual([
      400,
      'row 2: has 3 cells, 2 are expected (city, sky)',
    ])
  })
})

describe('a cell of CSV is read as in training', () => {
  const row = {
    senior: 1,
    plan: 'basic',
    tenure: 10,
    monthly: 70.5,
    paperless: true,
    since: '2024-03-01',
    genres: 'Action',
  }
  it.each([
    ['01-blank-cell/empty-total', { ...row, total: null }],
    ['01-blank-cell/blank-total', { ...row, total: null }],
    ['01-blank-cell/zero-total', { ...row, total: 0 }],
    ['10-csv-dialect/nan', { ...row, total: null }],
    ['10-csv-dialect/ms-time', { ...row, total: 705 }],
    ['10-csv-dialect/bool01', { ...row, total: 705 }],
  ])('%s.csv', async (file, same) => {
    expect(predictionsOf(await csv('churn', caseOf(`${file}.csv`)))).toEqual(await worth('churn', same))
  })

  it.each([
    ['blank-required-monthly', /row 1, monthly: is missing/],
    ['hex-tenure', /row 1, tenure: .*"0x10"/],
  ])('%s.csv is refused', async (file, words) => {
    expect(refusalOf(await csv('churn', caseOf(`01-blank-cell/${file}.csv`)))).toEqual([
      400,
      expect.stringMatching(words),
    ])
  })
})

describe('a request in which nothing is known is refused, though every column may be missing', () => {
  it.each([
    ['/endpoints/opt/invocations', caseOf('03-nothing-known/wrong-case.json'), 'did you mean temp, city?'],
    ['/endpoints/opt/invocations', caseOf('03-nothing-known/empty-row.json'), 'no field; it takes day, temp, city'],
    ['/v2/models/opt/infer', caseOf('03-nothing-known/unknown-names.json'), 'input-0; it takes day, temp, city'],
    ['/v1/models/opt:predict', '{"inputs":{}}', 'no column; it takes day, temp, city'],
    ['/v1/models/opt:predict', '{"inputs":{"degrees":[1]}}', 'no column that the model knows: degrees'],
    ['/invocations', '{"dataframe_split":{"columns":["a"],"data":[[1]]}}', ''],
  ])('%s %s', async (path, body, words) => {
    const answer = await ask(gateway, 'POST', path, body, { 'content-type': 'application/json' })
    expect(answer.status).toBe(path.startsWith('/endpoints') ? 424 : path === '/invocations' ? 404 : 400)
    expect(answer.body.toString()).toContain(words)
  })

  it('a row that leaves everything out is one of missing values, where another row is known', async () => {
    const answer = await invoke('opt', { instances: [{ temp: 20, city: 'Oslo' }, {}] })
    expect(predictionsOf(answer)[1]).toBe((await worth('opt', { temp: null, city: null }))[0])
  })

  it('a name that differs by case from one that is not there is refused; a stranger is ignored and named', async () => {
    expect(refusalOf(await invoke('opt', { instances: [{ Temp: 20, city: 'Oslo' }] }))).toEqual([
      400,
      'instances: the model knows no field Temp; did you mean temp?',
    ])
    const answer = await invoke('opt', { instances: [{ temp: 20, city: 'Oslo', id: 7, 'größe ✓': 1 }] })
    expect(predictionsOf(answer)).toEqual(await worth('opt', { temp: 20, city: 'Oslo' }))
    expect(answer.headers['x-slipway-ignored']).toBe('id, gr%C3%B6%C3%9Fe%20%E2%9C%93')
  })

  it('a letter or two beside a column that may not be missing is named', async () => {
    expect(refusalOf(await invoke('words', { instances: [{ citty: 'Oslo', sky: 'rain' }] }))).toEqual([
      400,
      'instances: the model knows no field citty; did you mean city?',
    ])
  })
})

describe('Open Inference Protocol', () => {
  it('features are features, for a model whose columns may all be missing', async () => {
    const rows = await infer('opt', JSON.parse(caseOf('03-nothing-known/rows.json')))
    const features = await infer('opt', JSON.parse(caseOf('03-nothing-known/features.json')))
    expect(dataOf(features)).toEqual(dataOf(rows))
    expect(dataOf(rows)).toEqual(await worth('opt', { temp: 20, city: 'Oslo' }, { temp: -5, city: 'Rome' }))
    expect(dataOf(rows)[0]).not.toBe(dataOf(rows)[1])
  })

  it('half of the features is refused with what is missing', async () => {
    const heat = { name: 'heat', shape: [1], datatype: 'FP32', data: [1] }
    const answer = await infer('opt', { inputs: [heat] })
    expect([answer.status, (answer.json() as { error: string }).error]).toEqual([
      400,
      expect.stringContaining('no tensor for place'),
    ])
  })

  it.each([
    // 20 is 1.25 x 2^4, -5 is -1.25 x 2^2.
    ['FP16', [0x4d00, 0xc500]],
    ['BF16', [0x41a0, 0xc0a0]],
  ])('reads %s', async (datatype, bits) => {
    const bytes = Buffer.from(Uint16Array.from(bits).buffer)
    const temp = { name: 'temp', shape: [2], datatype, parameters: { binary_data_size: 4 } }
    const city = { name: 'city', shape: [2], datatype: 'BYTES', data: ['Oslo', 'Rome'] }
    const head = Buffer.from(JSON.stringify({ inputs: [temp, city] }))
    const answer = await infer('opt', Buffer.concat([head, bytes]), {
      'inference-header-content-length': `${head.length}`,
    })
    expect(dataOf(answer)).toEqual(await worth('opt', { temp: 20, city: 'Oslo' }, { temp: -5, city: 'Rome' }))
  })

  it('reads INT64 to the last digit where a column wants it, and as a time where that is one', async () => {
    const ids = [9007199254740993n, 9007199254740998n]
    const days = [1_704_067_200_000n, 1_704_070_800_000n]
    const tensor = (name: string) => ({ name, shape: [2], datatype: 'INT64', parameters: { binary_data_size: 16 } })
    const head = Buffer.from(JSON.stringify({ inputs: [tensor('id'), tensor('day')] }))
    const bytes = Buffer.from(BigInt64Array.from([...ids, ...days]).buffer)
    const answer = await infer('ids', Buffer.concat([head, bytes]), {
      'inference-header-content-length': `${head.length}`,
    })
    const rows = ids.map((id, i) => ({ id: String(id), day: Number(days[i]) }))
    expect(dataOf(answer)).toEqual(await worth('ids', ...rows))
    // ...992 and ...993 are one double.
    expect(dataOf(answer)).not.toEqual(
      await worth('ids', { id: '9007199254740992', day: Number(days[0]) }, rows[1] as object),
    )
  })

  it('says which shape was wrong', async () => {
    const tensor = { name: 'temp', shape: [2, 3], datatype: 'FP32', data: [1, 2, 3, 4, 5, 6] }
    expect(((await infer('opt', { inputs: [tensor] })).json() as { error: string }).error).toBe(
      'inputs[0]: expected shape [n] or [n, 1], got [2, 3]',
    )
  })
})

describe('no rows are answered by no predictions', () => {
  const empty = { inputs: [{ name: 'temp', shape: [0], datatype: 'FP32', data: [] }] }
  it.each([
    ['/endpoints/opt/invocations', 'application/json', '{"instances":[]}', '{"predictions":[]}'],
    ['/endpoints/opt/invocations', 'application/json', '{"dataframe_records":[]}', '{"predictions":[]}'],
    [
      '/endpoints/opt/invocations',
      'application/json',
      '{"dataframe_split":{"columns":["temp"],"data":[]}}',
      '{"predictions":[]}',
    ],
    ['/endpoints/opt/invocations', 'application/json', '[]', '{"predictions":[]}'],
    ['/endpoints/opt/invocations', 'application/jsonlines', '', ''],
    ['/endpoints/opt/invocations', 'text/csv', 'temp,city\n', '{"predictions":[]}'],
    ['/endpoints/opt/invocations', 'text/csv', '', '{"predictions":[]}'],
    ['/v1/models/opt:predict', 'application/json', '{"instances":[]}', '{"predictions":[]}'],
    ['/v1/models/opt:predict', 'application/json', '{"inputs":{"temp":[]}}', '{"outputs":[]}'],
  ])('%s %s %s', async (path, type, body, expected) => {
    const answer = await ask(gateway, 'POST', path, body, { 'content-type': type })
    expect([answer.status, answer.body.toString()]).toEqual([200, expected])
  })
  it('Open Inference Protocol: a tensor of shape [0]', async () => {
    expect((await infer('opt', empty)).json()).toMatchObject({
      outputs: [{ name: 'prediction', datatype: 'FP32', shape: [0], data: [] }],
    })
  })
})

describe('one JSON value a line', () => {
  const lines = `${JSON.stringify(oslo)}\n${JSON.stringify(rome)}\n`
  it.each(['application/jsonlines', 'application/x-jsonlines', 'application/jsonl', 'application/x-ndjson'])(
    '%s: lines for lines',
    async (type) => {
      const answer = await csv('words', lines, type)
      expect(answer.headers['content-type']).toBe(type)
      expect(answer.body.toString()).toBe(`${(await worth('words', oslo, rome)).join('\n')}\n`)
    },
  )
  it('arrays in the order of the schema, line ends of Windows, JSON where it is wanted', async () => {
    const answer = await invoke('words', '["Oslo","rain"]\r\n["Rome","fog"]', {
      'content-type': 'application/jsonlines',
      accept: 'application/json',
    })
    expect(predictionsOf(answer)).toEqual(await worth('words', oslo, rome))
  })
  it('a line that is no JSON, and one that is empty, is refused by its number', async () => {
    for (const wrong of ['{"city"\n', '\n'])
      expect(refusalOf(await csv('words', `${lines}${wrong}${lines}`, 'application/jsonlines'))).toEqual([
        400,
        expect.stringContaining('lines[2]: '),
      ])
  })
  it('rows alone are a request too', async () => {
    expect(predictionsOf(await invoke('words', [oslo, rome]))).toEqual(await worth('words', oslo, rome))
    expect(predictionsOf(await invoke('words', [['Oslo', 'rain']]))).toEqual(await worth('words', oslo))
  })
})

describe('what is said of a body is honoured or refused', () => {
  const body = JSON.stringify({ instances: [oslo] })
  it.each([
    ['application/json; charset=utf-8', 200],
    ['application/json; charset="UTF-8"', 200],
    ['application/json;charset=us-ascii', 200],
    ['application/json; charset=iso-8859-1', 415],
    ['application/json; charset=utf-16', 415],
    ['application/jsonx', 415],
    ['', 200],
  ])('content type %j: %i', async (type, status) => {
    const answer = await ask(gateway, 'POST', '/endpoints/words/invocations', body, { 'content-type': type })
    expect(answer.status === 200 ? 200 : refusalOf(answer)[0]).toBe(status)
  })

  it('a UTF-8 mark is skipped, UTF-16 and what is no UTF-8 is refused by name', async () => {
    expect(predictionsOf(await invoke('words', `\ufeff${body}`))).toEqual(await worth('words', oslo))
    expect(predictionsOf(await csv('words', '\ufeffcity,sky\nOslo,rain\n'))).toEqual(await worth('words', oslo))
    for (const type of ['application/json', 'text/csv', 'application/jsonlines']) {
      expect(refusalOf(await csv('words', Buffer.from(`\ufeff${body}`, 'utf16le'), type))).toEqual([
        415,
        'the body is UTF-16; UTF-8 is read',
      ])
      expect(refusalOf(await csv('words', Buffer.from('Malmö,rain\n', 'latin1'), type))).toEqual([
        400,
        'the body is no UTF-8 text',
      ])
    }
  })

  it.each([
    ['gzip', gzipSync(body), 200],
    ['x-gzip', gzipSync(body), 200],
    ['GZIP', gzipSync(body), 200],
    ['deflate', deflateSync(body), 200],
    ['', Buffer.from(body), 200],
    ['identity', Buffer.from(body), 200],
    ['identity, gzip', gzipSync(body), 200],
    ['gzip, gzip', gzipSync(gzipSync(body)), 415],
    ['zstd', Buffer.from(body), 415],
    ['gzip', Buffer.from(body), 400],
  ])('content encoding %j: %#', async (encoding, bytes, status) => {
    const answer = await invoke('words', bytes, { 'content-encoding': encoding })
    expect(answer.status === 200 ? 200 : refusalOf(answer)[0]).toBe(status)
  })

  it.each([
    ['text/csv', 'text/csv'],
    ['text/csv;q=0.4, application/json;q=0.5', 'application/json'],
    ['application/json;q=0, */*', 'text/csv'],
    ['text/*', 'text/csv'],
    ['application/jsonlines', 'application/jsonlines'],
    ['*/*;q=0.1', 'application/json'],
    ['image/png', 406],
    ['application/json;q=0', 406],
  ])('accept %s: %s', async (accept, expected) => {
    const answer = await invoke('words', body, { accept })
    expect(answer.status === 200 ? answer.headers['content-type'] : refusalOf(answer)[0]).toBe(expected)
  })

  it.each([
    ['/v1/models/words:predict', 'text/csv', 406],
    ['/v1/models/words:predict', 'text/html, */*;q=0.8', 200],
    ['/v2/models/opt/infer', 'text/csv', 406],
    ['/v2/models/opt/infer', 'application/octet-stream', 200],
  ])('%s, accept %s: %i', async (path, accept, status) => {
    const asked = path.startsWith('/v2') ? caseOf('03-nothing-known/rows.json') : body
    expect((await ask(gateway, 'POST', path, asked, { accept })).status).toBe(status)
  })

  it.each([
    ['gzip;q=0.5, br;q=0', 'gzip'],
    ['br;q=0.1, gzip', 'gzip'],
    ['x-gzip', 'gzip'],
    ['*', 'br'],
    ['gzip;q=0.5, identity', undefined],
    ['zstd', undefined],
    ['', undefined],
    ['identity;q=0, gzip;q=0.1', 'gzip'],
    ['identity;q=0', 406],
    ['*;q=0', 406],
  ])('accept encoding %j: %s', async (accepts, expected) => {
    const many = { instances: Array.from({ length: 200 }, () => oslo) }
    const answer = await invoke('words', many, { 'accept-encoding': accepts })
    expect(answer.status === 200 ? answer.headers['content-encoding'] : refusalOf(answer)[0]).toBe(expected)
  })

  it('a small answer is packed where it may not stay as it is', async () => {
    const answer = await invoke('words', body, { 'accept-encoding': 'gzip, identity;q=0' })
    expect(JSON.parse(gunzipSync(answer.body).toString())).toEqual({ predictions: await worth('words', oslo) })
  })
})

describe('HEAD', () => {
  it.each([
    '/ping',
    '/v2/health/live',
    '/v2/models/words',
    '/v2/models/words/ready',
    '/openapi.json',
    '/metrics',
    '/health',
  ])('%s is GET without the body', async (path) => {
    const [get, head] = await Promise.all(
      ['GET', 'HEAD'].map((method) => fetch(`${gateway.address}${path}`, { method })),
    )
    expect([head?.status, head?.headers.get('content-type')]).toEqual([get?.status, get?.headers.get('content-type')])
    expect(Number(head?.headers.get('content-length'))).toBeGreaterThan(0)
    expect(await head?.text()).toBe('')
    await get?.text()
  })
})

describe('answers that are kept', () => {
  it('are for requests that are read alike, not for bodies that are alike', async () => {
    const own = await startTestGateway(server.store, { cacheEntries: 100 })
    started.push(own)
    await eventually(() => own.endpoint('words')?.route !== undefined)
    const text = 'city,sky\nOslo,rain\n'
    const send = (type: string) => invoke('words', text, { 'content-type': type }, own)
    const first = await send('text/csv')
    expect([first.headers['x-cache'], predictionsOf(first).length]).toEqual(['miss', 1])
    const asData = await send('text/csv; header=absent')
    expect([asData.headers['x-cache'], predictionsOf(asData).length]).toEqual(['miss', 2])
    expect((await send('text/csv')).headers['x-cache']).toBe('hit')
    const lines = '["Oslo","rain"]'
    await invoke('words', lines, { 'content-type': 'application/jsonlines' }, own)
    expect((await invoke('words', lines, { 'content-type': 'application/json' }, own)).status).toBe(424)
  })

  it('count for drift as often as they are given', async () => {
    const own = await startTestGateway(server.store, { cacheEntries: 100 })
    started.push(own)
    await eventually(() => own.endpoint('opt')?.route !== undefined)
    const kept: (string | undefined)[] = []
    for (let i = 0; i < 7; i++)
      kept.push((await invoke('opt', { instances: [{ temp: 20, city: 'Oslo' }] }, {}, own)).headers['x-cache'])
    expect(kept).toEqual(['miss', ...Array.from({ length: 6 }, () => 'hit')])
    const sums: Record<string, number> = { requests: 0, heat: 0, place: 0, 'score:': 0 }
    for (let seq = 0; (sums.requests ?? 0) < 7; ) {
      const window = await readWindow(server.store, 'opt', own.id, seq)
      if (window === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 50))
        continue
      }
      seq++
      sums.requests = (sums.requests ?? 0) + window.champion.requests
      for (const name of ['heat', 'place', 'score:'])
        sums[name] = (sums[name] ?? 0) + totalOf(window.champion.profile[name])
    }
    expect(sums).toEqual({ requests: 7, heat: 7, place: 7, 'score:': 7 })
  })
})

/** Rows that a feature's counts are of. */
function totalOf(counts: unknown): number {
  if (typeof counts === 'number') return counts
  return typeof counts === 'object' && counts !== null
    ? Object.values(counts).reduce((sum, each) => sum + totalOf(each), 0)
    : 0
}
